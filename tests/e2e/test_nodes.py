"""What happens to nodes: cordoned and opened again, joining, and deleted under a live relay."""

import asyncio
from typing import Final

from tests.e2e.cluster import cluster, kubectl, shape, steps
from tests.support import cluster_asking, cluster_fleet, cluster_regions

_WITHIN: Final = 60
_COLLECTED_WITHIN: Final = 120
"""Kubernetes waits 40 to 60 s before it takes away the pods of a node that is not there."""


async def test_a_cordoned_node_takes_no_new_clients_and_its_relay_stays(
    kubernetes: cluster.Cluster,
    fleet: cluster_fleet.Fleet,
    back_end: cluster_asking.BackEnd,
    central: cluster_regions.Region,
    told: steps.Steps,
) -> None:
    before = fleet.instances(central)
    node = kubernetes.nodes["eu-a"]
    offers = await cluster_asking.complete(back_end, central)
    node.cordon()
    try:
        seconds = await cluster_asking.until(
            back_end, lambda o: bool(o) and node.address not in central.hosts(o), within=_WITHIN
        )
        told.measured(f"in no answer any more {seconds:.1f} s after the cordon")
        # Whoever was given it before is served: nothing was signalled.
        assert await back_end.complaints(offers) == ()
    finally:
        node.uncordon()
    seconds = await cluster_asking.until(back_end, central.is_complete, within=_WITHIN)
    told.measured(f"offered again {seconds:.1f} s after the uncordon")
    assert fleet.instances(central) == before


async def test_a_relay_that_found_no_room_comes_with_a_node_and_goes_with_it(
    kubernetes: cluster.Cluster,
    fleet: cluster_fleet.Fleet,
    back_end: cluster_asking.BackEnd,
    central: cluster_regions.Region,
    told: steps.Steps,
) -> None:
    before = fleet.instances(central)
    relays = dict(central.spec["relays"])
    fleet.edit(central.name, {"relays": {**relays, "replicas": 3}})
    await asyncio.to_thread(fleet.await_condition, central.name, "Progressing", "TooFewNodes")
    with kubernetes.another_node(shape.EXTRA_NODE) as added:
        seconds = await asyncio.to_thread(fleet.await_settled, central.name)
        told.measured(f"a third relay ready {seconds:.1f} s after its node")
        async with cluster_asking.always(back_end, lambda o: bool(central.hosts(o))):
            kubernetes.kubectl.delete("node", added.name)
            found = await asyncio.to_thread(
                fleet.await_condition, central.name, "Ready", "Degraded"
            )
            assert "1 relay too few" in found.message
            await asyncio.to_thread(_await_collected, fleet, central, added.name, told)
            await asyncio.to_thread(
                fleet.await_condition, central.name, "Progressing", "TooFewNodes"
            )
            fleet.edit(central.name, {"relays": {**relays, "replicas": 2}})
            await asyncio.to_thread(fleet.await_settled, central.name)
    await cluster_asking.until(back_end, central.is_complete, within=_WITHIN)
    assert fleet.instances(central) == before


def _await_collected(
    fleet: cluster_fleet.Fleet, region: cluster_regions.Region, node: str, told: steps.Steps
) -> None:
    seconds = kubectl.wait_until(
        lambda: not any(pod["spec"].get("nodeName") == node for pod in fleet.pods(region.name)),
        what=f"the pod of {node} to be collected",
        within=_COLLECTED_WITHIN,
    )
    told.measured(f"its pod collected {seconds:.1f} s after the node was deleted")
