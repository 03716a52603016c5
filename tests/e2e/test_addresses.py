"""The address of a relay of IPv6 alone: waited for, published, kept when the node loses it."""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from tests.e2e.cluster import cluster, steps
from tests.support import cluster_asking, cluster_clients, cluster_fleet, cluster_regions

from turnfleet import names

_WITHIN: Final = 60


async def test_a_relay_of_ipv6_alone_waits_for_its_address_and_then_keeps_it(
    kubernetes: cluster.Cluster,
    fleet: cluster_fleet.Fleet,
    back_end: cluster_asking.BackEnd,
    told: steps.Steps,
) -> None:
    region = _by_ipv6(kubernetes)
    fleet.apply(region.name, region.spec)
    try:
        found = await asyncio.to_thread(
            fleet.await_condition, region.name, "Ready", "NoAddress", within=_WITHIN
        )
        assert "no public IPv6 address" in found.message
        with _annotated(kubernetes):
            seconds = await asyncio.to_thread(fleet.await_settled, region.name)
            told.measured(f"settled {seconds:.1f} s after its nodes have addresses")
            await cluster_asking.until(
                back_end, lambda o: bool(region.hosts(o)), within=_WITHIN, region=region.name
            )
            await _assert_relays_by_ipv6(back_end, region)
        await asyncio.to_thread(
            fleet.await_condition, region.name, "Ready", "AddressStale", within=_WITHIN
        )
        assert region.hosts(await back_end.ask(region=region.name))
    finally:
        fleet.remove(region.name)


def _by_ipv6(kubernetes: cluster.Cluster) -> cluster_regions.Region:
    """Return a region of one relay, whose address a person writes on its node."""
    usual = cluster_regions.small(kubernetes, "by-ipv6")
    nodes = [each for each in kubernetes.nodes.values() if each.address in usual.addresses]
    return replace(
        usual,
        addresses=tuple(each.shape.address_6 for each in nodes),
        spec={**usual.spec, "addresses": {"families": ["IPv6"], "from": ["Annotation"]}},
    )


@contextlib.contextmanager
def _annotated(kubernetes: cluster.Cluster) -> Iterator[None]:
    """Name every node of us its IPv6 address, as the message of NoAddress says."""
    nodes = [each for each in kubernetes.nodes.values() if each.shape.region == "us"]
    try:
        for node in nodes:
            _annotate(kubernetes, node.name, f"{names.ANNOTATION_ADDRESSES}={node.shape.address_6}")
        yield
    finally:
        for node in nodes:
            _annotate(kubernetes, node.name, f"{names.ANNOTATION_ADDRESSES}-")


def _annotate(kubernetes: cluster.Cluster, node: str, annotation: str) -> None:
    kubernetes.kubectl.run("annotate", "node", node, annotation)


async def _assert_relays_by_ipv6(
    back_end: cluster_asking.BackEnd, region: cluster_regions.Region
) -> None:
    offers = await back_end.ask(region=region.name)
    here = [each for each in offers if region.hosts((each,))]
    assert here
    for offer in here:
        async with cluster_clients.offered(offer, trusted=back_end.trusted) as allocation:
            assert allocation.relayed.ip in region.addresses  # without having asked for IPv6
