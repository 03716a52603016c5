"""Whether the kernel ended a process for want of memory: reads the counter of its control group."""

import os
from pathlib import Path
from typing import Final

_ROOT: Final = Path("/sys/fs/cgroup")
_KEY: Final = "oom_kill"


def out_of_memory_kills(*, proc: Path = Path("/proc"), root: Path = _ROOT) -> int:
    """Return how many processes of our control group the kernel has ended so far."""
    try:
        # The names of groups are bytes, of whatever kind.
        text = os.fsdecode((proc / "self" / "cgroup").read_bytes())
    except OSError:
        return 0
    return sum(_kills(file) for line in text.split("\n") for file in _files(line, root))


def _files(line: str, root: Path) -> tuple[Path, ...]:
    match line.split(":", 2):
        case [_, "", path]:
            name, mount = "memory.events", root
        case [_, "memory", path]:
            name, mount = "memory.oom_control", root / "memory"
        case _:
            return ()
    below = path.lstrip("/")
    # In a container the group is the root of what is mounted, whatever its path is called.
    return tuple(folder / name for folder in dict.fromkeys((mount / below, mount)))


def _kills(file: Path) -> int:
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return 0
    for line in lines:
        key, _, count = line.partition(" ")
        if key == _KEY and count.strip().isdigit():
            return int(count)
    return 0
