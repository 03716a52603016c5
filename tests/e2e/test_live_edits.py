"""Edits that coturn takes over while it runs: no relay is replaced, nobody loses a call."""

import asyncio
import contextlib
import time
from typing import Final

from tests.e2e.cluster import shape, steps
from tests.support import (
    cluster_asking,
    cluster_calls,
    cluster_clients,
    cluster_fleet,
    cluster_regions,
)

from turnfleet.commands import asking
from turnrelay import stun, turn

_LIVE_WITHIN: Final = 25
"""Seconds until every relay goes by an edit: coturn looks at its tables every five. Kubelets are
nudged at once, and those that did not know of the change yet again after 15."""
_DENIED: Final = "9.9.9.9"
"""A peer that is allowed unless somebody says otherwise. Nothing is sent to it."""
_MEDIA_SERVER: Final = shape.GATEWAY
"""A peer of a private network, which is denied unless somebody says otherwise."""
_PER_USER: Final = 12
"""More than the other tests use at once, for it stays in force a while."""
_PER_RELAY: Final = 60
_HELD: Final = 58
"""Allocations that nearly fill a relay: it takes no new clients above 95 %. One user has them all:
they stay well below the usual quota of 100, since coturn forgets ended ones only after a while."""
_WITHIN: Final = 60


async def test_quotas_and_peers_change_in_a_coturn_that_runs(
    fleet: cluster_fleet.Fleet,
    back_end: cluster_asking.BackEnd,
    central: cluster_regions.Region,
    told: steps.Steps,
) -> None:
    before = fleet.instances(central)
    offers = _of_each_relay(await cluster_asking.complete(back_end, central))
    for offer in offers:
        assert await _goes_by(offer, back_end) == (True, False, False)
    async with cluster_calls.going_on(offers, trusted=back_end.trusted) as calls:
        edit = {
            "limits": {"allocationsPerUser": _PER_USER},
            "peers": {"deny": [f"{_DENIED}/32"], "allow": [f"{_MEDIA_SERVER}/32"]},
        }
        fleet.apply(central.name, {**central.spec, **edit})
        began = time.monotonic()
        for offer in offers:
            while (found := await _goes_by(offer, back_end)) != (False, True, True):
                assert time.monotonic() - began < _LIVE_WITHIN, found
                await asyncio.sleep(0.5)
        told.measured(f"in force on every relay {time.monotonic() - began:.1f} s after the edit")
    told.measured(cluster_calls.whole(calls))
    assert fleet.instances(central) == before
    fleet.apply(central.name, central.spec)
    await asyncio.to_thread(fleet.await_settled, central.name)


async def test_a_relay_that_is_nearly_full_is_offered_again_once_it_has_room(
    fleet: cluster_fleet.Fleet,
    back_end: cluster_asking.BackEnd,
    central: cluster_regions.Region,
    told: steps.Steps,
) -> None:
    before = fleet.instances(central)
    offer = _of_each_relay(await cluster_asking.complete(back_end, central))[0]
    assert offer.destination is not None
    full = offer.destination.host
    began = time.monotonic()
    while await _is_limited(offer, back_end):  # by the quota of the test before
        assert time.monotonic() - began < _LIVE_WITHIN
        await asyncio.sleep(1)
    limits = {"allocationsPerRelay": _PER_RELAY}
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(_HELD):
            await stack.enter_async_context(
                cluster_clients.offered(offer, trusted=back_end.trusted)
            )
        fleet.apply(central.name, {**central.spec, "limits": limits})
        seconds = await cluster_asking.until(
            back_end, lambda o: bool(o) and full not in central.hosts(o), within=_WITHIN
        )
        told.measured(f"in no answer {seconds:.1f} s after a limit that it nearly reaches")
        assert "NearlyFull" in await back_end.explain()
        assert await back_end.refused((offer,)) == ()
    seconds = await cluster_asking.until(back_end, central.is_complete, within=_WITHIN)
    told.measured(f"offered again {seconds:.1f} s after its clients have left")
    assert fleet.instances(central) == before
    fleet.apply(central.name, central.spec)
    await asyncio.to_thread(fleet.await_settled, central.name)


def _of_each_relay(offers: cluster_asking.Offers) -> tuple[asking.Offer, ...]:
    """Return one UDP offer of each relay."""
    udp = {o.destination.host: o for o in offers if o.destination and o.url.startswith("turn:")}
    return tuple(udp.values())


async def _goes_by(
    offer: asking.Offer, back_end: cluster_asking.BackEnd
) -> tuple[bool, bool, bool]:
    """Return whether a relay lets one reach each peer, and whether it holds users to the quota."""
    peers = [await _may_reach(peer, offer, back_end) for peer in (_DENIED, _MEDIA_SERVER)]
    return peers[0], peers[1], await _is_limited(offer, back_end)


async def _may_reach(peer: str, offer: asking.Offer, back_end: cluster_asking.BackEnd) -> bool:
    try:
        async with cluster_clients.offered(offer, trusted=back_end.trusted) as allocation:
            await allocation.permit(peer)
    except turn.Refused as refused:
        return refused.code != stun.Code.FORBIDDEN
    return True


async def _is_limited(offer: asking.Offer, back_end: cluster_asking.BackEnd) -> bool:
    """Return whether a user is refused one allocation more than the quota."""
    async with contextlib.AsyncExitStack() as stack:
        try:
            for _ in range(_PER_USER + 1):
                await stack.enter_async_context(
                    cluster_clients.offered(offer, trusted=back_end.trusted)
                )
        except turn.Refused as refused:
            return refused.code == stun.Code.ALLOCATION_QUOTA_REACHED
    return False
