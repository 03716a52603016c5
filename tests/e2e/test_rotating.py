"""A region's secret is replaced: clients keep coming, calls go on, and a kubelet is down for it."""

import asyncio
import time
from typing import Final

import pytest
from tests.e2e.cluster import kubectl
from tests.support import (
    cluster_asking,
    cluster_clients,
    cluster_fleet,
    cluster_regions,
    cluster_scene,
)

_IN_SYNC: Final = "CredentialsInSync"
_DROPPED_WITHIN: Final = 15
_WITHIN: Final = 60
_LATE: Final = "eu-b"
"""The node whose kubelet is down."""


@pytest.fixture(autouse=True)
def single(fleet: cluster_fleet.Fleet, central: cluster_regions.Region) -> str:
    """Give the only secret of the region: a rotation waits until its last one is over."""
    if fleet.secret(central.name, "previous"):
        fleet.turnfleet("rotate", central.name, "--now", "--wait")
    return fleet.secret(central.name)


async def test_a_rotation_gives_every_relay_the_new_secret_and_refuses_nobody(
    scene: cluster_scene.Scene,
    single: str,
) -> None:
    fleet, back_end, central, told = scene.fleet, scene.back_end, scene.region, scene.told
    async with scene.calls(), cluster_asking.served(back_end) as clients:
        said = await asyncio.to_thread(fleet.turnfleet, "rotate", central.name, "--wait")
        told.measured(said.splitlines()[-1])
        new = fleet.secret(central.name)
        assert new != single
        assert await _refusals(central, back_end, new) == {None}
        # What was signed before the switch is as good as it ever was.
        assert await back_end.refused(scene.offers) == ()
    told.measured(str(clients))
    scene.assert_kept()


async def test_a_secret_that_got_out_is_refused_at_once_and_calls_made_with_it_go_on(
    scene: cluster_scene.Scene,
    single: str,
) -> None:
    fleet, back_end, central, told = scene.fleet, scene.back_end, scene.region, scene.told
    held = scene.offers
    async with (
        scene.calls(),
        cluster_clients.offered(held[0], trusted=back_end.trusted) as allocation,
    ):
        began = time.monotonic()
        async with cluster_asking.coming(back_end) as clients:
            await asyncio.to_thread(fleet.turnfleet, "rotate", central.name, "--now")
            while await _refusals(central, back_end, single) != {401}:
                assert time.monotonic() - began < _DROPPED_WITHIN
                await asyncio.sleep(0.1)
            dropped = time.monotonic()
            told.measured(f"the old secret is refused {dropped - began:.1f} s after --now")
            refused = await back_end.refused(held)
            assert len([each for each in refused if ": 401" in each]) == len(held)
            seconds = await cluster_asking.working(back_end, within=_DROPPED_WITHIN)
        told.measured(f"every new answer works {seconds:.1f} s later; meanwhile {clients}")
        assert await allocation.refresh(600) == 600
        async with cluster_asking.served(back_end):
            await asyncio.to_thread(fleet.await_condition, central.name, _IN_SYNC, "InSync")
    scene.assert_kept()


async def test_a_rotation_on_time_waits_for_a_relay_whose_kubelet_is_down(
    scene: cluster_scene.Scene,
    single: str,
) -> None:
    fleet, back_end, central, told = scene.fleet, scene.back_end, scene.region, scene.told
    node, late = fleet.kubernetes.nodes[_LATE], _relay(fleet, central)
    async with cluster_asking.served(back_end) as clients:
        node.kill_kubelet()
        try:
            await asyncio.to_thread(_age, fleet, central)
            said = await asyncio.to_thread(_await_named, fleet, central, late)
            assert (said.status, said.reason) == ("True", "RotationSpreading")
            assert await _refusals(central, back_end, fleet.secret(central.name)) == {None, 401}
        finally:
            node.start_kubelet()
        began = time.monotonic()
        await asyncio.to_thread(
            fleet.await_condition, central.name, _IN_SYNC, "RotationOverlap", within=_WITHIN
        )
        told.measured(f"through {time.monotonic() - began:.1f} s after its kubelet is back")
    told.measured(str(clients))
    assert fleet.secret(central.name, "previous") == single


async def test_a_relay_that_missed_a_rotation_is_offered_again_once_it_has_caught_up(
    scene: cluster_scene.Scene,
) -> None:
    fleet, back_end, central, told = scene.fleet, scene.back_end, scene.region, scene.told
    node, late = fleet.kubernetes.nodes[_LATE], _relay(fleet, central)
    async with scene.calls(scene.at(node.address)):
        node.kill_kubelet()
        try:
            await asyncio.to_thread(fleet.turnfleet, "rotate", central.name, "--now")
            said = await asyncio.to_thread(_await_named, fleet, central, late)
            assert (said.status, said.reason) == ("False", "RelaysBehind")
            seconds = await scene.absent(node.address, within=_WITHIN)
            told.measured(f"in no answer {seconds:.1f} s after it was told to be behind")
        except BaseException:
            node.start_kubelet()
            raise
        async with cluster_asking.served(back_end) as clients:
            node.start_kubelet()
            seconds = await scene.complete(within=_WITHIN)
            told.measured(f"offered again {seconds:.1f} s after its kubelet is back")
    told.measured(str(clients))
    await asyncio.to_thread(fleet.await_condition, central.name, _IN_SYNC, "InSync")
    scene.assert_kept()


async def _refusals(
    region: cluster_regions.Region, back_end: cluster_asking.BackEnd, secret: str
) -> set[int | None]:
    """Return with what codes a region's relays refuse a secret; ``None``: one takes it."""
    servers = [
        cluster_clients.servers(address, ports={"udp": 3478}, trusted=back_end.trusted)[0]
        for address in region.addresses
    ]
    return {await cluster_clients.refusal(server, secret=secret) for server in servers}


def _relay(fleet: cluster_fleet.Fleet, region: cluster_regions.Region) -> str:
    """Return the name of the relay that is late."""
    names: dict[str, str] = {r["node"]: r["name"] for r in fleet.relays(region.name)}
    return names[_LATE]


def _age(fleet: cluster_fleet.Fleet, region: cluster_regions.Region) -> None:
    """Have the region's secret be older than ``auth.rotateEvery``, which is 2 minutes at least."""
    change = {"stringData": {"rotatedAt": "1"}}
    fleet.kubernetes.kubectl.patch(
        "secret", f"{region.name}-auth", change, namespace=cluster_fleet.RELAYS
    )


def _await_named(
    fleet: cluster_fleet.Fleet, region: cluster_regions.Region, relay: str
) -> cluster_fleet.Condition:
    """Return the condition once it names a relay, and no other."""
    kubectl.wait_until(
        lambda: relay in fleet.condition(region.name, _IN_SYNC).message,
        what=f"{_IN_SYNC} to name {relay}",
    )
    said = fleet.condition(region.name, _IN_SYNC)
    others = {each["name"] for each in fleet.relays(region.name)} - {relay}
    assert not any(other in said.message for other in others)
    return said
