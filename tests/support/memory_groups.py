"""A control group of one's own, whose memory can run out. Takes root."""

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_ROOT: Final = Path("/sys/fs/cgroup")
_HOG: Final = "x = []\nwhile True: x.append(bytearray(1 << 20))"
_NUMBERS: Final = itertools.count(1)
_FIRST, _NEXT = 1000, 500


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryGroup:
    """A group that programs have been started in."""

    folder: Path
    limit: str
    usage: str

    @contextlib.contextmanager
    def exhausted(self, *, victim: int) -> Iterator[None]:
        """Let the memory run out, so that the kernel has to end ``victim``."""
        _score(victim, _FIRST)
        used = int((self.folder / self.usage).read_text())
        (self.folder / self.limit).write_text(str(used + (16 << 20)))
        hog = subprocess.Popen([sys.executable, "-c", _HOG], preexec_fn=self._enter)  # noqa: PLW1509 - no threads that hold locks
        try:
            yield
        finally:
            (self.folder / self.limit).write_text("-1" if "bytes" in self.limit else "max")
            hog.send_signal(signal.SIGKILL)
            hog.wait()

    def _enter(self) -> None:
        (self.folder / "cgroup.procs").write_text(str(os.getpid()))
        _score(os.getpid(), _NEXT)


@contextlib.contextmanager
def entered() -> Iterator[MemoryGroup | None]:
    """Have what is started within the block belong to a group; ``None``: there can be none."""
    group = _made()
    if group is None:
        yield None
        return
    before = _present(group.folder.parent)
    _join(group.folder)
    try:
        yield group
    finally:
        _join(before)


def removed(group: MemoryGroup | None) -> None:
    """Take a group away, once all of its programs have ended."""
    for _ in range(100):
        if group is None or not group.folder.exists():
            return
        with contextlib.suppress(OSError):  # the last program is still being taken down
            group.folder.rmdir()
        time.sleep(0.02)


def _made() -> MemoryGroup | None:
    for parent, limit, usage in (
        (_ROOT / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
        (_ROOT, "memory.max", "memory.current"),
    ):
        folder = parent / f"turnfleet-tests-{os.getpid()}-{next(_NUMBERS)}"
        with contextlib.suppress(OSError):
            folder.mkdir()
            if (folder / limit).exists():
                return MemoryGroup(folder=folder, limit=limit, usage=usage)
            folder.rmdir()
    return None


def _present(mount: Path) -> Path:
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    wanted = "" if mount == _ROOT else "memory"
    path = next(line.split(":", 2)[2] for line in lines if line.split(":", 2)[1] == wanted)
    folder = mount / path.lstrip("/")
    return folder if folder.exists() else mount


def _join(folder: Path) -> None:
    (folder / "cgroup.procs").write_text(str(os.getpid()))


def _score(process: int, score: int) -> None:
    Path(f"/proc/{process}/oom_score_adj").write_text(str(score))
