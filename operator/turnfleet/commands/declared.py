"""The TurnRegion manifests that a command line names: files, folders, standard input.

It reads, and says what it could not read; what the manifests are worth, ``sources.manifests`` says.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from turnfleet.sources import manifests

FILE_HELP: Final = (
    "a YAML file, a folder (its .yaml, .yml and .json files), or - for standard input"
)

_STDIN: Final = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A file or folder that could not be read."""

    name: str
    sentence: str


def read(names: Sequence[str]) -> Iterator[tuple[manifests.Manifest, ...] | Unreadable]:
    """Read each file once, however often it is named."""
    seen: set[Path | str] = set()
    for path in _files(names):
        if isinstance(path, Unreadable):
            yield path
            continue
        identity = path if path == _STDIN else Path(path).resolve()
        if identity in seen:
            continue
        seen.add(identity)
        yield _read_one(path)


def _files(names: Sequence[str]) -> Iterator[str | Unreadable]:
    for name in names:
        if name == _STDIN or not Path(name).is_dir():
            yield name
            continue
        try:
            entries = sorted(Path(name).iterdir())
        except OSError as error:
            yield _unreadable(name, error)
            continue
        files = [e for e in entries if e.suffix.lower() in manifests.SUFFIXES and not e.is_dir()]
        yield from map(str, files)
        if not files:
            yield Unreadable(
                name=_printable(name),
                sentence="this folder has no .yaml, .yml or .json file; name the one that has",
            )


def _read_one(name: str) -> tuple[manifests.Manifest, ...] | Unreadable:
    most = manifests.SIZE_MAX + 1  # One over the limit is enough to be refused.
    try:
        if name == _STDIN:
            return manifests.read_bytes(sys.stdin.buffer.read(most), "standard input")
        with Path(name).open("rb") as file:
            return manifests.read_bytes(file.read(most), _printable(name))
    except (OSError, ValueError) as error:
        return _unreadable(name, error)


def _unreadable(name: str, error: OSError | ValueError) -> Unreadable:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return Unreadable(name=_printable(name), sentence=f"this cannot be read: {reason.lower()}")


def _printable(name: str) -> str:
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in name)
