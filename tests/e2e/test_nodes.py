"""What happens to nodes: cordoned and opened again, joining, and deleted under a live relay."""

import asyncio
from typing import Final

from tests.e2e.cluster import cluster, kubectl, shape, steps
from tests.support import cluster_asking, cluster_fleet, cluster_regions

_POOL: Final = "turnfleet.io/pool"
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


def test_every_node_of_a_label_has_a_relay_for_as_long_as_it_has_the_label(
    kubernetes: cluster.Cluster, fleet: cluster_fleet.Fleet, told: steps.Steps
) -> None:
    wanted = cluster_regions.small(kubernetes, "everywhere")
    relays = {"placement": "EveryNode", "nodeSelector": {_POOL: "relays"}}
    fleet.apply(wanted.name, {**wanted.spec, "relays": relays})
    fleet.await_condition(wanted.name, "Progressing", "NoNodes")
    try:
        for node, there in (("us-a", {"us-a"}), ("us-b", {"us-a", "us-b"})):
            kubernetes.kubectl.run("label", "node", node, f"{_POOL}=relays")
            told.measured(f"a relay on {node} after {_await_nodes(fleet, wanted, there):.1f} s")
        kubernetes.kubectl.run("label", "node", "us-a", f"{_POOL}-")
        told.measured(f"none on us-a after {_await_nodes(fleet, wanted, {'us-b'}):.1f} s")
    finally:
        for node in ("us-a", "us-b"):
            kubernetes.kubectl.run("label", "node", node, f"{_POOL}-")
        fleet.remove(wanted.name)


def _await_nodes(
    fleet: cluster_fleet.Fleet, region: cluster_regions.Region, nodes: set[str]
) -> float:
    """Return the seconds until a region's relays are on these nodes, all ready."""
    return kubectl.wait_until(
        lambda: (
            {(r.get("node"), r["state"]) for r in fleet.relays(region.name)}
            == {(node, "Ready") for node in nodes}
        ),
        what=f"relays on {nodes}",
        within=_WITHIN,
    )


def _await_collected(
    fleet: cluster_fleet.Fleet, region: cluster_regions.Region, node: str, told: steps.Steps
) -> None:
    seconds = kubectl.wait_until(
        lambda: not any(pod["spec"].get("nodeName") == node for pod in fleet.pods(region.name)),
        what=f"the pod of {node} to be collected",
        within=_COLLECTED_WITHIN,
    )
    told.measured(f"its pod collected {seconds:.1f} s after the node was deleted")
