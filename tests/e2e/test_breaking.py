"""What breaks while clients ask: answers stay right, and everything is found again."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from typing import Final

from tests.e2e.cluster import steps
from tests.support import cluster_fleet

from turnfleet.commands import asking

_DEAD_AFTER: Final = 3.0
"""Seconds after which a dead relay is in no answer."""
_BACK_WITHIN: Final = 60.0
_TAKEOVER_WITHIN: Final = 15.0
_IN_A_ROW: Final = 8
"""Answers that have to agree: the service spreads them over the endpoint's replicas."""

Offers = tuple[asking.Offer, ...]


async def test_the_relay_of_a_lost_zone_leaves_within_three_seconds(
    fleet: cluster_fleet.Fleet,
    back_end: cluster_fleet.BackEnd,
    central: cluster_fleet.Region,
    told: steps.Steps,
) -> None:
    lost = fleet.kubernetes.nodes["eu-a"].address
    await _until(back_end, central.is_complete, within=_BACK_WITHIN)
    fleet.kubernetes.cut_zone("eu-1a")
    try:
        seconds = await _until(
            back_end, lambda o: bool(o) and lost not in central.hosts(o), within=10
        )
        told.measured(f"in no answer any more after {seconds:.1f} s")
        assert seconds <= _DEAD_AFTER
    finally:
        fleet.kubernetes.mend_zone("eu-1a")
    seconds = await _until(back_end, central.is_complete, within=_BACK_WITHIN)
    told.measured(f"offered again {seconds:.1f} s after the zone is back")


async def test_a_killed_coturn_is_started_again_inside_its_pod(
    fleet: cluster_fleet.Fleet,
    back_end: cluster_fleet.BackEnd,
    central: cluster_fleet.Region,
    told: steps.Steps,
) -> None:
    before = _instances(fleet, central)
    fleet.kubernetes.nodes["eu-b"].kill_process("turnserver")
    await asyncio.sleep(1)
    seconds = await _until(back_end, central.is_complete, within=_BACK_WITHIN)
    told.measured(f"all relays in every answer {1 + seconds:.1f} s after the kill")
    assert await back_end.complaints(await back_end.ask(profile="full")) == ()
    assert _instances(fleet, central) == before


async def test_containers_outlive_their_kubelet_and_containerd(
    fleet: cluster_fleet.Fleet, back_end: cluster_fleet.BackEnd, central: cluster_fleet.Region
) -> None:
    before = _instances(fleet, central)
    node = fleet.kubernetes.nodes["eu-a"]
    node.kill_kubelet()
    node.kill_containerd()
    assert await back_end.complaints(await back_end.ask(profile="full")) == ()
    node.start_containerd()
    node.start_kubelet()
    await _until(back_end, central.is_complete, within=_BACK_WITHIN)
    assert _instances(fleet, central) == before


async def test_answers_go_on_for_a_minute_without_the_api_server(
    fleet: cluster_fleet.Fleet, back_end: cluster_fleet.BackEnd, central: cluster_fleet.Region
) -> None:
    before = _instances(fleet, central)
    async with _watched(back_end, central.is_complete):
        await asyncio.to_thread(fleet.kubernetes.without_api_server_for, 60)
    assert await back_end.complaints(await back_end.ask(profile="full")) == ()
    assert _instances(fleet, central) == before


async def test_a_killed_operator_is_stood_in_for(
    fleet: cluster_fleet.Fleet,
    back_end: cluster_fleet.BackEnd,
    central: cluster_fleet.Region,
    told: steps.Steps,
) -> None:
    holder = fleet.leader()
    began = time.monotonic()
    async with _watched(back_end, central.is_complete):
        fleet.kill_pod(holder)
        while fleet.leader() in ("", holder):
            assert time.monotonic() - began < 3 * _TAKEOVER_WITHIN
            await asyncio.sleep(0.2)
    seconds = time.monotonic() - began
    told.measured(f"the other operator leads after {seconds:.1f} s")
    assert seconds <= _TAKEOVER_WITHIN


# --- watching -------------------------------------------------------------------------------------


async def _until(
    back_end: cluster_fleet.BackEnd, good: Callable[[Offers], bool], *, within: float
) -> float:
    """Return the seconds until the first of many answers in a row that are good."""
    began = time.monotonic()
    since, agreed = began, 0
    while agreed < _IN_A_ROW:
        asked = time.monotonic()
        if good(offers := await back_end.ask()):
            since, agreed = (since if agreed else asked), agreed + 1
        else:
            agreed = 0
        assert time.monotonic() - began < within, offers
        await asyncio.sleep(0.05)
    return since - began


@contextlib.asynccontextmanager
async def _watched(
    back_end: cluster_fleet.BackEnd, good: Callable[[Offers], bool]
) -> AsyncIterator[None]:
    """Ask all the while that the block lasts; every single answer has to be good."""
    bad: list[Offers] = []

    async def watch() -> None:
        while True:
            offers = await back_end.ask()
            if not good(offers):
                bad.append(offers)
            await asyncio.sleep(0.2)

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.wait([watching])
    assert bad == []


def _instances(
    fleet: cluster_fleet.Fleet, region: cluster_fleet.Region
) -> frozenset[tuple[str, int]]:
    """Return which pods the relays are, and how often their containers were started again."""
    return frozenset(
        (pod["metadata"]["uid"], pod["status"]["containerStatuses"][0]["restartCount"])
        for pod in fleet.pods(region.name)
    )
