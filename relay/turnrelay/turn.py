"""A TURN client (RFC 8656) on asyncio and the standard library: what a browser does, no more.

Every wait has an end: ``connect`` takes the seconds that connecting and each request may last.
Leaving ``async with`` closes the socket at once and tells a UDP server to forget the allocation;
there are no tasks to leak. Answers that are garbage or not signed are ignored as RFC 8489 has it,
so they end as ``Silent``.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from turnrelay import carrier, login, stun

Server = carrier.Server
Transport = carrier.Transport
Failure = carrier.Failure
Silent = carrier.Silent
Closed = carrier.Closed
Unroutable = carrier.Unroutable
TlsFailed = carrier.TlsFailed
verifier = carrier.verifier

_RETRANSMIT_AFTER: Final = 0.5
"""Seconds until a UDP request is sent again, doubling (RFC 8489 section 6.2.1)."""
_ROUNDS_MAX: Final = 4
"""Requests per exchange: a challenge, the answer to it, and stale nonces; then it is refused."""
_INBOUND_MAX: Final = 1024
"""Packets waiting for ``receive``; more are dropped, as a socket would."""


class Refused(Failure):
    """The server answered with an error code: it is alive and says no."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}".strip())
        self.code = code
        self.reason = reason


def connect(
    server: Server, *, timeout: float
) -> contextlib.AbstractAsyncContextManager["Connection"]:
    """Open a way to ``server``; ``timeout`` in seconds bounds connecting and every request."""
    return _connected(server, timeout)


@contextlib.asynccontextmanager
async def _connected(server: Server, seconds: float) -> AsyncIterator["Connection"]:
    connection = Connection(seconds)
    try:
        async with asyncio.timeout(seconds):
            connection.attach(await carrier.open_carrier(server, connection))
    except TimeoutError as error:
        raise Silent(f"no connection within {seconds:g} s") from error
    try:
        yield connection
    finally:
        connection.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pending:
    """A request under way. ``key``: what its success must be signed with."""

    answer: asyncio.Future[stun.Message | Failure]
    key: bytes | None


class Connection:
    """A 5-tuple: requests and their answers, and at most one allocation."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._carrier: carrier.Carrier | None = None
        self._pending: dict[bytes, _Pending] = {}
        self._inbound: asyncio.Queue[tuple[stun.Address, bytes] | Failure] = asyncio.Queue()
        self._lost: Failure | None = None
        self._login: login.Login | None = None
        self._to_release = False

    def attach(self, way: carrier.Carrier) -> None:
        """Use an open carrier."""
        self._carrier = way

    async def binding(self) -> stun.Address:
        """Ask for our own address as the server sees it (STUN)."""
        answer = await self._exchange(stun.Method.BINDING, ())
        return _required_address(answer, stun.Attribute.XOR_MAPPED_ADDRESS)

    async def allocate(
        self,
        *,
        username: str,
        password: str,
        family: Literal["IPv4", "IPv6"] | None = None,
        lifetime: int = 600,
    ) -> "Allocation":
        """Ask for a relayed address. No ``family`` leaves it to the server, as browsers do."""
        wanted = [stun.requested_transport(), stun.lifetime(lifetime)]
        if family is not None:
            wanted.append(stun.requested_family(ipv6=family == "IPv6"))
        self._login = None
        self._to_release = True  # from here on the server may hold one, even if we hear nothing
        try:
            answer = await self._exchange(
                stun.Method.ALLOCATE,
                wanted,
                credential=login.Login(username=username, password=password),
            )
        except Refused:
            self._to_release = False
            raise
        relayed = _required_address(answer, stun.Attribute.XOR_RELAYED_ADDRESS)
        return Allocation(self, relayed=relayed, lifetime=_granted(answer, asked=lifetime))

    async def permit(self, peer_ip: str) -> None:
        """Let packets from and to a peer's IP address pass (CreatePermission)."""
        peer = stun.Address(peer_ip, 0)
        await self._exchange(stun.Method.CREATE_PERMISSION, (), peer=peer)

    async def refresh(self, seconds: int) -> int:
        """Ask for another lifetime and return the one granted; 0 releases."""
        answer = await self._exchange(stun.Method.REFRESH, [stun.lifetime(seconds)])
        self._to_release = seconds > 0
        return _granted(answer, asked=seconds)

    def send(self, peer: stun.Address, data: bytes) -> None:
        """Send one packet to a peer, without any promise that it arrives."""
        transaction = _transaction()
        packed = stun.pack_address(peer, transaction=transaction)
        message = stun.Message(
            method=stun.Method.SEND,
            kind=stun.Kind.INDICATION,
            transaction=transaction,
            attributes=(
                (stun.Attribute.XOR_PEER_ADDRESS, packed),
                (stun.Attribute.DATA, data),
            ),
        )
        self._write(stun.encode(message))

    async def receive(self, seconds: float) -> tuple[stun.Address, bytes]:
        """Return the next packet and its peer; Silent when none comes in time."""
        if self._inbound.empty() and self._lost:
            raise self._lost
        try:
            async with asyncio.timeout(seconds):
                packet = await self._inbound.get()
        except TimeoutError as error:
            raise Silent(f"no packet within {seconds:g} s") from error
        if isinstance(packet, Failure):
            raise packet
        return packet

    def took(self, data: bytes) -> None:
        """Take a frame from the carrier (carrier.Inbox)."""
        try:
            message = stun.decode(data)
            if message.kind is stun.Kind.INDICATION:
                self._deliver(message)
                return
        except stun.Malformed:
            return
        pending = self._pending.get(message.transaction)
        if pending is None or pending.answer.done() or message.kind is stun.Kind.REQUEST:
            return
        unsigned = message.kind is stun.Kind.ERROR or pending.key is None
        if unsigned or stun.authentic(data, key=pending.key or b""):
            pending.answer.set_result(message)

    def lost(self, failure: Failure) -> None:
        """Take the carrier's news that it failed (carrier.Inbox)."""
        self._lost = failure
        self._inbound.put_nowait(failure)
        for pending in self._pending.values():
            if not pending.answer.done():
                pending.answer.set_result(failure)

    def close(self) -> None:
        """Close the socket; a UDP server is told to drop the allocation, without waiting."""
        way, self._carrier = self._carrier, None
        if way is None:
            return
        if self._to_release and self._login and not way.reliable and not self._lost:
            goodbye = login.request(
                stun.Method.REFRESH,
                [stun.lifetime(0)],
                transaction=_transaction(),
                signed_by=self._login,
            )
            way.send(goodbye)
        way.close()

    def _deliver(self, message: stun.Message) -> None:
        data = message.get(stun.Attribute.DATA)
        peer = message.address(stun.Attribute.XOR_PEER_ADDRESS)
        if message.method != stun.Method.DATA or data is None or peer is None:
            return
        if self._inbound.qsize() < _INBOUND_MAX:
            self._inbound.put_nowait((peer, data))

    async def _exchange(
        self,
        method: stun.Method,
        attributes: Sequence[tuple[int, bytes]],
        *,
        peer: stun.Address | None = None,
        credential: login.Login | None = None,
    ) -> stun.Message:
        """Send a request until it is answered for good: challenges and stale nonces are met."""
        try:
            async with asyncio.timeout(self._seconds):
                for _ in range(_ROUNDS_MAX):
                    answer = await self._ask(method, attributes, peer)
                    if answer.kind is stun.Kind.SUCCESS:
                        return answer
                    refusal = answer.refusal()
                    if not self._meet(refusal.code, answer, credential):
                        break
        except TimeoutError as error:
            raise Silent(f"no answer within {self._seconds:g} s") from error
        except stun.Malformed as malformed:
            raise Silent(f"a broken answer: {malformed}") from malformed
        raise Refused(refusal.code, refusal.reason)

    def _meet(self, code: int, answer: stun.Message, credential: login.Login | None) -> bool:
        """Take up a challenge; return whether asking again makes sense."""
        held = self._login
        if code == stun.Code.UNAUTHENTICATED and held is None:
            held = credential
        elif code != stun.Code.STALE_NONCE:
            return False
        challenged = held.challenged(answer) if held else None
        if challenged is None:
            return False
        self._login = challenged
        return True

    async def _ask(
        self,
        method: stun.Method,
        attributes: Sequence[tuple[int, bytes]],
        peer: stun.Address | None,
    ) -> stun.Message:
        """Send one request, again and again over UDP, and return its authentic answer."""
        held = None if method is stun.Method.BINDING else self._login
        transaction = _transaction()
        data = login.request(method, attributes, transaction=transaction, signed_by=held, peer=peer)
        pending = _Pending(
            answer=asyncio.get_running_loop().create_future(), key=held.key if held else None
        )
        self._pending[transaction] = pending
        pause = _RETRANSMIT_AFTER
        try:
            while not pending.answer.done():
                way = self._write(data)
                await asyncio.wait([pending.answer], timeout=None if way.reliable else pause)
                pause *= 2
        finally:
            del self._pending[transaction]
        answer = pending.answer.result()
        if isinstance(answer, Failure):
            raise answer
        return answer

    def _write(self, data: bytes) -> carrier.Carrier:
        if self._lost:
            raise self._lost
        if self._carrier is None:
            raise Closed("the connection is closed")
        self._carrier.send(data)
        return self._carrier


class Allocation:
    """A relayed address, for as long as its connection is open and the server keeps it."""

    def __init__(self, connection: Connection, *, relayed: stun.Address, lifetime: int) -> None:
        self.relayed = relayed
        self.lifetime = lifetime
        """Seconds that the server granted."""
        self._connection = connection

    async def permit(self, peer_ip: str) -> None:
        """Let packets from and to a peer's IP address pass, for 5 minutes."""
        await self._connection.permit(peer_ip)

    async def send(self, peer: tuple[str, int], data: bytes) -> None:
        """Send one packet to a peer, without any promise that it arrives."""
        self._connection.send(stun.Address(*peer), data)

    async def receive(self, seconds: float) -> tuple[stun.Address, bytes]:
        """Return the next packet and its peer; Silent when none comes in time."""
        return await self._connection.receive(seconds)

    async def refresh(self, seconds: int) -> int:
        """Ask for another lifetime and return the one granted."""
        return await self._connection.refresh(seconds)

    async def release(self) -> None:
        """End the allocation and wait until the server says so."""
        await self._connection.refresh(0)


def _transaction() -> bytes:
    return secrets.token_bytes(stun.TRANSACTION_SIZE)


def _granted(answer: stun.Message, *, asked: int) -> int:
    try:
        granted = answer.lifetime()
    except stun.Malformed:
        granted = None
    return asked if granted is None else granted


def _required_address(answer: stun.Message, attribute: stun.Attribute) -> stun.Address:
    try:
        address = answer.address(attribute)
    except stun.Malformed as malformed:
        raise Silent(f"a broken answer: {malformed}") from malformed
    if address is None:
        raise Silent(f"an answer without {attribute.name}")
    return address
