"""Rollouts that stop by themselves: at an image that cannot start, and before the only relay."""

import asyncio
import contextlib
import datetime as dt
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import pytest
from tests.e2e.cluster import cluster, containerd, kubectl, steps
from tests.support import cluster_asking, cluster_calls, cluster_fleet, cluster_regions

_UNFIT: Final = "turnfleet/relay:e2e-unfit"
"""Another name of an image without an agent in it."""
_WITHIN: Final = 90
_TRIED: Final = dt.timedelta(seconds=12)
_GROUP: Final = "us"
"""A residency group that no other region of the suite is in."""
_FORCE: Final = "turnfleet.io/force-rollout"


@pytest.fixture
def only(
    kubernetes: cluster.Cluster, fleet: cluster_fleet.Fleet
) -> Iterator[cluster_regions.Region]:
    """Give a region of one relay whose clients may go nowhere else."""
    region = _of_group(cluster_regions.small(kubernetes, "only"))
    fleet.apply(region.name, region.spec)
    try:
        fleet.await_settled(region.name)
        yield region
    finally:
        fleet.remove(region.name)


async def test_an_image_that_cannot_start_stops_a_rollout_at_the_first_relay(
    kubernetes: cluster.Cluster,
    fleet: cluster_fleet.Fleet,
    back_end: cluster_asking.BackEnd,
    central: cluster_regions.Region,
    told: steps.Steps,
) -> None:
    kubernetes.tag(containerd.PAUSE_IMAGE, f"docker.io/{_UNFIT}")
    relays = {**central.spec["relays"], "image": _UNFIT}
    await asyncio.to_thread(_await_tried, fleet, central)
    before = fleet.instances(central)
    offers = await cluster_asking.complete(back_end, central)
    # Zones roll in the order of their names.
    first, second = (kubernetes.nodes[name].address for name in ("eu-a", "eu-b"))
    here = cluster_asking.at(second, offers)
    async with (
        cluster_calls.going_on(here, trusted=back_end.trusted) as calls,
        cluster_asking.always(back_end, lambda offers: second in central.hosts(offers)),
    ):
        began = time.monotonic()
        try:
            fleet.apply(central.name, {**central.spec, "relays": relays})
            said = await asyncio.to_thread(
                fleet.await_condition, central.name, "Progressing", "RolloutStuck", within=_WITHIN
            )
            told.measured(f"{time.monotonic() - began:.1f} s after the edit: {said.message}")
            assert said.status == "False"
            assert "while one of the new kind does not pass its own Allocate" in said.message
            assert first not in central.hosts(await back_end.ask())
        finally:
            began = time.monotonic()
            fleet.apply(central.name, central.spec)
        await asyncio.to_thread(fleet.await_settled, central.name)
        told.measured(f"settled {time.monotonic() - began:.1f} s after the edit back")
    told.measured(cluster_calls.whole(calls))
    await cluster_asking.until(back_end, central.is_complete, within=_WITHIN)
    assert len(before & fleet.instances(central)) == 1


def _await_tried(fleet: cluster_fleet.Fleet, region: cluster_regions.Region) -> None:
    """Return once no relay is new: those that endpoints may still be trying are replaced first."""

    def are_old() -> bool:
        since = [dt.datetime.fromisoformat(each["since"]) for each in fleet.relays(region.name)]
        return dt.datetime.now(dt.UTC) - max(since) > _TRIED

    kubectl.wait_until(are_old, what="no relay to be new", within=_WITHIN)


def test_the_only_relay_is_replaced_once_that_is_forced_or_another_region_takes_its_clients(
    kubernetes: cluster.Cluster,
    fleet: cluster_fleet.Fleet,
    only: cluster_regions.Region,
    told: steps.Steps,
) -> None:
    about = ("annotate", f"--namespace={cluster_fleet.RELAYS}", "turnregion", only.name)
    with _replaced(fleet, only, {"min": 50000, "max": 50999}):
        kubernetes.kubectl.run(*about, f"{_FORCE}=true")
        told.measured(f"forced: replaced after {_await_settled(fleet, only):.1f} s")
    kubernetes.kubectl.run(*about, f"{_FORCE}-")
    other = _of_group(cluster_regions.small(kubernetes, "other"))
    try:
        with _replaced(fleet, only, {"min": 51000, "max": 51999}):
            fleet.apply(other.name, other.spec)
            seconds = _await_settled(fleet, only)
            told.measured(f"replaced {seconds:.1f} s after another region was made")
    finally:
        fleet.remove(other.name)


@contextlib.contextmanager
def _replaced(
    fleet: cluster_fleet.Fleet, region: cluster_regions.Region, ports: dict[str, int]
) -> Iterator[None]:
    """Make an edit that needs another relay, which waits for what the block does."""
    before = fleet.instances(region)
    fleet.edit(region.name, {"relayPorts": ports})
    said = fleet.await_condition(region.name, "Progressing", "NoOtherRegion")
    assert said.status == "False"
    assert _FORCE in said.message
    assert fleet.instances(region) == before
    yield
    # It drains beside its successor where that found another node.
    kubectl.wait_until(lambda: not before & fleet.instances(region), what="the old relay to end")


def _await_settled(fleet: cluster_fleet.Fleet, region: cluster_regions.Region) -> float:
    return fleet.await_settled(region.name, within=_WITHIN)


def _of_group(region: cluster_regions.Region) -> cluster_regions.Region:
    return replace(region, spec={**region.spec, "residency": _GROUP})
