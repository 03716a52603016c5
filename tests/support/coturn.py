"""A bare coturn of one's own: on a loopback address that nobody else uses, gone with the test."""

import asyncio
import base64
import contextlib
import datetime as dt
import hashlib
import hmac
import ipaddress
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = dt.timedelta(days=1)
REALM = "turn.test"
SECRET = b"a secret of the tests"


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A self-signed certificate authority: ``pem`` is what a client trusts."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def issue(
        self,
        folder: Path,
        names: Sequence[str | x509.GeneralName],
        *,
        begins: dt.timedelta = dt.timedelta(days=-1),
        lasts: dt.timedelta = dt.timedelta(days=2),
        identified: bool = True,
    ) -> tuple[Path, Path]:
        """Write a certificate for addresses and host names; return its path and the key's.

        A text that is an address is written as one, unless it is given as the name of a host.
        ``begins`` is counted from now; ``identified``: it says which key signed it.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        today = dt.datetime.now(dt.UTC)
        builder = (
            _builder(subject="relay", issuer="test authority", key=key)
            .not_valid_before(today + begins)
            .not_valid_after(today + begins + lasts)
            .add_extension(x509.SubjectAlternativeName([_name(n) for n in names]), critical=False)
        )
        if identified:  # Python 3.13 asks for it
            builder = builder.add_extension(_issuer_id(self.key), critical=False)
        return _write(folder, builder.sign(self.key, hashes.SHA256()), key)


def of_no_version(certificate: bytes) -> bytes:
    """Return a certificate in PEM as if X.509 had got to version 86."""
    der = ssl.PEM_cert_to_DER_cert(certificate.decode())
    marked = der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x55", 1)
    return ssl.DER_cert_to_PEM_cert(marked).encode()


def of_odd_names(certificate: bytes, address: str) -> Iterator[bytes]:
    """Yield a certificate for an IPv4 address in PEM, with names that programs cannot read.

    Of a kind that nobody uses, which OpenSSL does not mind; or there twice; or beside garbage.
    """
    der = ssl.PEM_cert_to_DER_cert(certificate.decode())
    packed = ipaddress.IPv4Address(address).packed
    issuer = b"\x06\x03\x55\x1d\x23"
    for plain, odd in (
        (b"\x87\x04" + packed, b"\xa3\x04\x04\x02" + packed[2:]),
        (issuer, b"\x06\x03\x55\x1d\x11"),
        (issuer, b"\x06\x03\x55\x1d\x0f"),
    ):
        marked = der.replace(plain, odd, 1)
        assert marked != der
        yield ssl.DER_cert_to_PEM_cert(marked).encode()


def authority() -> Authority:
    """Make a new authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    today = dt.datetime.now(dt.UTC)
    certificate = (
        _builder(subject="test authority", issuer="test authority", key=key)
        .not_valid_before(today - dt.timedelta(days=1))
        .not_valid_after(today + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(key=key, certificate=certificate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coturn:
    """A running turnserver."""

    address: str
    udp: int | None
    tcp: int | None
    tls: int | None
    process: subprocess.Popen[bytes]
    log: Path

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.process.wait(timeout=60)

    def stop(self) -> None:
        """Freeze it: sockets stay open, nobody answers."""
        self.process.send_signal(signal.SIGSTOP)
        status = Path(f"/proc/{self.process.pid}/stat")
        while status.read_text().rpartition(")")[2].split()[0] != "T":
            time.sleep(0.001)

    def resume(self) -> None:
        """Go on after ``stop``."""
        self.process.send_signal(signal.SIGCONT)


def credential(*, secret: bytes = SECRET, user: str = "_test") -> tuple[str, str]:
    """Return a user name and password that a relay with ``secret`` takes for an hour."""
    username = f"{int(time.time()) + 3600}:{user}"
    mac = hmac.digest(secret, username.encode(), hashlib.sha1)
    return username, base64.b64encode(mac).decode()


@contextlib.asynccontextmanager
async def running(
    folder: Path,
    address: str,
    *,
    secret: bytes = SECRET,
    certificate: tuple[Path, Path] | None = None,
    udp: bool = True,
    tcp: bool = True,
    options: Sequence[str] = (),
    port: int = 3478,
    tls_port: int = 5349,
) -> AsyncIterator[Coturn]:
    """Run coturn on one loopback address until the block ends. Peers: 127.0.0.0/8 only.

    The relay address is the same as the listening one; ``options`` come last, so they win.
    """
    folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - quick, and before any I/O
    log = folder / "coturn.log"
    command = [
        "turnserver", "-n", "--log-file", "stdout", "--simple-log", "--no-cli",
        "--use-auth-secret", f"--static-auth-secret={secret.decode()}", f"--realm={REALM}",
        f"--listening-ip={address}", f"--relay-ip={address}", f"--listening-port={port}",
        f"--tls-listening-port={tls_port}", "--no-dtls", "--relay-threads=1",
        "--allow-loopback-peers", "--no-multicast-peers", f"--userdb={folder / 'turndb'}",
        f"--pidfile={folder / 'pid'}", "--min-port=50000", "--max-port=50200",
        *([] if udp else ["--no-udp"]),
        *([] if tcp else ["--no-tcp"]),
        *(["--no-tls"] if certificate is None else
          [f"--cert={certificate[0]}", f"--pkey={certificate[1]}"]),
        *options,
    ]  # fmt: skip
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)  # noqa: ASYNC220 - quick
    try:
        relay = Coturn(
            address=address,
            udp=port if udp else None,
            tcp=port if tcp else None,
            tls=tls_port if certificate else None,
            process=process,
            log=log,
        )
        await _answering(relay)
        yield relay
    finally:
        process.kill()
        process.wait(timeout=60)


async def _answering(relay: Coturn) -> None:
    ports = [port for port in (relay.tcp, relay.tls) if port]
    for _ in range(100):
        if relay.process.poll() is not None:
            break
        if all(_connects(relay.address, port) for port in ports) and (
            relay.udp is None or _binds(relay.address, relay.udp)
        ):
            return
        await asyncio.sleep(0.05)
    raise RuntimeError(f"coturn did not start: {relay.log.read_text(errors='replace')}")


def _connects(address: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=0.2):
        return True
    return False


def _binds(address: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(0.2)
        probe.connect((address, port))
        with contextlib.suppress(OSError):
            probe.send(bytes.fromhex("000100002112a442") + bytes(12))
            return probe.recv(100).startswith(b"\x01\x01")
    return False


def _name(name: str | x509.GeneralName) -> x509.GeneralName:
    if isinstance(name, x509.GeneralName):
        return name
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _issuer_id(key: ec.EllipticCurvePrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _builder(
    *, subject: str, issuer: str, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
    )


def _write(
    folder: Path, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey
) -> tuple[Path, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    certificate_path, key_path = folder / "tls.crt", folder / "tls.key"
    certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate_path, key_path
