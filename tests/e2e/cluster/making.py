"""Makes a thing of the cache once: whole or not at all, however often the making is interrupted.

Whoever finds it there takes it. Two runs at once make it once: the second waits for the first.
"""

import contextlib
import fcntl
import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path


def once(wanted: Path, make: Callable[[Path], None]) -> Path:
    """Return ``wanted``; if it is not there, ``make`` puts it where it is told first.

    The name of ``wanted`` has to say all that would make it another (versions, digests).
    """
    if wanted.exists():
        return wanted
    wanted.parent.mkdir(parents=True, exist_ok=True)
    # One lock to a folder: one to a thing would stay behind for each version there ever was.
    with alone(wanted.parent / ".making.lock"):
        if not wanted.exists():
            unfinished = wanted.with_name(f".{wanted.name}.unfinished")
            clear(unfinished)
            make(unfinished)
            unfinished.rename(wanted)
    return wanted


class Busy(Exception):  # noqa: N818 - an outcome
    """Another run is inside ``alone``."""


@contextlib.contextmanager
def alone(lock: Path, *, wait: bool = True) -> Iterator[None]:
    """Keep every other run out for the block. The kernel lets go if this process is killed.

    While another is inside, waits, or raises ``Busy``.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Busy from error
        yield


def clear(path: Path) -> None:
    """Take a file or a folder away, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def digest(*files: Path) -> str:
    """Return what is another when the content of a file is."""
    content = b"".join(file.read_bytes() for file in files)
    return hashlib.sha256(content).hexdigest()[:12]
