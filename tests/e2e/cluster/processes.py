"""Programs that run until they are told to end, known by a file that outlives whoever started them.

A file holds the process id and when the process began, so that a number the kernel gave to somebody
else meanwhile is never killed.
"""

import contextlib
import os
import select
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_LAST_WORDS: Final = 1500
"""Bytes of a log that are shown when its program did not come up."""


class Processes:
    """The programs of one cluster. ``folder`` holds their ids, ``logs`` what they say."""

    def __init__(self, *, folder: Path, logs: Path) -> None:
        self._folder = folder
        self._logs = logs

    def start(self, name: str, *command: str | Path, namespace: str | None = None) -> None:
        """Start a program, in a network namespace if one is named, and go on without it.

        It gets a session of its own: Ctrl-C in the terminal is for the suite, which then ends the
        programs in their order.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        self._logs.mkdir(parents=True, exist_ok=True)
        # Not `ip netns exec`: it mounts another /sys, in which there are no cgroups.
        enter = () if namespace is None else ("nsenter", f"--net=/run/netns/{namespace}")
        pid = _spawn((*enter, *(str(part) for part in command)), self._logs / f"{name}.log")
        (self._folder / name).write_text(f"{pid} {_began(pid)}")

    def names(self) -> tuple[str, ...]:
        """Return what was started and not yet ended, in no order."""
        if not self._folder.is_dir():
            return ()
        return tuple(path.name for path in self._folder.iterdir())

    def alive(self, name: str) -> bool:
        """Return whether a program runs."""
        return self._pid(name) is not None

    def kill(self, name: str) -> None:
        """End a program as a crash would (kill -9)."""
        self.end(name, by=signal.SIGKILL)

    def end(self, name: str, *, by: signal.Signals = signal.SIGTERM, within: float = 5) -> None:
        """Signal a program and wait for its end; after ``within`` seconds it is killed."""
        pid = self._pid(name)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError), _watched(pid) as watch:
                os.kill(pid, by)
                if not select.select([watch], [], [], within)[0]:
                    os.kill(pid, signal.SIGKILL)
                    select.select([watch], [], [], within)
            with contextlib.suppress(ChildProcessError):  # another process started it
                os.waitpid(pid, 0)
        (self._folder / name).unlink(missing_ok=True)

    def last_words(self, name: str) -> str:
        """Return the end of a program's log."""
        log = self._logs / f"{name}.log"
        if not log.exists():
            return ""
        return log.read_bytes()[-_LAST_WORDS:].decode(errors="replace")

    def _pid(self, name: str) -> int | None:
        try:
            number, began = (self._folder / name).read_text().split()
        except (FileNotFoundError, ValueError):
            return None
        return int(number) if _began(int(number)) == began else None


def _spawn(command: tuple[str, ...], log: Path) -> int:
    """Start a program that may outlive this one, and return its process id."""
    program = shutil.which(command[0])
    if program is None:
        raise FileNotFoundError(f"{command[0]} is not installed")
    appending = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    return os.posix_spawn(
        program,
        command,
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, log, appending, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )


@contextlib.contextmanager
def _watched(pid: int) -> Iterator[int]:
    """Give a descriptor that is readable once the process has ended, child of ours or not."""
    descriptor = os.pidfd_open(pid)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _began(pid: int) -> str:
    """Return when a process began, in ticks since boot; empty for one that is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if fields[0] in {"Z", "X"} else fields[19]
