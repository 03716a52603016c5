"""The agent's state folder: private, writable, and used by one agent at a time."""

import fcntl
import os
from pathlib import Path
from typing import Final

from turnrelay import rendering

_MODE: Final = 0o700
_PULSE: Final = "Written again and again, to find out in time where that is not possible.\n"


def files(folder: Path) -> rendering.Files:
    """Return where everything in the folder is."""
    return rendering.Files(
        configuration=folder / "turnserver.conf",
        database=folder / "turn.sqlite",
        pid=folder / "turnserver.pid",
        certificate=folder / "certificate.pem",
        key=folder / "key.pem",
    )


class Unusable(Exception):  # noqa: N818 - a state of the world, not a bug
    """The folder cannot be used; ``sentence`` says why."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class Lock:
    """Holds the folder for this process; the kernel lets go of it however the process ends."""

    def __init__(self) -> None:
        self._descriptor: int | None = None

    def take(self, folder: Path) -> None:
        """Make the folder private and take it. Raises ``Unusable``."""
        if self._descriptor is not None:
            return
        try:
            self._descriptor = _locked(folder)
        except BlockingIOError:
            raise Unusable(f"another agent uses the state folder {folder}") from None
        except OSError as error:
            raise Unusable(f"the state folder {folder} cannot be used: {error.strerror}") from error


def _locked(folder: Path) -> int:
    folder.mkdir(mode=_MODE, parents=True, exist_ok=True)
    if folder.stat().st_uid == os.geteuid():
        folder.chmod(_MODE)
    descriptor = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all. Raises ``Unusable``."""
    draft = path.with_name(f".{path.name}.draft")
    try:
        descriptor = os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        draft.replace(path)
    except OSError as error:
        raise Unusable(f"{path} cannot be written: {error.strerror}") from error


def prove_writable(folder: Path) -> None:
    """Write and replace a file, as every change has to. Raises ``Unusable``."""
    write_private(folder / "pulse", _PULSE)
