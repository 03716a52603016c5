"""API keys in a folder, and the sign of a proxy that nobody trusts."""

import hashlib
from pathlib import Path

from turnfleet.api import arrivals, keys


def hashed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def test_every_entry_is_a_key_and_one_that_is_none_is_told_by_name(tmp_path: Path) -> None:
    (tmp_path / "first").write_text(f"sha256:{hashed('one')}\n")
    (tmp_path / "second").write_text(f"sha256:{hashed('two').upper()}")
    (tmp_path / "plain").write_text("a key that somebody wrote as it is")
    (tmp_path / ".hidden").write_text("not an entry")
    folder = keys.KeyFolder(tmp_path)
    folder.look()

    assert folder.hashes == (bytes.fromhex(hashed("one")), bytes.fromhex(hashed("two")))
    (complaint,) = folder.complaints
    assert "plain" in complaint
    assert "somebody" not in complaint


def test_keys_follow_a_mounted_secret_and_survive_its_absence(tmp_path: Path) -> None:
    mount = tmp_path / "mount"
    mount.mkdir()
    for version, key in (("v1", "one"), ("v2", "two")):
        (mount / f"..{version}").mkdir()
        (mount / f"..{version}" / "key").write_text(f"sha256:{hashed(key)}")
    (mount / "..data").symlink_to("..v1")
    (mount / "key").symlink_to("..data/key")
    folder = keys.KeyFolder(mount)
    folder.look()
    assert folder.hashes == (bytes.fromhex(hashed("one")),)

    (mount / ".new").symlink_to("..v2")
    (mount / ".new").rename(mount / "..data")
    folder.look()
    assert folder.hashes == (bytes.fromhex(hashed("two")),)

    mount.rename(tmp_path / "gone")
    folder.look()
    assert folder.hashes == (bytes.fromhex(hashed("two")),)
    assert "stay as they were" in folder.complaints[0]


def test_clients_that_mostly_come_from_private_addresses_are_told_of_once() -> None:
    came = arrivals.Arrivals()
    for _ in range(99):
        came.note("10.0.0.1")
    assert came.warning() is None
    for address in ("fd00::1", "100.64.0.1", "8.8.8.8", "not an address"):
        came.note(address)
    assert came.private == 102
    assert "externalTrafficPolicy" in str(came.warning())
    assert came.warning() is None
    for _ in range(200):
        came.note("8.8.4.4")
    assert came.warning() is None
