"""The SQLite file that one replica's sources survive a restart in. Blocks; one thread at a time.

A row is one source: its hash, its cell, its packed facts. There is no address in it. WAL, so that
to save is one append; the file and its log are bounded, whatever else they would grow to.

What is in it belongs to one fleet key: a source is a hash by it, and who had it could make any
report. Opened for another key, the file is emptied.
"""

import contextlib
import hmac
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from turnfleet.learn import sources

FILE: Final = "learned.sqlite"
SIZE_MAX: Final = 32 << 20
"""Bytes of the file: several times what all facts take. Its log and a broken one take as much."""

_ASIDE: Final = "learned.broken"
_APPLICATION: Final = 0x7475_726E
_VERSION: Final = 2
_BUSY_SECONDS: Final = 1.0
_LOG_MAX: Final = 4 << 20
_PAGE: Final = 4096
_SCHEMA: Final = (
    """CREATE TABLE source (
         hash BLOB PRIMARY KEY, cell TEXT NOT NULL, facts BLOB NOT NULL
       ) WITHOUT ROWID""",
    "CREATE TABLE owner (mark BLOB NOT NULL)",
)
_PURPOSE: Final = b"turnfleet/learned/file"
_MARK_SIZE: Final = 8


class Unusable(Exception):  # noqa: N818 - a state of the disk, not a bug
    """The file cannot be read or written now; the text says why."""


class Broken(Unusable):
    """The file was damaged, or another program's, and was set aside. The next save starts anew."""


class Store:
    """One folder's file, opened when it is first needed."""

    def __init__(self, folder: Path, *, fleet_key: bytes, size_max: int = SIZE_MAX) -> None:
        self._owner = hmac.digest(fleet_key, _PURPOSE, "sha256")[:_MARK_SIZE]
        self._folder = folder
        self._path = folder / FILE
        self._size_max = size_max
        self._connection: sqlite3.Connection | None = None

    def load(self) -> dict[bytes, sources.Record]:
        """Return all that was saved. What of it makes no sense is found by who takes it."""
        try:
            with self._failing():
                return _read(self._open())
        except Broken:
            raise
        except Unusable:
            # A disk that cannot be written can often be read.
            found = self._read_only()
            if found is None:
                raise
            return found

    def save(self, changes: Mapping[bytes, sources.Record | None], *, anew: bool = False) -> None:
        """Save some sources, and drop those that there is nothing of any more: all, or none.

        ``anew``: what is not among them is dropped, too.
        """
        gone = [(source,) for source, record in changes.items() if record is None]
        kept = [(s, r.cell, r.facts) for s, r in changes.items() if r is not None]
        with self._failing():
            connection = self._open()
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                if anew:
                    connection.execute("DELETE FROM source")
                connection.executemany("DELETE FROM source WHERE hash = ?", gone)
                connection.executemany("INSERT OR REPLACE INTO source VALUES (?, ?, ?)", kept)

    def size(self) -> int:
        """Return the bytes of the file and of its log."""
        found = 0
        for suffix in ("", "-wal"):
            with contextlib.suppress(OSError):
                found += Path(f"{self._path}{suffix}").stat().st_size
        return found

    def close(self) -> None:
        """Let go of the file; it is opened again when needed."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def _read_only(self) -> dict[bytes, sources.Record] | None:
        uri = f"{self._path.absolute().as_uri()}?mode=ro&immutable=1"
        try:
            with contextlib.closing(sqlite3.connect(uri, uri=True)) as connection:
                return _read(connection) if self._owns(connection) else {}
        except sqlite3.Error:
            return None

    def _owns(self, connection: sqlite3.Connection) -> bool:
        return connection.execute("SELECT mark FROM owner").fetchall() == [(self._owner,)]

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            # The thread of an executor, never two at once.
            self._connection = sqlite3.connect(
                self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._prepare(self._connection)
        return self._connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        [(application,)] = connection.execute("PRAGMA application_id")
        [(version,)] = connection.execute("PRAGMA user_version")
        [(pages,)] = connection.execute("PRAGMA page_count")
        if pages and (application, version) != (_APPLICATION, _VERSION):
            raise sqlite3.DatabaseError("it is of another program or another version")
        [(verdict,)] = connection.execute("PRAGMA quick_check(1)")
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
        connection.execute(f"PRAGMA page_size = {_PAGE}")
        connection.execute("PRAGMA journal_mode = WAL")
        # A power cut may cost the last saves, never the file.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA journal_size_limit = {_LOG_MAX}")
        connection.execute(f"PRAGMA max_page_count = {self._size_max // _PAGE}")
        if not pages:
            connection.execute("BEGIN IMMEDIATE")
            with connection:
                for statement in _SCHEMA:
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {_APPLICATION}")
                connection.execute(f"PRAGMA user_version = {_VERSION}")
        if not self._owns(connection):
            connection.execute("BEGIN IMMEDIATE")
            with connection:
                connection.execute("DELETE FROM source")
                connection.execute("DELETE FROM owner")
                connection.execute("INSERT INTO owner VALUES (?)", (self._owner,))

    @contextlib.contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.OperationalError) as error:
            # Full, read-only, locked, gone: the file itself may be well.
            self.close()
            raise Unusable(f"{self._path} cannot be used: {error}") from None
        except sqlite3.DatabaseError as error:
            self.close()
            self._set_aside()
            raise Broken(f"{self._path} was set aside as {_ASIDE}: {error}") from None

    def _set_aside(self) -> None:
        """Make room for a new file; the last broken one is kept for whoever wants to look."""
        with contextlib.suppress(OSError):
            self._path.replace(self._folder / _ASIDE)
        for suffix in ("-wal", "-shm"):
            with contextlib.suppress(OSError):
                Path(f"{self._path}{suffix}").unlink()


def _read(connection: sqlite3.Connection) -> dict[bytes, sources.Record]:
    rows = connection.execute("SELECT hash, cell, facts FROM source").fetchall()
    return {
        source: sources.Record(cell=cell, facts=packed)
        for source, cell, packed in rows
        if isinstance(source, bytes) and isinstance(cell, str) and isinstance(packed, bytes)
    }
