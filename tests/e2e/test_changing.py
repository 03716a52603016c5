"""What people do to a region: edits, refused and taken, growth and shrinkage, its end."""

import asyncio
from typing import Final

import pytest
from tests.e2e.cluster import cluster, commands, kubectl, shape, steps
from tests.support import cluster_asking, cluster_fleet, cluster_regions

_WITHIN: Final = 120
_OWNED: Final = "pods,replicasets,configmaps,secrets,serviceaccounts,poddisruptionbudgets"


async def test_an_edit_that_makes_no_sense_is_refused_with_a_sentence(
    fleet: cluster_fleet.Fleet, central: cluster_regions.Region
) -> None:
    before = fleet.instances(central)
    listeners = {"udp": {"port": 49200}}
    with pytest.raises(commands.Failed, match="no listener port may lie in relayPorts"):
        fleet.apply(central.name, {**central.spec, "listeners": listeners})
    assert fleet.instances(central) == before


async def test_a_live_edit_restarts_nothing(
    fleet: cluster_fleet.Fleet, back_end: cluster_asking.BackEnd, central: cluster_regions.Region
) -> None:
    before = fleet.instances(central)
    async with cluster_asking.always(back_end, central.is_complete):
        await _edit(fleet, central, limits={"allocationsPerUser": 60})
        await asyncio.sleep(5)
    assert fleet.instances(central) == before


async def test_an_edit_that_needs_new_relays_replaces_one_at_a_time(
    fleet: cluster_fleet.Fleet,
    back_end: cluster_asking.BackEnd,
    central: cluster_regions.Region,
    told: steps.Steps,
) -> None:
    before = fleet.instances(central)
    async with cluster_asking.always(back_end, lambda offers: bool(central.hosts(offers))):
        seconds = await _edit(fleet, central, relayPorts={"min": 49152, "max": 49899})
    told.measured(f"both relays replaced after {seconds:.1f} s")
    await cluster_asking.until(back_end, central.is_complete, within=_WITHIN)
    assert not fleet.instances(central) & before


async def test_a_region_grows_onto_a_new_node_and_shrinks_without_touching_the_rest(
    kubernetes: cluster.Cluster,
    fleet: cluster_fleet.Fleet,
    back_end: cluster_asking.BackEnd,
    central: cluster_regions.Region,
    told: steps.Steps,
) -> None:
    before = fleet.instances(central)
    relays = dict(central.spec["relays"])
    with kubernetes.another_node(shape.EXTRA_NODE):
        seconds = await _edit(fleet, central, relays={**relays, "replicas": 3})
        told.measured(f"a third relay ready {seconds:.1f} s after the edit")
        assert before < fleet.instances(central)
        async with cluster_asking.always(back_end, bool):
            await _edit(fleet, central, relays={**relays, "replicas": 2})
            await asyncio.to_thread(_await_pods, fleet, central, 2)
        assert before & fleet.instances(central)
    await cluster_asking.until(back_end, central.is_complete, within=_WITHIN)


async def test_a_deleted_region_leaves_nothing_behind_and_can_come_back(
    fleet: cluster_fleet.Fleet,
    back_end: cluster_asking.BackEnd,
    central: cluster_regions.Region,
    told: steps.Steps,
) -> None:
    client = fleet.kubernetes.kubectl
    client.delete("turnregion", central.name, namespace=cluster_fleet.RELAYS)
    seconds = await cluster_asking.until(back_end, lambda offers: not offers, within=_WITHIN)
    told.measured(f"in no answer any more after {seconds:.1f} s")
    label = f"turnfleet.io/region={central.name}"
    seconds = await asyncio.to_thread(
        kubectl.wait_until,
        lambda: not client.items(_OWNED, namespace=None, selector=label),
        what="everything of the region to be gone",
        within=_WITHIN,
    )
    told.measured(f"nothing left after {seconds:.1f} s more")
    fleet.apply(central.name, central.spec)
    await cluster_asking.until(back_end, central.is_complete, within=_WITHIN)


async def _edit(
    fleet: cluster_fleet.Fleet, region: cluster_regions.Region, **changes: object
) -> float:
    """Change some fields of a region; return the seconds until it is settled again."""
    fleet.edit(region.name, changes)
    return await asyncio.to_thread(
        kubectl.wait_until,
        lambda: fleet.is_settled(region.name),
        what=f"{region.name} to settle",
        within=_WITHIN,
    )


def _await_pods(fleet: cluster_fleet.Fleet, region: cluster_regions.Region, count: int) -> None:
    kubectl.wait_until(
        lambda: len(fleet.pods(region.name)) == count, what=f"{count} pods", within=_WITHIN
    )
