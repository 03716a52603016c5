"""Certificates and secrets that a machine makes for itself."""

import ipaddress
import itertools
from pathlib import Path

import pytest
from cryptography import x509

from turnfleet.local import certificates, secrets
from turnfleet.model import region

DAY = 86_400.0
NOW = 1_800_000_000.0
NUMBERS = itertools.count()


def token(length: int) -> bytes:
    return next(NUMBERS).to_bytes(length, "big")


def leaf(folder: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / "tls.crt").read_bytes())


def addresses(certificate: x509.Certificate) -> set[str]:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return {str(address) for address in names.value.get_values_for_type(x509.IPAddress)}


def test_a_leaf_names_every_address_and_chains_to_the_authority(tmp_path: Path) -> None:
    folder = certificates.Authority(tmp_path, clock=lambda: NOW).issue("t", ["127.1.1.1", "::1"])
    certificate = leaf(folder)
    authority = x509.load_pem_x509_certificate((folder / "ca.crt").read_bytes())
    certificate.verify_directly_issued_by(authority)
    assert addresses(certificate) == {"127.1.1.1", "::1"}
    assert (folder / "tls.key").stat().st_mode & 0o077 == 0


def test_a_known_address_changes_nothing_and_a_new_one_extends(tmp_path: Path) -> None:
    first = certificates.Authority(tmp_path, clock=lambda: NOW)
    before = leaf(first.issue("t", ["127.1.1.1", "127.1.1.2"]))
    again = certificates.Authority(tmp_path, clock=lambda: NOW + DAY)
    assert leaf(again.issue("t", ["127.1.1.2"])) == before
    extended = leaf(again.issue("t", ["127.1.1.3"]))
    assert addresses(extended) == {"127.1.1.1", "127.1.1.2", "127.1.1.3"}
    assert extended.issuer == before.issuer


def test_a_leaf_near_its_end_is_issued_again_by_the_same_authority(tmp_path: Path) -> None:
    before = leaf(certificates.Authority(tmp_path, clock=lambda: NOW).issue("t", ["127.1.1.1"]))
    authority = (tmp_path / "ca.crt").read_text()
    later = certificates.Authority(tmp_path, clock=lambda: NOW + 380 * DAY)
    after = leaf(later.issue("t", ["127.1.1.1"]))
    assert after.not_valid_after_utc > before.not_valid_after_utc
    assert (tmp_path / "ca.crt").read_text() == authority


@pytest.mark.parametrize("file", ["t/tls.crt", "t/tls.key", "ca.crt", "ca.key"])
def test_a_spoilt_file_is_made_anew(tmp_path: Path, file: str) -> None:
    certificates.Authority(tmp_path, clock=lambda: NOW).issue("t", ["127.1.1.1"])
    (tmp_path / file).write_text("spoilt")
    folder = certificates.Authority(tmp_path, clock=lambda: NOW).issue("t", ["127.1.1.1"])
    authority = x509.load_pem_x509_certificate((tmp_path / "ca.crt").read_bytes())
    leaf(folder).verify_directly_issued_by(authority)
    assert ipaddress.ip_address("127.1.1.1").compressed in addresses(leaf(folder))


def spec(secret: str | None = None) -> region.RegionSpec:
    return region.RegionSpec(
        name="eu", latitude=0, longitude=0, realm="r", auth=region.Auth(secret_name=secret)
    )


def test_generated_secrets_are_private_and_last(tmp_path: Path) -> None:
    vault = secrets.Vault(tmp_path / "s", token=token)
    folder = vault.auth_folder(spec())
    secret = vault.secret("eu")
    again = secrets.Vault(tmp_path / "s", token=token)
    again.auth_folder(spec())
    assert (again.fleet_key, again.agent_key) == (vault.fleet_key, vault.agent_key)
    assert again.secret("eu") == secret
    assert all(path.stat().st_mode & 0o077 == 0 for path in (folder, *folder.iterdir()))
    assert vault.agent_key not in repr(secret)


def test_a_named_secret_is_the_owners_file(tmp_path: Path) -> None:
    vault = secrets.Vault(tmp_path, token=token)
    mine = tmp_path / "mine"
    mine.touch(mode=0o600)
    mine.write_text("the-first-secret\n")
    vault.auth_folder(spec("mine"))
    assert (known := vault.secret("eu")) is not None
    assert known.value == b"the-first-secret"
    mine.write_text("the-second-secret\n")
    vault.auth_folder(spec("mine"))
    assert (known := vault.secret("eu")) is not None
    assert known.value == b"the-second-secret"


@pytest.mark.parametrize(
    ("text", "mode", "why"),
    [
        (b"x" * 16, 0o644, "which others can read: chmod 600"),
        (b"", 0o600, "is empty"),
        (b"x" * 15, 0o600, "needs 16 to 128 bytes"),
        (b"x" * 129, 0o600, "needs 16 to 128 bytes"),
        (b"\xff" * 16, 0o600, "is not one line of text"),
        (b"x" * 16 + b"\n" + b"y" * 16, 0o600, "is not one line of text"),
    ],
)
def test_a_named_secret_that_is_not_fit_changes_nothing(
    tmp_path: Path, text: bytes, mode: int, why: str
) -> None:
    vault = secrets.Vault(tmp_path, token=token)
    folder = vault.auth_folder(spec())
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    known = vault.secret("eu")
    (tmp_path / "mine").write_bytes(text)
    (tmp_path / "mine").chmod(mode)
    with pytest.raises(secrets.Unavailable, match=why):
        vault.auth_folder(spec("mine"))
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    assert vault.secret("eu") == known


def test_a_spoilt_generated_secret_is_named_and_never_replaced(tmp_path: Path) -> None:
    vault = secrets.Vault(tmp_path, token=token)
    current = vault.auth_folder(spec()) / "current"
    known = vault.secret("eu")
    current.write_bytes(b"\xff\xfe")
    with pytest.raises(secrets.Unavailable, match=f"delete {current}"):
        vault.auth_folder(spec())
    assert current.read_bytes() == b"\xff\xfe"
    assert vault.secret("eu") == known
