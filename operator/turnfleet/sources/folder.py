"""A folder of TurnRegion manifests, watched: every change of what is declared is a new Snapshot.

Looks every half second instead of asking the kernel for events, which network file systems, bind
mounts and ConfigMap volumes do not send. A file counts once it has been the same for two looks, and
is gone once it has been missing for two: editors and copies write in steps. Decides nothing about
regions; ``ledger`` does.
"""

import asyncio
import hashlib
import os
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from turnfleet.model import region
from turnfleet.sources import ledger, manifests

POLL: Final = 0.5
"""Seconds between two looks."""


class _Mark(NamedTuple):
    """Changes whenever a file may have; the change time cannot be set back, unlike the mtime."""

    inode: tuple[int, int]
    modified: int
    changed: int
    size: int
    mode: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    """A file as it was last read."""

    mark: _Mark | None
    """``None``: reading failed and is tried again."""
    digest: bytes
    documents: tuple[manifests.Manifest, ...]


class Folder:
    """Follows one folder; not recursive, hidden files (``..data`` of a ConfigMap) left out."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ledger = ledger.Ledger()
        self._marks: dict[str, _Mark] | None = None
        self._taken: dict[str, _Taken] = {}
        self._missed: set[str] = set()
        self._identity: tuple[int, int] | None = None

    async def watch(self) -> AsyncIterator[ledger.Snapshot]:
        """Yield what is declared now, and again whenever that changes, for ever."""
        last: ledger.Snapshot | None = None
        while True:
            # In a thread: a slow disk or half a second of YAML must not hold up answers.
            current = await asyncio.to_thread(self.look)
            if current != last:
                last = current
                yield current
            await asyncio.sleep(POLL)

    def look(self) -> ledger.Snapshot:
        """Return what is declared now. A folder that cannot be read changes nothing but says so."""
        try:
            marks = self._list()
            identity = _inode(self._path.stat())
        except OSError as error:
            return self._kept(f"{self._path} cannot be read: {error.strerror}")
        if self._taken and not marks and identity != self._identity:
            # An unmounted volume leaves an empty folder behind, which nobody meant as "delete all".
            return self._kept(f"{self._path} was replaced by an empty folder")
        self._identity = identity
        self._take(marks)
        self._ledger = ledger.follow(
            self._ledger, {name: taken.documents for name, taken in self._taken.items()}
        )
        return self._ledger.snapshot

    def _kept(self, problem: str) -> ledger.Snapshot:
        last = self._ledger.snapshot
        return ledger.Snapshot(
            specs=last.specs,
            held=last.held,
            complaints=(f"{problem}; every region stays as it was", *last.complaints),
        )

    def _list(self) -> dict[str, _Mark]:
        marks = {}
        with os.scandir(self._path) as entries:
            for entry in entries:
                path = Path(entry.path)
                if path.suffix.lower() in manifests.SUFFIXES and not entry.name.startswith("."):
                    mark = _mark(path)
                    if mark is not None:
                        marks[entry.name] = mark
        return marks

    def _take(self, marks: dict[str, _Mark]) -> None:
        """Read what is new and steady; forget what is gone for good."""
        first = self._marks is None
        before = self._marks or {}
        self._marks = marks
        for name, mark in marks.items():
            known = self._taken.get(name)
            steady = first or before.get(name) == mark
            if steady and (known is None or known.mark != mark):
                self._taken[name] = _read(self._path / name, mark, known)
        missing = self._taken.keys() - marks.keys()
        for name in missing & self._missed:
            del self._taken[name]
        self._missed = missing - self._missed


def _mark(path: Path) -> _Mark | None:
    """Return a file's mark; that of the link itself where a link leads nowhere."""
    try:
        status = path.stat()
    except OSError:
        try:
            status = path.lstat()
        except OSError:
            return None
    return _Mark(
        inode=_inode(status),
        modified=status.st_mtime_ns,
        changed=status.st_ctime_ns,
        size=status.st_size,
        mode=status.st_mode,
    )


def _inode(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _read(path: Path, mark: _Mark, known: _Taken | None) -> _Taken:
    """Read a file; one that cannot be read is a broken file, not an absent one."""
    if not stat.S_ISREG(mark.mode):
        # Opening a pipe would wait for its writer, for ever.
        return _unreadable(path, "it is not a regular file")
    try:
        with path.open("rb") as file:
            data = file.read(manifests.SIZE_MAX + 1)
    except OSError as error:
        return _unreadable(path, error.strerror or str(error))
    digest = hashlib.sha256(data).digest()
    if known is not None and known.digest == digest:
        return _Taken(mark=mark, digest=digest, documents=known.documents)
    return _Taken(mark=mark, digest=digest, documents=manifests.read_bytes(data, path.name))


def _unreadable(path: Path, why: str) -> _Taken:
    problem = region.Problem(path="file", sentence=f"it cannot be read: {why}")
    document = manifests.Manifest(
        file=path.name, index=0, line=1, name=None, spec=None, problems=(problem,)
    )
    return _Taken(mark=None, digest=b"", documents=(document,))
