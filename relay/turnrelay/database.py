"""The SQLite file that coturn reads secrets, quotas and peer rules from while it runs.

Writes only what changed. WAL is mandatory: without it a writer makes coturn refuse credentials.
The file is never replaced while coturn runs, since coturn would go on reading the old one; where it
was damaged it is written anew in place.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from turnrelay import tables

_BUSY_SECONDS: Final = 0.2
"""Nobody but the agent writes; waiting longer for a stranger would stop everything else it does."""


class Failed(Exception):  # noqa: N818 - the disk's state, not a bug
    """The file cannot be written; ``sentence`` says why."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class Database:
    """One open database file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        """Of the file that coturn was started with."""

    def open(self) -> None:
        """Create or open the file. Only before coturn starts: a broken file is made anew."""
        try:
            self._connect()
        except (OSError, sqlite3.OperationalError) as error:
            self.close()
            raise Failed(self._sentence(error)) from error
        except sqlite3.DatabaseError:
            self.close()
            self._remove()
            with self._failing():
                self._connect()
        with self._failing():
            self._inode = self._path.stat().st_ino

    def apply(self, content: tables.Content) -> int:
        """Make the file say ``content`` and return how many rows that changed."""
        connection = self._connection
        if connection is None:
            raise Failed(f"the database {self._path} is not open")
        with self._failing():
            changes = 0
            wanted = tables.rows(content)
            connection.execute("BEGIN IMMEDIATE")
            try:
                for table, rows in wanted.items():
                    changes += _apply_table(connection, table, rows)
                connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise
        return changes

    def confirm(self, content: tables.Content) -> bool:
        """Make sure that whoever opens the file now reads ``content``.

        Returns whether it was damaged. An open connection reads from its memory until the next
        write, so that neither coturn nor we would notice damage before it hurts. What was damaged
        is written in place: coturn's connections take it up, and nothing ends.
        """
        wanted = tables.rows(content)
        with contextlib.suppress(sqlite3.DatabaseError):
            if self._read_anew() == wanted:
                return False
        with self._failing():
            self._check_inode()
            self._write_anew(wanted)
            if self._read_anew() != wanted:
                raise sqlite3.DatabaseError("it does not keep what is written")
        return True

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> None:
        # SQLite gives its side files the mode of the database itself.
        with contextlib.suppress(FileExistsError):
            os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        self._path.chmod(0o600)
        self._connection = sqlite3.connect(
            self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        mode = self._connection.execute("PRAGMA journal_mode=WAL").fetchone()
        if mode != ("wal",):
            raise sqlite3.OperationalError("its file system does not allow WAL")
        _create(self._connection)

    def _read_anew(self) -> dict[str, frozenset[tables.Row]]:
        self._check_inode()
        address = f"{self._path.absolute().as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS)) as fresh:
            return {
                table: frozenset(fresh.execute(statements.select))
                for table, statements in tables.STATEMENTS.items()
            }

    def _write_anew(self, wanted: Mapping[str, frozenset[tables.Row]]) -> None:
        with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as sound:
            _create(sound)
            for table, rows in wanted.items():
                sound.executemany(tables.STATEMENTS[table].insert, rows)
            connection = self._writable(sound)
            sound.backup(connection)
            # ``backup`` raises it, and coturn takes another one for an error of its statements. The
            # tables lie where they were, as they are always made in the same order.
            version = sound.execute("PRAGMA schema_version").fetchone()[0]
            connection.execute(f"PRAGMA schema_version = {version:d}")
        # From the log, whose beginning may be damaged as well, into the file itself.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _writable(self, sound: sqlite3.Connection) -> sqlite3.Connection:
        """Return a connection that ``backup`` can write to: it waits for ever for a lock."""
        if self._connection is None:
            self._check_inode()
            self._connect()
        try:
            return self._locked_once()
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            # Not even its first page can be read, so that SQLite would touch none.
            with self._path.open("r+b") as file:
                file.write(_in_wal_mode(sound.serialize()))
            self.close()
            self._connect()
            return self._locked_once()

    def _locked_once(self) -> sqlite3.Connection:
        connection = self._connection
        if connection is None:
            raise sqlite3.OperationalError("it is not open")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
        return connection

    def _check_inode(self) -> None:
        try:
            found = self._path.stat().st_ino
        except OSError as error:
            raise sqlite3.OperationalError(f"it is gone: {error.strerror}") from error
        if found != self._inode:
            raise sqlite3.OperationalError("another file is in its place, which coturn never reads")

    def _remove(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)

    @contextlib.contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise Failed(self._sentence(error)) from error

    def _sentence(self, error: Exception) -> str:
        return f"the database {self._path} cannot be used: {error}"


def _in_wal_mode(image: bytes) -> bytes:
    # The file format's versions for writing and reading (sqlite.org/fileformat.html, 1.3.3).
    return image[:18] + b"\x02\x02" + image[20:]


def _create(connection: sqlite3.Connection) -> None:
    for table in tables.TABLES:
        connection.execute(f"CREATE TABLE IF NOT EXISTS {table}")


def _apply_table(connection: sqlite3.Connection, table: str, wanted: frozenset[tables.Row]) -> int:
    statements = tables.STATEMENTS[table]
    found = frozenset(connection.execute(statements.select))
    # Deleting first lets an option's new value take the primary key of its old one; readers see
    # both at once, when the transaction ends.
    connection.executemany(statements.delete, found - wanted)
    connection.executemany(statements.insert, wanted - found)
    return len(found ^ wanted)
