"""Reading files that another program replaces: bounded, and one version of a folder at a time."""

import errno
import stat
from pathlib import Path
from typing import Final

_SIZE_MAX: Final = 1 << 20
_KUBERNETES_VERSION: Final = "..data"
"""The kubelet points this link at a complete new folder: files below it belong together."""


class Unreadable(Exception):  # noqa: N818 - a state of the world, not a bug
    """A file or folder cannot be read; ``sentence`` says why."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def snapshot(folder: Path) -> Path:
    """Return a folder whose content does not change while it is read, where there is one."""
    version = folder / _KUBERNETES_VERSION
    try:
        return version.resolve(strict=True) if version.is_symlink() else folder
    except (OSError, RuntimeError):  # a link to itself is the latter before Python 3.13
        return folder


def read(folder: Path, name: str) -> bytes | None:
    """Return a file's content; ``None`` if it is absent."""
    return read_file(folder / name)


def read_file(path: Path) -> bytes | None:
    """Return a file's content; ``None`` if it or its folder is absent."""
    try:
        # A named pipe in its place would block the agent for ever.
        if not stat.S_ISREG(path.stat().st_mode):
            raise Unreadable(f"{path} is not a file")
        with path.open("rb") as file:
            content = file.read(_SIZE_MAX + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {_reason(error)}") from error
    if len(content) > _SIZE_MAX:
        raise Unreadable(f"{path} is larger than {_SIZE_MAX} bytes")
    return content


def _reason(error: OSError) -> str:
    return error.strerror or errno.errorcode.get(error.errno or 0, "unknown error")
