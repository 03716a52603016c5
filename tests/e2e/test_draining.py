"""Relays are drained with calls on them: by kubectl, by turnfleet, and past their deadline."""

import asyncio
import contextlib
import time
from typing import Final

from prometheus_client import parser
from tests.e2e.cluster import cluster, kubectl, steps
from tests.support import (
    cluster_asking,
    cluster_calls,
    cluster_clients,
    cluster_fleet,
    cluster_regions,
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
    kubernetes: cluster.Cluster,
    fleet: cluster_fleet.Fleet,
    back_end: cluster_asking.BackEnd,
    central: cluster_regions.Region,
    told: steps.Steps,
) -> None:
    node = kubernetes.nodes[_NODE]
    offers = await cluster_asking.complete(back_end, central)
    async with cluster_asking.always(back_end, lambda offers: bool(central.hosts(offers))):
        try:
            async with _calls_on(node.address, offers, back_end) as calls:
                began = time.monotonic()
                draining = asyncio.create_task(asyncio.to_thread(_drain, kubernetes))
                seconds = await _absent(back_end, central, node.address)
                told.measured(f"in no answer any more {seconds:.1f} s after kubectl drain")
                while not await back_end.refused(cluster_asking.at(node.address, offers)):
                    assert time.monotonic() - began < _WITHIN
                told.measured(f"new clients refused {time.monotonic() - began:.1f} s after it")
                await asyncio.sleep(_PATIENCE)
                assert not draining.done()
            ended = time.monotonic()
            await draining
            told.measured(f"kubectl drain done {time.monotonic() - ended:.1f} s after the call")
        finally:
            node.uncordon()
        await asyncio.to_thread(fleet.await_settled, central.name)
    told.measured(cluster_calls.whole(calls))
    await cluster_asking.until(back_end, central.is_complete, within=_WITHIN)


async def test_turnfleet_drain_waits_for_the_calls_and_undrain_takes_it_back(
    kubernetes: cluster.Cluster,
    fleet: cluster_fleet.Fleet,
    back_end: cluster_asking.BackEnd,
    central: cluster_regions.Region,
    told: steps.Steps,
) -> None:
    before = fleet.instances(central)
    address = kubernetes.nodes[_NODE].address
    offers = await cluster_asking.complete(back_end, central)
    try:
        async with _calls_on(address, offers, back_end) as calls:
            draining = asyncio.create_task(
                asyncio.to_thread(fleet.turnfleet, "drain", f"node/{_NODE}", "--wait")
            )
            seconds = await _absent(back_end, central, address)
            told.measured(f"in no answer any more {seconds:.1f} s after turnfleet drain")
            # Nothing was signalled: who was given the relay before is served.
            assert await back_end.refused(cluster_asking.at(address, offers)) == ()
            await asyncio.sleep(_PATIENCE)
            assert not draining.done()
        ended = time.monotonic()
        said = await draining
        told.measured(f"turnfleet drain done {time.monotonic() - ended:.1f} s after the call")
        assert f": {2 * len(calls)} live allocations" in said
    finally:
        began = time.monotonic()
        await asyncio.to_thread(fleet.turnfleet, "undrain", f"node/{_NODE}")
    await cluster_asking.until(back_end, central.is_complete, within=_WITHIN)
    told.measured(f"offered again {time.monotonic() - began:.1f} s after turnfleet undrain")
    told.measured(cluster_calls.whole(calls))
    assert fleet.instances(central) == before


async def test_what_a_drain_cuts_at_its_deadline_is_an_event_and_a_metric(
    kubernetes: cluster.Cluster,
    fleet: cluster_fleet.Fleet,
    back_end: cluster_asking.BackEnd,
    central: cluster_regions.Region,
    told: steps.Steps,
) -> None:
    address = kubernetes.nodes[_NODE].address
    offers = await cluster_asking.complete(back_end, central)
    udp, *_ = (o for o in cluster_asking.at(address, offers) if o.url.startswith("turn:"))
    relay = next(r["name"] for r in fleet.relays(central.name) if r.get("node") == _NODE)
    earlier = await asyncio.to_thread(_counted, fleet, central)
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(_CUT):
            await stack.enter_async_context(cluster_clients.offered(udp, trusted=back_end.trusted))
        began = time.monotonic()
        kubernetes.kubectl.delete("pod", relay, namespace=cluster_fleet.RELAYS)
        said = await asyncio.to_thread(_await_event, fleet, relay)
        told.measured(f"{time.monotonic() - began:.1f} s after the delete: {said}")
    assert f"{_CUT} of them" in said
    assert "20 s" in said
    await asyncio.to_thread(
        kubectl.wait_until,
        lambda: _counted(fleet, central) == earlier + _CUT,
        what=f"{_METRIC} to have grown by {_CUT}",
    )
    await asyncio.to_thread(fleet.await_settled, central.name)
    await cluster_asking.until(back_end, central.is_complete, within=_WITHIN)


def _calls_on(
    address: str, offers: cluster_asking.Offers, back_end: cluster_asking.BackEnd
) -> contextlib.AbstractAsyncContextManager[tuple[cluster_calls.Call, ...]]:
    """Hold a call on each URL of one relay for the block."""
    here = cluster_asking.at(address, offers)
    return cluster_calls.going_on(here, trusted=back_end.trusted)


async def _absent(
    back_end: cluster_asking.BackEnd, region: cluster_regions.Region, address: str
) -> float:
    """Return the seconds until a relay is in no answer any more."""
    return await cluster_asking.until(
        back_end, lambda o: bool(o) and address not in region.hosts(o), within=_WITHIN
    )


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
