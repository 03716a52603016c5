"""The cluster's own certificates, its service accounts' key and its administrator's token.

Made anew for every cluster and gone with it; good for a month, so that ``make cluster`` may stay.
"""

import datetime as dt
import ipaddress
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from tests.e2e.cluster import shape

_GOOD_FOR: Final = dt.timedelta(days=30)
_ADDRESSES: Final = ("127.0.0.1", shape.GATEWAY, shape.KUBERNETES_SERVICE)
_NAMES: Final = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Where everything is, or is to be written."""

    folder: Path

    @property
    def authority(self) -> Path:
        """Return the certificate that clients trust."""
        return self.folder / "ca.crt"

    @property
    def certificate(self) -> Path:
        """Return the API server's certificate."""
        return self.folder / "api.crt"

    @property
    def key(self) -> Path:
        """Return the key of the API server's certificate."""
        return self.folder / "api.key"

    @property
    def accounts_key(self) -> Path:
        """Return the key that service accounts' tokens are signed with."""
        return self.folder / "accounts.key"

    @property
    def tokens(self) -> Path:
        """Return the tokens that the API server knows: the administrator's."""
        return self.folder / "tokens.csv"

    @property
    def token(self) -> str:
        """Return the administrator's token."""
        return self.tokens.read_text().partition(",")[0]


def write(folder: Path) -> Files:
    """Make everything and write it into a folder that only its owner reads."""
    folder.mkdir(parents=True, mode=0o700)
    authority_key, key = _key(), _key()
    authority = _authority(authority_key)
    certificate = _certificate(key, authority, authority_key)
    files = Files(folder=folder)
    files.authority.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    files.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files.key.write_bytes(_pem(key))
    files.accounts_key.write_bytes(_pem(_key()))
    files.tokens.write_text(f'{secrets.token_hex(16)},admin,admin,"system:masters"\n')
    return files


def _authority(key: rsa.RSAPrivateKey) -> x509.Certificate:
    name = _name("turnfleet test cluster")
    usage = _usage(signs=True)
    return (
        _builder(subject=name, issuer=name, key=key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)  # Python 3.13 refuses an authority without it
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _certificate(
    key: rsa.RSAPrivateKey, authority: x509.Certificate, authority_key: rsa.RSAPrivateKey
) -> x509.Certificate:
    subject = _name("kube-apiserver")
    issuer_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    return (
        _builder(subject=subject, issuer=authority.subject, key=key)
        .add_extension(x509.SubjectAlternativeName(_names(_ADDRESSES, _NAMES)), critical=False)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(issuer_id, critical=False)
        .sign(authority_key, hashes.SHA256())
    )


def _names(addresses: Sequence[str], names: Sequence[str]) -> list[x509.GeneralName]:
    return [
        *(x509.IPAddress(ipaddress.ip_address(address)) for address in addresses),
        *(x509.DNSName(name) for name in names),
    ]


def _builder(
    *, subject: x509.Name, issuer: x509.Name, key: rsa.RSAPrivateKey
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + _GOOD_FOR)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_encipherment=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
