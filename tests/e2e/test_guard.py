"""The guard of nodes: what clients of relays reach with it and without, while calls go on."""

import asyncio
import time
from collections.abc import Iterator
from typing import Final

import pytest
from tests.e2e.cluster import cluster, kubectl, steps
from tests.support import (
    cluster_asking,
    cluster_calls,
    cluster_clients,
    cluster_fleet,
    cluster_regions,
    services,
)

from turnfleet.commands import asking
from turnrelay import turn

_GUARDED: Final = "--set=guard.enabled=true"
_GUARD: Final = "turnfleet-guard"
_WITHIN: Final = 90
_ANSWERED_WITHIN: Final = 2.0
"""Seconds; the machine may be busy."""


@pytest.fixture
def unguarded(fleet: cluster_fleet.Fleet) -> Iterator[cluster_fleet.Fleet]:
    """Give the fleet as the others have it, and leave it so."""
    yield fleet
    fleet.install()
    fleet.await_programs()


async def test_a_guard_closes_other_ports_of_nodes_to_relays_and_ends_no_call(
    kubernetes: cluster.Cluster,
    unguarded: cluster_fleet.Fleet,
    back_end: cluster_asking.BackEnd,
    central: cluster_regions.Region,
    told: steps.Steps,
) -> None:
    fleet = unguarded
    before = fleet.instances(central)
    offers = await cluster_asking.complete(back_end, central)
    nodes = [each for each in kubernetes.nodes.values() if each.address in central.addresses]
    with services.on(nodes):
        async with cluster_calls.going_on(offers, trusted=back_end.trusted) as calls:
            assert await _reached(offers, back_end, central) == set(central.addresses)
            began = time.monotonic()
            await asyncio.to_thread(fleet.install, _GUARDED)
            await asyncio.to_thread(_await_guards, kubernetes)
            told.measured(f"every node guarded {time.monotonic() - began:.1f} s after the upgrade")
            assert await _reached(offers, back_end, central) == set()
            # A packet from each relay to the other and back, on every URL.
            assert await back_end.complaints(offers) == ()
            await asyncio.to_thread(fleet.install)
            await asyncio.to_thread(_await_none, kubernetes)
            assert await _reached(offers, back_end, central) == set(central.addresses)
        told.measured(cluster_calls.whole(calls))
    assert fleet.instances(central) == before


async def _reached(
    offers: cluster_asking.Offers,
    back_end: cluster_asking.BackEnd,
    central: cluster_regions.Region,
) -> set[str]:
    """Return the nodes whose service a client of any relay gets an answer from."""
    udp = [each for each in offers if each.url.startswith("turn:") and each.destination]
    assert {each.destination.host for each in udp if each.destination} == set(central.addresses)
    return {
        address
        for offer in udp
        for address in central.addresses
        if await _answers(address, offer, back_end)
    }


async def _answers(address: str, offer: asking.Offer, back_end: cluster_asking.BackEnd) -> bool:
    async with cluster_clients.offered(offer, trusted=back_end.trusted) as allocation:
        await allocation.permit(address)
        await allocation.send((address, services.PORT), b"hello")
        try:
            answer = await allocation.receive(_ANSWERED_WITHIN)
        except turn.Silent:
            return False
        return answer == ((address, services.PORT), b"hello")


def _await_guards(kubernetes: cluster.Cluster) -> None:
    kubernetes.kubectl.run(
        "rollout", "status", f"daemonset/{_GUARD}", f"--namespace={cluster_fleet.RELAYS}",
        f"--timeout={_WITHIN}s", timeout=_WITHIN + 10,
    )  # fmt: skip


def _await_none(kubernetes: cluster.Cluster) -> None:
    kubectl.wait_until(
        lambda: (
            not kubernetes.kubectl.items(
                "pods",
                namespace=cluster_fleet.RELAYS,
                selector="app.kubernetes.io/component=guard",
            )
        ),
        what="the last guard to end",
        within=_WITHIN,
    )
