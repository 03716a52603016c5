"""The database that coturn reads: what it says, how little is written, what breaks it."""

import contextlib
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support import agents

from turnrelay import config, database, tables


def content(*secrets: str, refuse_all: bool = False, **changes: object) -> tables.Content:
    settings = config.parse(json.dumps(agents.document(**changes)).encode())
    assert isinstance(settings, config.Config)
    return tables.content(settings=settings, secrets=frozenset(secrets), refuse_all=refuse_all)


def rows(path: Path, table: str) -> set[tuple[str, ...]]:
    connection = sqlite3.connect(path)
    try:
        return set(connection.execute(f"SELECT * FROM {table}"))  # noqa: S608 - our own names
    finally:
        connection.close()


def test_only_what_changed_is_written(tmp_path: Path) -> None:
    file = tmp_path / "db"
    opened = database.Database(file)
    opened.open()
    assert opened.apply(content("one", "two")) == 5
    assert opened.apply(content("one", "two")) == 0
    assert opened.apply(content("two", "three")) == 2
    assert opened.apply(content("two", "three", live_allocationsPerUser=7)) == 2
    assert rows(file, "turn_secret") == {
        ("turn.example.com", "two"),
        ("turn.example.com", "three"),
    }
    opened.apply(
        content("two", refuse_all=True, live_peers={"deny": ["10.0.0.0/8"], "allow": ["::1"]})
    )
    assert rows(file, "turn_realm_option") == {
        ("turn.example.com", "user-quota", "100"),
        ("turn.example.com", "total-quota", "-1"),
        ("turn.example.com", "max-bps", "0"),
    }
    assert rows(file, "denied_peer_ip") == {("turn.example.com", "10.0.0.0-10.255.255.255")}
    assert rows(file, "allowed_peer_ip") == {("turn.example.com", "::1")}
    opened.close()


@pytest.mark.parametrize(
    ("bits", "octets"), [(None, "0"), (64_000, "8000"), (10**15, "4294967295")]
)
def test_bandwidth_is_bits_for_owners_and_octets_for_coturn(
    tmp_path: Path, bits: int | None, octets: str
) -> None:
    opened = database.Database(tmp_path / "db")
    opened.open()
    opened.apply(content("one", live_bandwidthPerAllocation=bits))
    assert ("turn.example.com", "max-bps", octets) in rows(tmp_path / "db", "turn_realm_option")
    opened.close()


def test_it_is_private_and_in_wal_mode(tmp_path: Path) -> None:
    opened = database.Database(tmp_path / "db")
    opened.open()
    opened.apply(content("one"))
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    assert (tmp_path / "db-wal").exists()
    opened.close()


def test_a_broken_file_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "db").write_bytes(b"not a database at all, " * 100)
    opened = database.Database(tmp_path / "db")
    opened.open()
    assert opened.apply(content("one")) == 4
    opened.close()


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    opened = database.Database(tmp_path / "missing" / "db")
    with pytest.raises(database.Failed, match="cannot be used"):
        opened.open()
    with pytest.raises(database.Failed, match="is not open"):
        opened.apply(content("one"))


def test_nothing_of_a_failed_write_remains(tmp_path: Path) -> None:
    opened = database.Database(tmp_path / "db")
    opened.open()
    opened.apply(content("one"))
    other = sqlite3.connect(tmp_path / "db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(database.Failed, match="locked"):
        opened.apply(content("two"))
    other.execute("ROLLBACK")
    other.close()
    assert rows(tmp_path / "db", "turn_secret") == {("turn.example.com", "one")}
    assert opened.apply(content("two")) == 2
    opened.close()


def checkpointed(file: Path) -> None:
    """Have everything in the file itself, as after a while."""
    with contextlib.closing(sqlite3.connect(file)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def garbled(file: Path) -> None:
    file.write_bytes(b"\xa5" * file.stat().st_size)


def damage_file(file: Path) -> None:
    checkpointed(file)
    garbled(file)


def damage_log(file: Path) -> None:
    garbled(file.with_name(f"{file.name}-wal"))


def truncate_file(file: Path) -> None:
    checkpointed(file)
    file.write_bytes(b"")


def forget_secrets(file: Path) -> None:
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("DELETE FROM turn_secret")


@pytest.mark.parametrize("harm", [damage_file, damage_log, truncate_file, forget_secrets])
def test_what_others_did_to_the_file_is_mended_for_every_reader(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    file = tmp_path / "db"
    opened = database.Database(file)
    opened.open()
    opened.apply(content("one"))
    reader = sqlite3.connect(file)
    select = "SELECT value FROM turn_secret"
    version = reader.execute("PRAGMA schema_version").fetchone()
    assert reader.execute(select).fetchall() == [("one",)]
    inode = file.stat().st_ino
    assert not opened.confirm(content("one"))
    harm(file)
    assert opened.confirm(content("one"))
    assert not opened.confirm(content("one"))
    assert reader.execute(select).fetchall() == [("one",)]
    assert reader.execute("PRAGMA schema_version").fetchone() == version
    assert rows(file, "turn_secret") == {("turn.example.com", "one")}
    assert file.stat().st_ino == inode
    assert opened.apply(content("two")) == 2
    reader.close()
    opened.close()


def test_a_file_that_is_gone_is_a_sentence(tmp_path: Path) -> None:
    opened = database.Database(tmp_path / "db")
    opened.open()
    opened.apply(content("one"))
    (tmp_path / "db").unlink()
    with pytest.raises(database.Failed, match="it is gone"):
        opened.confirm(content("one"))
    (tmp_path / "db").touch()
    with pytest.raises(database.Failed, match="another file"):
        opened.confirm(content("one"))
    opened.close()


def test_damage_under_a_strangers_lock_is_told_and_not_waited_for(tmp_path: Path) -> None:
    opened = database.Database(tmp_path / "db")
    opened.open()
    opened.apply(content("one"))
    with contextlib.closing(sqlite3.connect(tmp_path / "db", isolation_level=None)) as other:
        other.execute("DELETE FROM turn_secret")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(database.Failed, match="locked"):
            opened.confirm(content("one"))
    opened.close()
