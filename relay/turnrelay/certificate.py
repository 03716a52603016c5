"""The certificate that coturn serves.

The mounted pair is checked, then copied to where coturn reads it, so that a broken or half-written
pair never replaces a good one.
"""

import contextlib
import os
import ssl
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from turnrelay import contract, mounts, rendering


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A certificate chain and its key, both PEM. Its repr is empty of the key."""

    chain: bytes
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What can be told about a served certificate."""

    fingerprint: str
    """SHA-256 of the leaf in DER, hex."""
    not_after: float
    """Unix seconds."""


def read(folder: Path) -> Pair | str:
    """Return the mounted pair, or a sentence that says why there is none."""
    try:
        version = mounts.snapshot(folder)
        chain = mounts.read(version, contract.TLS_CERTIFICATE)
        key = mounts.read(version, contract.TLS_KEY)
    except mounts.Unreadable as error:
        return error.sentence
    if not chain or not key:
        missing = contract.TLS_KEY if chain else contract.TLS_CERTIFICATE
        return f"the TLS folder {folder} has no {missing} yet"
    return Pair(chain=chain, key=key)


def install(pair: Pair, files: rendering.Files) -> Certificate | str:
    """Put a pair where coturn reads it, if it fits together; else return a sentence."""
    # Costs 50 ms of start-up, which a relay without TLS need not pay.
    from cryptography import x509  # noqa: PLC0415 - see above
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415 - see above

    with contextlib.ExitStack() as stack:
        try:
            leaf = x509.load_pem_x509_certificate(pair.chain)
            not_after = leaf.not_valid_after_utc.timestamp()
        except ValueError:
            return f"{contract.TLS_CERTIFICATE} holds no certificate in PEM"
        folder = Path(files.certificate).parent
        try:
            chain = stack.enter_context(_private_file(folder, pair.chain))
            key = stack.enter_context(_private_file(folder, pair.key))
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(chain, key, password=_no_one)
            chain.replace(files.certificate)
            key.replace(files.key)
        except (ssl.SSLError, ValueError) as error:
            return f"the certificate and its key do not fit together: {error}"
        except OSError as error:
            return f"the certificate cannot be written to {folder}: {error.strerror}"
    return Certificate(
        fingerprint=leaf.fingerprint(hashes.SHA256()).hex(),
        not_after=not_after,
    )


def _no_one() -> str:
    # Without this OpenSSL asks the terminal for the password of an encrypted key.
    return ""


@contextlib.contextmanager
def _private_file(folder: Path, content: bytes) -> Iterator[Path]:
    descriptor, name = tempfile.mkstemp(dir=folder, prefix=".pair-")
    path = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        yield path
    finally:
        path.unlink(missing_ok=True)
