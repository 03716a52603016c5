"""Certificates for relays that nobody gave one: an authority of this machine, a leaf per name.

The authority is made once and lasts, so that a browser has to be told of it only once. A leaf is
issued again when a relay's address is missing from it or its time runs out; agents reload it live.
"""

import datetime as dt
import ipaddress
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from turnfleet.local import files
from turnrelay import contract

_CA_DAYS: Final = 3650
_LEAF_DAYS: Final = 397
"""The longest that browsers accept."""
_RENEW_DAYS: Final = 30
_CA_KEY: Final = "ca.key"


class Authority:
    """Issues certificates into a folder. ``clock`` returns Unix seconds."""

    def __init__(self, folder: Path, *, clock: Callable[[], float]) -> None:
        self._folder = folder
        self._clock = clock
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._key, self._certificate = self._load() or self._make()

    def issue(self, name: str, addresses: Collection[str]) -> Path:
        """Return the folder of a certificate for ``addresses`` and all it was issued for before."""
        folder = self._folder / name
        folder.mkdir(mode=0o700, exist_ok=True)
        wanted = {ipaddress.ip_address(address) for address in addresses}
        known = self._known(folder)
        if known is None or not wanted <= known:
            self._write(folder, wanted | (known or set()))
        return folder

    def _known(self, folder: Path) -> set[ipaddress.IPv4Address | ipaddress.IPv6Address] | None:
        """Return what the leaf in ``folder`` is good for, or ``None`` if it has to be replaced."""
        try:
            leaf = x509.load_pem_x509_certificate((folder / contract.TLS_CERTIFICATE).read_bytes())
            serialization.load_pem_private_key((folder / contract.TLS_KEY).read_bytes(), None)
            leaf.verify_directly_issued_by(self._certificate)
            names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        except Exception:  # noqa: BLE001 - whatever is wrong with it: it is ours to replace
            return None
        if leaf.not_valid_after_utc < self._now() + dt.timedelta(days=_RENEW_DAYS):
            return None
        return {
            address
            for address in names.value.get_values_for_type(x509.IPAddress)
            if isinstance(address, ipaddress.IPv4Address | ipaddress.IPv6Address)
        }

    def _write(
        self, folder: Path, addresses: set[ipaddress.IPv4Address | ipaddress.IPv6Address]
    ) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = (
            self._builder(f"turnfleet relays: {folder.name}", key.public_key(), _LEAF_DAYS)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(
                x509.SubjectAlternativeName(
                    [x509.IPAddress(address) for address in sorted(addresses, key=str)]
                ),
                critical=False,
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
            .sign(self._key, hashes.SHA256())
        )
        authority = _pem(self._certificate)
        # The key first: a reader between the two writes finds a pair that does not match, keeps
        # what it has and looks again.
        files.write(folder / contract.TLS_KEY, _private_pem(key), mode=files.PRIVATE)
        files.write(folder / contract.TLS_CERTIFICATE, _pem(leaf) + authority, mode=files.PUBLIC)
        files.write(folder / contract.TLS_CA, authority, mode=files.PUBLIC)

    def _load(self) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate] | None:
        try:
            key = serialization.load_pem_private_key((self._folder / _CA_KEY).read_bytes(), None)
            certificate = x509.load_pem_x509_certificate(
                (self._folder / contract.TLS_CA).read_bytes()
            )
        except (OSError, ValueError):
            return None
        renew = self._now() + dt.timedelta(days=_LEAF_DAYS)
        if (
            not isinstance(key, ec.EllipticCurvePrivateKey)
            or certificate.not_valid_after_utc < renew
        ):
            return None
        return (key, certificate) if certificate.public_key() == key.public_key() else None

    def _make(self) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("turnfleet authority of this machine")
        certificate = (
            self._builder(name, key.public_key(), _CA_DAYS, issuer=name)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        files.write(self._folder / _CA_KEY, _private_pem(key), mode=files.PRIVATE)
        files.write(self._folder / contract.TLS_CA, _pem(certificate), mode=files.PUBLIC)
        return key, certificate

    def _builder(
        self,
        subject: str | x509.Name,
        public_key: ec.EllipticCurvePublicKey,
        days: int,
        *,
        issuer: x509.Name | None = None,
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(_name(subject) if isinstance(subject, str) else subject)
            .issuer_name(issuer or self._certificate.subject)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            # An hour back: the clocks of a phone and of this machine differ.
            .not_valid_before(self._now() - dt.timedelta(hours=1))
            .not_valid_after(self._now() + dt.timedelta(days=days))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        )

    def _now(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(self._clock(), tz=dt.UTC)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    """Python 3.13 and later refuse a chain whose authority does not state its key usage."""
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _private_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
