"""Clients of relays in a cluster: they stand on this machine and see what a browser would."""

import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping
from typing import Literal

from tests.support import allocating, coturn

from turnfleet.commands import asking
from turnrelay import turn

Family = Literal["IPv4", "IPv6"]
"""Of a relayed address."""

_TIMEOUT = 3.0


def servers(
    address: str, *, ports: Mapping[str, int], trusted: ssl.SSLContext
) -> tuple[turn.Server, ...]:
    """Return every way to a relay; ``ports`` by the name of the listener: udp, tcp, tls."""
    listeners = ((turn.Transport(name), port) for name, port in ports.items())
    return tuple(
        turn.Server(
            address=address,
            port=port,
            transport=transport,
            context=trusted if transport is turn.Transport.TLS else None,
        )
        for transport, port in listeners
    )


def trusting(authority: coturn.Authority) -> ssl.SSLContext:
    """Return what makes a client verify certificates by one authority alone."""
    return ssl.create_default_context(cadata=authority.pem)


@contextlib.asynccontextmanager
async def allocated(server: turn.Server, *, secret: str) -> AsyncIterator[turn.Allocation]:
    """Give an allocation with a credential of one's own making, released with the block."""
    username, password = coturn.credential(secret=secret.encode(), user="client")
    async with _granted(server, username, password) as allocation:
        yield allocation


@contextlib.asynccontextmanager
async def offered(
    offer: asking.Offer, *, trusted: ssl.SSLContext, family: Family | None = None
) -> AsyncIterator[turn.Allocation]:
    """Give the allocation that one URL of an answer is good for, released with the block."""
    if offer.destination is None:
        raise ValueError(f"not a URL: {offer.url}")
    where = offer.destination
    server = turn.Server(
        address=where.host,
        port=where.port,
        transport=turn.Transport(where.transport),
        context=trusted if where.transport == "tls" else None,
    )
    async with _granted(server, offer.username, offer.credential, family) as allocation:
        yield allocation


@contextlib.asynccontextmanager
async def _granted(
    server: turn.Server, username: str, password: str, family: Family | None = None
) -> AsyncIterator[turn.Allocation]:
    async with contextlib.AsyncExitStack() as holding:
        allocation = await allocating.allocate(
            holding,
            server,
            username=username,
            password=password,
            timeout=_TIMEOUT,
            family=family,
        )
        try:
            yield allocation
        finally:
            # A client that only goes away keeps its allocation for ten minutes, and the relay.
            with contextlib.suppress(turn.Failure):
                await allocation.release()


async def refusal(server: turn.Server, *, secret: str) -> int | None:
    """Return the code with which a relay refuses an allocation; ``None`` if it gives one."""
    try:
        async with allocated(server, secret=secret):
            return None
    except turn.Refused as refused:
        return refused.code


async def passes(near: turn.Allocation, far: turn.Allocation) -> bool:
    """Return whether a packet goes from one relay to another and is answered."""
    await near.permit(far.relayed.ip)
    await far.permit(near.relayed.ip)
    await near.send(far.relayed, b"there")
    there = await far.receive(_TIMEOUT)
    await far.send(near.relayed, b"back")
    back = await near.receive(_TIMEOUT)
    return (there, back) == ((near.relayed, b"there"), (far.relayed, b"back"))
