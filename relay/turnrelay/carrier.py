"""Carries whole STUN messages to one server and back: UDP, TCP, TLS over TCP.

Decides where a message ends and what a failed socket means; knows nothing of methods, of
retransmission or of credentials. No tasks: asyncio's transports call back.
"""

import asyncio
import errno
import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from turnrelay import stun

_STREAM_BUFFER_MAX: Final = 1 << 20
"""Bytes of unfinished frames; more is a server that never ends one."""


_NO_WAY: Final = frozenset({errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
_DATES: Final = frozenset({9, 10})
"""OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED."""
_ISSUERS: Final = frozenset({2, 18, 19, 20, 21})
"""Those of no way from the certificate to an authority that is trusted:
X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, DEPTH_ZERO_SELF_SIGNED_CERT, SELF_SIGNED_CERT_IN_CHAIN,
UNABLE_TO_GET_ISSUER_CERT_LOCALLY and UNABLE_TO_VERIFY_LEAF_SIGNATURE."""


class Transport(StrEnum):
    """How a client reaches a server."""

    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One TURN URL, resolved: where to connect, and as whom to verify it."""

    address: str
    port: int
    transport: Transport
    server_name: str | None = None
    """What the certificate must name; ``None`` is the address."""
    context: ssl.SSLContext | None = None
    """For TLS; ``None`` verifies against the system's CAs."""
    source: str | None = None
    """Local address to send from; ``None`` leaves it to the kernel."""


class Failure(Exception):  # noqa: N818 - the family of outcomes, each with its own sentence
    """What went wrong between us and a server."""


class Silent(Failure):
    """No usable answer in time."""


class Closed(Silent):
    """The host answered for its server: nothing listens there, or it hung up."""


class Unroutable(Silent):
    """This machine has no way to such an address: says nothing about the server."""


class TlsFailed(Failure):
    """The handshake failed. ``mismatch``: the certificate does not verify, else the rest.

    ``expired``: what does not verify are its dates; ``unknown``: who signed it.
    """

    def __init__(
        self, sentence: str, *, mismatch: bool, expired: bool = False, unknown: bool = False
    ) -> None:
        super().__init__(sentence)
        self.mismatch = mismatch
        self.expired = expired
        self.unknown = unknown


class Inbox(Protocol):
    """Where a carrier delivers."""

    def took(self, data: bytes, /) -> None:
        """Take one whole frame."""

    def lost(self, failure: Failure, /) -> None:
        """Take the news that nothing more will come."""


@dataclass(frozen=True, slots=True)
class Carrier:
    """An open way to a server."""

    send: Callable[[bytes], None]
    close: Callable[[], None]
    reliable: bool


def verifier() -> ssl.SSLContext:
    """Return what verifies certificates as browsers do, against the system's CAs.

    Python 3.13 and later refuse what browsers take, such as a leaf without an authority key
    identifier (RFC 5280 section 4.2.1.1 asks for one); clients would miss a server that works.
    """
    context = ssl.create_default_context()
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


async def open_carrier(server: Server, inbox: Inbox) -> Carrier:
    """Connect, raising Failure. The caller bounds the time; a cancelled call leaves no socket."""
    loop = asyncio.get_running_loop()
    source = (server.source, 0) if server.source else None
    try:
        if server.transport is Transport.UDP:
            datagrams, _ = await loop.create_datagram_endpoint(
                lambda: _Datagrams(inbox),
                remote_addr=(server.address, server.port),
                local_addr=source,
            )
            return Carrier(datagrams.sendto, datagrams.abort, reliable=False)
        context, name = None, None
        if server.transport is Transport.TLS:
            context = server.context or verifier()
            name = _verifiable(server.server_name or server.address, context)
        stream, _ = await loop.create_connection(
            lambda: _Stream(inbox),
            server.address,
            server.port,
            ssl=context,
            server_hostname=name,
            local_addr=source,
        )
    except ssl.SSLCertVerificationError as error:
        raise TlsFailed(
            error.verify_message or str(error),
            mismatch=True,
            expired=error.verify_code in _DATES,
            unknown=error.verify_code in _ISSUERS,
        ) from error
    except ssl.SSLError as error:
        raise TlsFailed(str(error), mismatch=False) from error
    except OSError as error:
        raise _failure(error) from error
    return Carrier(stream.write, stream.abort, reliable=True)


def _verifiable(name: str, context: ssl.SSLContext) -> str:
    """Return ``name`` if TLS can verify it: asyncio finds out too late, and leaks the socket."""
    try:
        context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=name)
    except ValueError as error:
        raise TlsFailed(
            f"not a name that a certificate can have: {error}", mismatch=True
        ) from error
    return name


def _failure(error: OSError) -> Failure:
    number = error.errno or 0
    sentence = os.strerror(number).lower() if number > 0 else str(error) or type(error).__name__
    if isinstance(error, (ConnectionRefusedError, ConnectionResetError, BrokenPipeError)):
        return Closed(sentence)
    if error.errno in _NO_WAY:
        return Unroutable(sentence)
    return Silent(sentence)


class _Datagrams(asyncio.DatagramProtocol):
    """A datagram is a frame. The socket is connected, so ICMP refusals arrive as errors."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        del addr
        self._inbox.took(data)

    def error_received(self, exc: Exception) -> None:
        if isinstance(exc, OSError):
            self._inbox.lost(_failure(exc))


class _Stream(asyncio.Protocol):
    """Cuts a stream into frames."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._buffer = bytearray()
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        try:
            self._cut()
        except stun.Malformed as malformed:
            self._give_up(f"not a TURN server: {malformed}")

    def connection_lost(self, exc: Exception | None) -> None:
        if isinstance(exc, OSError):
            self._inbox.lost(_failure(exc))
        else:
            self._inbox.lost(Closed("the server closed the connection"))

    def _cut(self) -> None:
        while (size := stun.frame_size(bytes(self._buffer[:4]))) is not None:
            if len(self._buffer) < size:
                break
            frame = bytes(self._buffer[:size])
            del self._buffer[:size]
            self._inbox.took(frame)
        if len(self._buffer) > _STREAM_BUFFER_MAX:
            self._give_up("an endless frame")

    def _give_up(self, sentence: str) -> None:
        self._buffer.clear()
        self._inbox.lost(Closed(sentence))
        if isinstance(self._transport, asyncio.Transport):
            self._transport.abort()
