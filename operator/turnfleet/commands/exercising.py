"""Exercises one URL as a client: STUN, two allocations, packets from one to the other and back."""

import asyncio
import secrets
import socket
import ssl
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from turnfleet.commands import asking
from turnrelay import stun, turn

_TIMEOUT: Final = 5.0
_SPACING: Final = 0.02
"""Seconds between packets: the pace of a voice stream."""
_PATIENCE: Final = 1.0
"""Seconds to wait for the last packets."""
LOSS_MAX: Final = 0.05
"""More loss than this is a failure."""
_REFUSALS: Final[Mapping[int, str]] = {
    stun.Code.UNAUTHENTICATED: "the relay refuses the credential (401)",
    stun.Code.FORBIDDEN: "the relay refuses: draining, or the peer is denied (403)",
    stun.Code.ALLOCATION_QUOTA_REACHED: "the user's quota on this relay is used up (486)",
    stun.Code.INSUFFICIENT_CAPACITY: "the relay has no ports left (508)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exercise:
    """How one URL did. Times in ms; ``None``: not got that far, or not applicable."""

    binding: float | None = None
    allocate: float | None = None
    rtt: float | None = None
    """Median, from us through both allocations and back again the same way."""
    loss: float | None = None
    """0 to 1, of packets there and back."""
    problem: str | None = None
    untrusted: bool = False
    """The certificate did not verify."""


async def exercise(offer: asking.Offer, *, context: ssl.SSLContext, packets: int) -> Exercise:
    """Exercise one URL. Total: every failure is a sentence in the outcome."""
    destination = offer.destination
    if destination is None:
        return Exercise(problem="not a STUN or TURN URL: a browser would refuse the whole answer")
    try:
        address = await _resolve(destination)
    except OSError as error:
        return Exercise(problem=f"{destination.host} does not resolve: {error.strerror or error}")
    server = turn.Server(
        address=address,
        port=destination.port,
        transport=turn.Transport(destination.transport),
        server_name=destination.host,
        context=context if destination.transport == "tls" else None,
    )
    run = _Run(offer, server, packets=packets)
    try:
        await run.binding()
        if destination.turn:
            await run.relay()
    except turn.Refused as refused:
        return run.outcome(_REFUSALS.get(refused.code, f"the relay refuses: {_shown(refused)}"))
    except turn.TlsFailed as failed:
        return run.outcome(f"TLS: {_shown(failed)}", untrusted=failed.mismatch)
    except turn.Failure as failure:
        return run.outcome(_shown(failure))
    return run.outcome(run.complaint())


class _Run:
    """The measurements of one exercise, as far as it got."""

    def __init__(self, offer: asking.Offer, server: turn.Server, *, packets: int) -> None:
        self._offer = offer
        self._server = server
        self._packets = packets
        self._binding: float | None = None
        self._allocate: float | None = None
        self._times: list[float] | None = None

    async def binding(self) -> None:
        """Time a STUN Binding."""
        async with turn.connect(self._server, timeout=_TIMEOUT) as connection:
            started = time.monotonic()
            await connection.binding()
            self._binding = _since(started)

    async def relay(self) -> None:
        """Time an Allocate, from connecting on, and packets through two allocations."""
        started = time.monotonic()
        async with (
            turn.connect(self._server, timeout=_TIMEOUT) as near,
            turn.connect(self._server, timeout=_TIMEOUT) as far,
        ):
            started = time.monotonic()
            mine = await self._allocation(near)
            self._allocate = _since(started)
            theirs = await self._allocation(far)
            await mine.permit(theirs.relayed.ip)
            await theirs.permit(mine.relayed.ip)
            echo = asyncio.create_task(_echo(theirs))
            try:
                self._times = await _measure(mine, theirs.relayed, self._packets)
            finally:
                echo.cancel()
                await asyncio.wait([echo])
            await mine.release()
            await theirs.release()

    def complaint(self) -> str | None:
        """Return what is wrong although nothing failed outright."""
        loss = self._loss()
        if loss is None or loss <= LOSS_MAX:
            return None
        if loss == 1:
            return "allocations work, but no packet comes through the relay ports"
        return f"{loss:.0%} of the packets were lost"

    def outcome(self, problem: str | None, *, untrusted: bool = False) -> Exercise:
        """Return what was measured."""
        return Exercise(
            binding=self._binding,
            allocate=self._allocate,
            rtt=statistics.median(self._times) if self._times else None,
            loss=self._loss(),
            problem=problem,
            untrusted=untrusted,
        )

    async def _allocation(self, connection: turn.Connection) -> turn.Allocation:
        return await connection.allocate(
            username=self._offer.username, password=self._offer.credential
        )

    def _loss(self) -> float | None:
        return None if self._times is None else 1 - len(self._times) / self._packets


async def _measure(mine: turn.Allocation, peer: stun.Address, packets: int) -> list[float]:
    """Send packets at a steady pace and return the round trip times of those that came back."""
    sent: dict[bytes, float] = {}
    times: list[float] = []

    async def collect() -> None:
        while len(times) < packets:
            _, data = await mine.receive(_TIMEOUT)
            if data in sent:
                times.append(_since(sent.pop(data)))

    collecting = asyncio.create_task(collect())
    try:
        for _ in range(packets):
            payload = secrets.token_bytes(16)
            sent[payload] = time.monotonic()
            await mine.send(peer, payload)
            await asyncio.sleep(_SPACING)
        await asyncio.wait([collecting], timeout=_PATIENCE)
    finally:
        collecting.cancel()
        await asyncio.wait([collecting])
    if not collecting.cancelled() and (error := collecting.exception()):
        raise error
    return times


async def _echo(theirs: turn.Allocation) -> None:
    while True:
        peer, data = await theirs.receive(_TIMEOUT)
        await theirs.send(peer, data)


async def _resolve(destination: asking.Destination) -> str:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_TIMEOUT):
            found = await loop.getaddrinfo(
                destination.host, destination.port, type=socket.SOCK_DGRAM
            )
    except UnicodeError as error:
        raise OSError("not a host name") from error
    return str(found[0][4][0])


def _since(started: float) -> float:
    return (time.monotonic() - started) * 1000


def _shown(failure: Exception) -> str:
    return asking.printable(str(failure))
