"""Relays are drained with calls on them: by kubectl, by turnfleet, and past their deadline."""

import asyncio
import contextlib
import time
from typing import Final

from prometheus_client import parser
from tests.e2e.cluster import cluster, kubectl
from tests.support import (
    cluster_asking,
    cluster_clients,
    cluster_fleet,
    cluster_regions,
    cluster_scene,
)

_NODE: Final = "eu-b"
_WITHIN: Final = 60
_PATIENCE: Final = 5.0
"""Seconds that a call goes on after new clients are refused."""
_CUT: Final = 3
"""Allocations that outlast a drain."""
_METRIC: Final = "turnfleet_operator_allocations_cut_total"
_METRICS_PORT: Final = 9642


async def test_kubectl_drain_returns_with_the_last_call_of_the_node(
    kubernetes: cluster.Cluster, scene: cluster_scene.Scene
) -> None:
    node, told, region = kubernetes.nodes[_NODE], scene.told, scene.region
    here = scene.at(node.address)
    async with cluster_asking.always(scene.back_end, lambda offers: bool(region.hosts(offers))):
        try:
            async with scene.calls(here):
                began = time.monotonic()
                draining = asyncio.create_task(asyncio.to_thread(_drain, kubernetes))
                seconds = await scene.absent(node.address, within=_WITHIN)
                told.measured(f"in no answer any more {seconds:.1f} s after kubectl drain")
                while not await scene.back_end.refused(here):
                    assert time.monotonic() - began < _WITHIN
                told.measured(f"new clients refused {time.monotonic() - began:.1f} s after it")
                await asyncio.sleep(_PATIENCE)
                assert not draining.done()
            ended = time.monotonic()
            await draining
            told.measured(f"kubectl drain done {time.monotonic() - ended:.1f} s after the call")
        finally:
            node.uncordon()
        await asyncio.to_thread(scene.fleet.await_settled, region.name)
    await scene.complete(within=_WITHIN)


async def test_turnfleet_drain_waits_for_the_calls_and_undrain_takes_it_back(
    kubernetes: cluster.Cluster, scene: cluster_scene.Scene
) -> None:
    address, told = kubernetes.nodes[_NODE].address, scene.told
    here, turnfleet = scene.at(address), scene.fleet.turnfleet
    try:
        async with scene.calls(here) as calls:
            draining = asyncio.create_task(
                asyncio.to_thread(turnfleet, "drain", f"node/{_NODE}", "--wait")
            )
            seconds = await scene.absent(address, within=_WITHIN)
            told.measured(f"in no answer any more {seconds:.1f} s after turnfleet drain")
            # Nothing was signalled: who was given the relay before is served.
            assert await scene.back_end.refused(here) == ()
            await asyncio.sleep(_PATIENCE)
            assert not draining.done()
        ended = time.monotonic()
        said = await draining
        told.measured(f"turnfleet drain done {time.monotonic() - ended:.1f} s after the call")
        assert f": {2 * len(calls)} live allocations" in said
    finally:
        began = time.monotonic()
        await asyncio.to_thread(turnfleet, "undrain", f"node/{_NODE}")
    await scene.complete(within=_WITHIN)
    told.measured(f"offered again {time.monotonic() - began:.1f} s after turnfleet undrain")
    scene.assert_kept()


async def test_what_a_drain_cuts_at_its_deadline_is_an_event_and_a_metric(
    kubernetes: cluster.Cluster, scene: cluster_scene.Scene
) -> None:
    fleet, region, trusted = scene.fleet, scene.region, scene.back_end.trusted
    address = kubernetes.nodes[_NODE].address
    udp, *_ = (o for o in scene.at(address) if o.url.startswith("turn:"))
    relay = next(r["name"] for r in fleet.relays(region.name) if r.get("node") == _NODE)
    earlier = await asyncio.to_thread(_counted, fleet, region)
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(_CUT):
            await stack.enter_async_context(cluster_clients.offered(udp, trusted=trusted))
        began = time.monotonic()
        kubernetes.kubectl.delete("pod", relay, namespace=cluster_fleet.RELAYS)
        said = await asyncio.to_thread(_await_event, fleet, relay)
        scene.told.measured(f"{time.monotonic() - began:.1f} s after the delete: {said}")
    assert f"{_CUT} of them" in said
    assert "20 s" in said
    await asyncio.to_thread(
        kubectl.wait_until,
        lambda: _counted(fleet, region) == earlier + _CUT,
        what=f"{_METRIC} to have grown by {_CUT}",
    )
    await asyncio.to_thread(fleet.await_settled, region.name)
    await scene.complete(within=_WITHIN)


def _drain(kubernetes: cluster.Cluster) -> None:
    kubernetes.kubectl.run("drain", _NODE, "--ignore-daemonsets", "--delete-emptydir-data")


def _await_event(fleet: cluster_fleet.Fleet, relay: str) -> str:
    """Return what an Event says of the allocations that a relay cut."""
    found: list[str] = []

    def look() -> bool:
        events = fleet.kubernetes.kubectl.items("events", namespace=cluster_fleet.RELAYS)
        of_cuts = (each for each in events if each["reason"] == "AllocationsCut")
        found.extend(each["message"] for each in of_cuts if relay in each["message"])
        return bool(found)

    kubectl.wait_until(look, what=f"an Event about what {relay} cut", within=_WITHIN)
    return found[0]


def _counted(fleet: cluster_fleet.Fleet, region: cluster_regions.Region) -> float:
    """Return how many allocations of a region the operator that leads has seen cut."""
    client, holder = fleet.kubernetes.kubectl, fleet.lease_holder()
    pods = client.items("pods", namespace=cluster_fleet.NAMESPACE)
    leader = next(p["metadata"]["name"] for p in pods if p["metadata"]["name"] in holder)
    page = client.run(
        "get",
        f"--raw=/api/v1/namespaces/{cluster_fleet.NAMESPACE}/pods/{leader}:{_METRICS_PORT}"
        "/proxy/metrics",
    )
    return sum(
        sample.value
        for family in parser.text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == _METRIC and sample.labels["region"] == region.name
    )
