"""Which mounted pairs an agent gives to coturn, and what it says of the others."""

import datetime as dt
import ssl
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from tests.support import coturn

from turnrelay import certificate, naming, rendering

AUTHORITY = coturn.authority()
SOUGHT = naming.Sought(addresses=("192.0.2.1",))


class Installed:
    """A state folder with a good pair in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        names = ("configuration", "database", "pid", "certificate", "key")
        self.files = rendering.Files(**{name: folder / name for name in names})
        self.good = a_pair(folder / "good")
        self.before: certificate.Certificate | None = None
        found = self.install(self.good)
        assert isinstance(found, certificate.Certificate)
        self.before = found

    def install(self, pair: certificate.Pair) -> certificate.Certificate | str:
        return certificate.install(
            pair, self.files, now=time.time(), before=self.before, sought=SOUGHT
        )

    def files_now(self) -> certificate.Pair:
        chain, key = Path(self.files.certificate), Path(self.files.key)
        return certificate.Pair(chain=chain.read_bytes(), key=key.read_bytes())


def a_pair(
    folder: Path, *, days: int = -1, names: Sequence[str | x509.GeneralName] = SOUGHT.addresses
) -> certificate.Pair:
    """Return a new pair that begins in so many days, for two."""
    chain, key = AUTHORITY.issue(folder, names, begins=dt.timedelta(days=days))
    return certificate.Pair(chain=chain.read_bytes(), key=key.read_bytes())


def encrypted(key: bytes) -> bytes:
    return serialization.load_pem_private_key(key, None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"a password that nobody has"),
    )


@pytest.fixture
def installed(tmp_path: Path) -> Installed:
    return Installed(tmp_path)


def test_a_new_pair_takes_the_place_of_the_one_before(installed: Installed) -> None:
    renewed = a_pair(installed.folder / "renewed")
    found = installed.install(renewed)
    assert isinstance(found, certificate.Certificate)
    assert installed.before is not None
    assert found.fingerprint != installed.before.fingerprint
    assert installed.files_now() == renewed
    assert "PRIVATE" not in repr(renewed)


def test_a_pair_that_is_not_fit_replaces_nothing_and_leaves_nothing(installed: Installed) -> None:
    good, other = installed.good, a_pair(installed.folder / "other")
    for chain, key, sentence in (
        (good.chain, other.key, "do not fit together"),
        (good.chain, encrypted(good.key), "do not fit together"),
        (good.chain, b"garbage", "do not fit together"),
        (good.chain, b"\x00" * 64, "do not fit together"),
        (b"garbage", good.key, "holds no certificate in PEM"),
        (good.key, good.key, "holds no certificate in PEM"),
        (good.chain[:200], good.key, "holds no certificate in PEM"),
        (coturn.of_no_version(good.chain), good.key, "holds no certificate in PEM"),
    ):
        found = installed.install(certificate.Pair(chain=chain, key=key))
        assert isinstance(found, str)
        assert sentence in found
        assert installed.files_now() == good
    assert not list(installed.folder.glob(".pair-*"))


@pytest.mark.parametrize(("days", "said"), [(-10, "ended at"), (10, "begins only at")])
def test_what_is_out_of_its_dates_replaces_nothing_better(
    installed: Installed, days: int, said: str
) -> None:
    dated = a_pair(installed.folder / "dated", days=days)
    found = installed.install(dated)
    assert isinstance(found, str)
    assert said in found
    assert "the one before stays in force" in found
    assert installed.files_now() == installed.good
    installed.before = None
    assert isinstance(installed.install(dated), certificate.Certificate), "better than none"
    installed.before = certificate.Certificate(fingerprint="ab", not_before=0, not_after=1)
    assert isinstance(installed.install(dated), certificate.Certificate), "both are out"


def test_what_is_for_another_name_replaces_nothing_better(installed: Installed) -> None:
    foreign = a_pair(installed.folder / "foreign", names=["turn.elsewhere.example"])
    found = installed.install(foreign)
    assert found == "the certificate is not for 192.0.2.1, so the one before stays in force"
    assert installed.files_now() == installed.good
    installed.before = None
    taken = installed.install(foreign)
    assert isinstance(taken, certificate.Certificate), "better than none"
    assert taken.names == {"turn.elsewhere.example"}
    installed.before = taken
    another = a_pair(installed.folder / "another", names=["turn.another.example"])
    assert isinstance(installed.install(another), certificate.Certificate), "neither is"


def test_names_that_cannot_be_read_are_none_and_raise_nothing(installed: Installed) -> None:
    odd = list(coturn.of_odd_names(installed.good.chain, SOUGHT.addresses[0]))
    for chain in odd:
        shown = certificate.presented(ssl.PEM_cert_to_DER_cert(chain.decode()))
        assert shown is not None
        assert not shown.names
        found = installed.install(certificate.Pair(chain=chain, key=installed.good.key))
        assert found == "the certificate is not for 192.0.2.1, so the one before stays in force"
    installed.before = None
    better_than_none = certificate.Pair(chain=odd[0], key=installed.good.key)
    assert isinstance(installed.install(better_than_none), certificate.Certificate)


def test_an_address_among_the_names_of_hosts_is_none(installed: Installed) -> None:
    hosts = [x509.DNSName(each) for each in (SOUGHT.addresses[0], "2001:db8::1", "Turn.example")]
    found = installed.install(a_pair(installed.folder / "odd", names=hosts))
    assert found == "the certificate is not for 192.0.2.1, so the one before stays in force"
    installed.before = None
    taken = installed.install(a_pair(installed.folder / "odd", names=hosts))
    assert isinstance(taken, certificate.Certificate)
    assert taken.names == {"turn.example"}


def test_a_folder_that_cannot_be_written_leaves_the_one_before_in_force(
    installed: Installed,
) -> None:
    renewed = a_pair(installed.folder / "renewed")
    gone = rendering.Files(
        configuration=installed.files.configuration,
        database=installed.files.database,
        pid=installed.files.pid,
        certificate=installed.folder / "missing" / "certificate",
        key=installed.folder / "missing" / "key",
    )
    found = certificate.install(
        renewed, gone, now=time.time(), before=installed.before, sought=SOUGHT
    )
    assert isinstance(found, str)
    assert "cannot be written" in found


def test_what_a_handshake_shows_may_be_garbage() -> None:
    assert certificate.presented(b"") is None
    assert certificate.presented(b"\x30\x82" + bytes(300)) is None
