"""Calls through a fleet's relays: packets go there and back all the while, and are counted."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from tests.support import cluster_clients

from turnfleet.commands import asking
from turnrelay import turn

_PACE: Final = 0.05
"""Seconds between packets: on a machine that is four nodes a voice stream's 0.02 costs too much."""
_LATE: Final = 3.0
"""Seconds after which a packet that has not come back is lost; the machine may be busy."""


@dataclass(slots=True, kw_only=True)
class Call:
    """What came of the packets so far."""

    sent: int = 0
    lost: int = 0
    broken: str = ""
    """What ended the call before it was to end."""

    def __str__(self) -> str:
        return self.broken or f"{self.lost} of {self.sent} packets lost"


@contextlib.asynccontextmanager
async def going_on(
    offers: Sequence[asking.Offer], *, trusted: ssl.SSLContext
) -> AsyncIterator[tuple[Call, ...]]:
    """Hold a call on each TURN URL of an answer, to an allocation on the first, for the block."""
    urls = [each for each in offers if each.username]
    async with contextlib.AsyncExitStack() as stack:
        calls = tuple([await _begun(stack, urls[0], url, trusted) for url in urls])
        yield calls


def whole(calls: Sequence[Call]) -> str:
    """Return a sentence about calls that nothing happened to; raise AssertionError otherwise."""
    assert [str(call) for call in calls if call.lost or call.broken] == []
    return f"{len(calls)} calls, {sum(call.sent for call in calls)} packets, none lost"


async def _begun(
    stack: contextlib.AsyncExitStack,
    near_offer: asking.Offer,
    far_offer: asking.Offer,
    trusted: ssl.SSLContext,
) -> Call:
    near, far = [
        await stack.enter_async_context(cluster_clients.offered(each, trusted=trusted))
        for each in (near_offer, far_offer)
    ]
    await near.permit(far.relayed.ip)
    await far.permit(near.relayed.ip)
    call = Call()
    talking = asyncio.create_task(_talk(call, near, far))
    stack.push_async_callback(_end, talking)
    return call


async def _talk(call: Call, near: turn.Allocation, far: turn.Allocation) -> None:
    try:
        while True:
            call.sent += 1
            if not await _came_back(near, far, b"%d" % call.sent):
                call.lost += 1
            await asyncio.sleep(_PACE)
    except turn.Failure as failure:
        call.broken = f"ended after {call.sent} packets: {failure}"


async def _came_back(near: turn.Allocation, far: turn.Allocation, packet: bytes) -> bool:
    try:
        await near.send(far.relayed, packet)
        while (await far.receive(_LATE))[1] != packet:
            pass
        await far.send(near.relayed, packet)
        while (await near.receive(_LATE))[1] != packet:
            pass
    except turn.Silent:
        return False
    return True


async def _end(talking: "asyncio.Task[None]") -> None:
    talking.cancel()
    await asyncio.wait([talking])
