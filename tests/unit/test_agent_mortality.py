"""How the end of a process for want of memory is told from others."""

import os
from pathlib import Path

from turnrelay import mortality


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def kills(folder: Path) -> int:
    return mortality.out_of_memory_kills(proc=folder / "proc", root=folder / "cgroup")


def test_the_group_of_a_container_is_the_root_of_what_is_mounted(tmp_path: Path) -> None:
    write(tmp_path / "proc/self/cgroup", "0::/\n")
    write(tmp_path / "cgroup/memory.events", "low 0\nmax 31\noom 2\noom_kill 2\noom_group_kill 0\n")
    assert kills(tmp_path) == 2


def test_a_group_of_its_own_is_found_by_its_path(tmp_path: Path) -> None:
    write(tmp_path / "proc/self/cgroup", "0::/system.slice/turnfleet.service\n")
    write(tmp_path / "cgroup/system.slice/turnfleet.service/memory.events", "oom_kill 1\n")
    assert kills(tmp_path) == 1


def test_the_first_version_of_control_groups_is_read_as_well(tmp_path: Path) -> None:
    write(tmp_path / "proc/self/cgroup", "8:pids:/\n4:memory:/kubepods/a\n0::/\n")
    write(
        tmp_path / "cgroup/memory/kubepods/a/memory.oom_control",
        "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
    )
    assert kills(tmp_path) == 3


def test_where_nothing_is_counted_nothing_is_claimed(tmp_path: Path) -> None:
    assert kills(tmp_path) == 0
    write(tmp_path / "proc/self/cgroup", "0::/\n")
    assert kills(tmp_path) == 0
    write(tmp_path / "cgroup/memory.events", "oom_kill many\n")
    assert kills(tmp_path) == 0


def test_odd_names_and_lines_are_no_reason_to_fail(tmp_path: Path) -> None:
    write(tmp_path / "proc/self/cgroup", "")
    (tmp_path / "proc/self/cgroup").write_bytes(b"odd\n0::/\xff\n")
    assert kills(tmp_path) == 0
    odd = tmp_path / "cgroup" / os.fsdecode(b"\xff")
    write(odd / "memory.events", "oom_kill 1\n")
    assert kills(tmp_path) == 1
