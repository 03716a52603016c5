"""Relays by IPv4 and IPv6: both are offered, work, and go together; and one can go alone."""

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from typing import Final

import pytest
from tests.e2e.cluster import cluster, network, steps
from tests.support import cluster_asking, cluster_clients, cluster_fleet, cluster_regions

from turnfleet.commands import asking
from turnrelay import turn

_WITHIN: Final = 120
_PACKETS_WITHIN: Final = 150
"""Relays of private addresses deny each other until kubelets bring them the fleet's addresses."""
_DEAD_AFTER: Final = 3.0
_SLACK: Final = 1.0
"""Both as in ``test_outages.py``."""
_RELAYED: Final[tuple[tuple[cluster_clients.Family | None, str], ...]] = (
    (None, "4"),  # who does not say what it wants gets IPv4 (RFC 8656, section 7.2)
    ("IPv4", "4"),
    ("IPv6", "6"),
)
"""The family that a client asks for, and the one that it is given."""
_NODE: Final = "us-b"
_PROGRAMS: Final = ("turnrelay", "turnserver")
"""What runs in a relay's pod, by words of its command line."""


@pytest.fixture(scope="module")
def both(
    kubernetes: cluster.Cluster, fleet: cluster_fleet.Fleet, told: steps.Steps
) -> Iterator[cluster_regions.Region]:
    """Give a region of two relays with an address of each family, all of them in its answers."""
    region = cluster_regions.two_families(kubernetes)
    fleet.certify(region.addresses, secret=region.name)
    fleet.apply(region.name, region.spec)
    try:
        seconds = fleet.await_settled(region.name)
        told.measured(f"two relays of two families settled after {seconds:.1f} s")
        yield region
    finally:
        fleet.remove(region.name)
        fleet.kubernetes.kubectl.delete("secret", region.name, namespace=cluster_fleet.RELAYS)


async def test_every_url_of_both_families_works_and_relays_by_either(
    back_end: cluster_asking.BackEnd, both: cluster_regions.Region, told: steps.Steps
) -> None:
    offers = await _whole(back_end, both)
    # The first URL of each role comes by both families, and no other does.
    assert [_family(each) for each in offers if each.url.endswith("udp")] == ["4", "6", "4", "6"]
    async with asyncio.timeout(_PACKETS_WITHIN):
        while await back_end.complaints(offers):  # noqa: ASYNC110 - another program's doing
            await asyncio.sleep(0.5)
    for offer in (each for each in offers if both.hosts((each,))):
        for asked, given in _RELAYED:
            async with cluster_clients.offered(
                offer, trusted=back_end.trusted, family=asked
            ) as allocation:
                assert ("6" if ":" in allocation.relayed.ip else "4") == given, offer.url
                assert allocation.relayed.ip in both.addresses
    told.measured(f"{len(offers)} URLs, each with relayed addresses of both families")


async def test_a_relay_that_is_closed_or_dead_leaves_by_both_families_and_comes_back_by_both(
    kubernetes: cluster.Cluster,
    back_end: cluster_asking.BackEnd,
    both: cluster_regions.Region,
    told: steps.Steps,
) -> None:
    node = kubernetes.nodes[_NODE]
    others = frozenset(both.addresses) - frozenset(node.addresses)
    await _until(back_end, both, both.is_complete)
    node.cordon()
    try:
        seconds = await _until(back_end, both, lambda o: both.hosts(o) == others)
        told.measured(f"in no answer any more {seconds:.1f} s after the cordon, by either family")
    finally:
        node.uncordon()
    await _until(back_end, both, both.is_complete)
    with _frozen(kubernetes):
        seconds = await _until(back_end, both, lambda o: both.hosts(o) == others)
        told.measured(f"in no answer any more {seconds:.1f} s after it froze, by either family")
        assert seconds <= _DEAD_AFTER + _SLACK
    seconds = await _until(back_end, both, both.is_complete)
    told.measured(f"offered again by both {seconds:.1f} s after it thawed")


async def test_an_address_that_nobody_reaches_goes_and_the_one_of_the_other_family_stays(
    kubernetes: cluster.Cluster,
    fleet: cluster_fleet.Fleet,
    back_end: cluster_asking.BackEnd,
    both: cluster_regions.Region,
    told: steps.Steps,
) -> None:
    node = kubernetes.nodes[_NODE]
    before = fleet.instances(both)
    rest = frozenset(both.addresses) - {node.shape.address_6}
    await _until(back_end, both, both.is_complete)
    network.close_6(node.shape)
    try:
        seconds = await _until(back_end, both, lambda o: both.hosts(o) == rest)
        told.measured(f"its IPv6 URLs in no answer any more after {seconds:.1f} s")
    finally:
        network.open_6(node.shape)
    seconds = await _until(back_end, both, both.is_complete)
    told.measured(f"offered again by both {seconds:.1f} s after it is reached")
    assert fleet.instances(both) == before


async def test_packets_pass_between_ipv6_addresses_of_two_relays(
    back_end: cluster_asking.BackEnd, both: cluster_regions.Region
) -> None:
    offers = await _whole(back_end, both)
    near, far = (each for each in offers if _family(each) == "6")
    async with (
        cluster_clients.offered(near, trusted=back_end.trusted, family="IPv6") as one,
        cluster_clients.offered(far, trusted=back_end.trusted, family="IPv6") as other,
    ):
        assert one.relayed.ip != other.relayed.ip
        await _until_permitted(one, other)
        assert await cluster_clients.passes(one, other)


async def _until_permitted(near: turn.Allocation, far: turn.Allocation) -> None:
    """Return once two relays accept each other as peers."""
    async with asyncio.timeout(_PACKETS_WITHIN):
        for one, other in ((near, far), (far, near)):
            while not await _permitted(one, other.relayed.ip):  # noqa: ASYNC110 - a kubelet's doing
                await asyncio.sleep(0.5)


async def _permitted(allocation: turn.Allocation, peer: str) -> bool:
    try:
        await allocation.permit(peer)
    except turn.Refused:
        return False
    return True


@contextlib.contextmanager
def _frozen(kubernetes: cluster.Cluster) -> Iterator[None]:
    """Stop all that runs in the pod of a node's relay; for the cluster it is as it was."""
    node = kubernetes.nodes[_NODE]
    try:
        for program in _PROGRAMS:
            node.kill_process(program, signal.SIGSTOP)
        yield
    finally:
        for program in _PROGRAMS:
            node.kill_process(program, signal.SIGCONT)


async def _whole(
    back_end: cluster_asking.BackEnd, region: cluster_regions.Region
) -> cluster_asking.Offers:
    """Return an answer with every address of a region."""
    async with asyncio.timeout(_WITHIN):
        while not region.is_complete(  # noqa: ASYNC110 - another program's doing
            offers := await back_end.ask(region=region.name)
        ):
            await asyncio.sleep(0.2)
    return offers


async def _until(
    back_end: cluster_asking.BackEnd, region: cluster_regions.Region, good: cluster_asking.Judgement
) -> float:
    """Return the seconds until every answer to clients that ask for a region is good."""
    return await cluster_asking.until(back_end, good, within=_WITHIN, region=region.name)


def _family(offer: asking.Offer) -> str:
    return "6" if offer.destination is not None and ":" in offer.destination.host else "4"
