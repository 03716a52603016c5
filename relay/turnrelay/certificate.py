"""The certificate that coturn is given.

The mounted pair is checked, then copied to where coturn reads it, so that a broken or half-written
pair never replaces a good one. Whether coturn serves it is ``presenting``'s business.
"""

import contextlib
import datetime as dt
import os
import ssl
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from turnrelay import contract, mounts, naming, placing, rendering

if TYPE_CHECKING:
    from cryptography import x509


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A certificate chain and its key, both PEM. Its repr is empty of the key."""

    chain: bytes
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What can be told about a certificate. Times are Unix seconds."""

    fingerprint: str
    """SHA-256 of the leaf in DER, hex."""
    not_before: float
    not_after: float
    names: frozenset[str] = frozenset()
    """The DNS names and addresses that it is for, in lower case."""

    def fault(self, now: float) -> str | None:
        """Return what speaks against serving it now, as a sentence."""
        if now >= self.not_after:
            return f"the certificate ended at {_moment(self.not_after)}"
        if now < self.not_before:
            return f"the certificate begins only at {_moment(self.not_before)}"
        return None


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


def recall(files: rendering.Files) -> tuple[Pair, Certificate] | None:
    """Return what an agent before this one has put where coturn reads it, if it can be served."""
    chain, key = Path(files.certificate), Path(files.key)
    try:
        _load(chain, key)
        pair = Pair(chain=chain.read_bytes(), key=key.read_bytes())
    except (OSError, ValueError):  # none, or one half of it: the agent before was killed
        return None
    leaf = _leaf(pair.chain)
    return None if leaf is None else (pair, leaf)


def install(
    pair: Pair,
    files: rendering.Files,
    *,
    now: float,
    before: Certificate | None,
    sought: naming.Sought,
) -> Certificate | str:
    """Put a pair where coturn reads it, if it is fit to follow ``before``; else say why not.

    What is out of its dates, or for other names than are ``sought``, takes the place of nothing
    that is not. Where there is nothing else it is taken: UDP clients do not ask for it.
    """
    found = _leaf(pair.chain)
    if found is None:
        return f"{contract.TLS_CERTIFICATE} holds no certificate in PEM"
    if before is not None and before.fault(now) is None:
        fault = found.fault(now) or _mismatch(found, before, sought)
        if fault is not None:
            return f"{fault}, so the one before stays in force"
    return _put(pair, files) or found


def _mismatch(found: Certificate, before: Certificate, sought: naming.Sought) -> str | None:
    """Return how a certificate is for less of what clients look for than the one before."""
    if not sought.known and not before.names <= found.names:
        return "the certificate is for other names while the relay's address is not known"
    if sought.among(before.names) and not sought.among(found.names):
        return f"the certificate is not for {sought}"
    return None


def presented(der: bytes) -> Certificate | None:
    """Return what can be told about a leaf that a handshake showed; ``None``: it is garbage."""
    return _leaf(ssl.DER_cert_to_PEM_cert(der).encode())


def _leaf(chain: bytes) -> Certificate | None:
    # Costs 50 ms of start-up, which a relay without TLS need not pay.
    from cryptography import x509  # noqa: PLC0415 - see above
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415 - see above

    try:
        leaf = x509.load_pem_x509_certificate(chain)
        return Certificate(
            fingerprint=leaf.fingerprint(hashes.SHA256()).hex(),
            not_before=leaf.not_valid_before_utc.timestamp(),
            not_after=leaf.not_valid_after_utc.timestamp(),
            names=_names(leaf),
        )
    except (ValueError, x509.InvalidVersion):
        return None


def _names(leaf: "x509.Certificate") -> frozenset[str]:
    """Return what a leaf is for: nothing where that cannot be read, which clients cannot either."""
    from cryptography import x509  # noqa: PLC0415 - as in _leaf

    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (
        ValueError,
        x509.ExtensionNotFound,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
    ):
        return frozenset()
    hosts = map(str.lower, names.get_values_for_type(x509.DNSName))
    addresses = map(str, names.get_values_for_type(x509.IPAddress))
    # Clients look for addresses elsewhere than among the names of hosts (RFC 9525, 6.5).
    return frozenset((*(host for host in hosts if placing.read_address(host) is None), *addresses))


def _put(pair: Pair, files: rendering.Files) -> str | None:
    """Write a pair that fits together; return a sentence where it does not, or cannot be."""
    folder = Path(files.certificate).parent
    with contextlib.ExitStack() as stack:
        try:
            chain = stack.enter_context(_private_file(folder, pair.chain))
            key = stack.enter_context(_private_file(folder, pair.key))
            _load(chain, key)
            chain.replace(files.certificate)
            key.replace(files.key)
        except (ssl.SSLError, ValueError) as error:
            return f"the certificate and its key do not fit together: {error}"
        except OSError as error:
            return f"the certificate cannot be written to {folder}: {error.strerror}"
    return None


def _load(chain: Path, key: Path) -> None:
    """Load a pair as a server does; raises ``ssl.SSLError`` and ``ValueError`` where it is none."""
    # Without a password OpenSSL asks the terminal for that of an encrypted key.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key, password=lambda: "")


def _moment(seconds: float) -> str:
    return dt.datetime.fromtimestamp(int(seconds), dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


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
