"""What breaks while clients ask: answers stay right, and everything is found again.

Comes after the tests that end relays: a client that vanished, as a prober does whose relay's zone
is cut, keeps its allocation for ten minutes, and a relay that drains waits for it.
"""

import asyncio
import time
from typing import Final

import pytest
from tests.e2e.cluster import commands, steps
from tests.support import cluster_asking, cluster_calls, cluster_fleet, cluster_regions

_DEAD_AFTER: Final = 3.0
"""Seconds after which a dead relay is in no answer."""
_SLACK: Final = 1.0
"""Seconds for a machine of two cores that is four nodes, their clients and the tests."""
_BACK_WITHIN: Final = 60.0
_TAKEOVER_WITHIN: Final = 15.0
_FILLER: Final = "/run/turnrelay/filler"
"""Takes all of what a relay may write."""


async def test_the_relay_of_a_lost_zone_leaves_within_three_seconds(
    fleet: cluster_fleet.Fleet,
    back_end: cluster_asking.BackEnd,
    central: cluster_regions.Region,
    told: steps.Steps,
) -> None:
    lost = fleet.kubernetes.nodes["eu-a"].address
    await cluster_asking.until(back_end, central.is_complete, within=_BACK_WITHIN)
    fleet.kubernetes.cut_zone("eu-1a")
    try:
        seconds = await cluster_asking.until(
            back_end, lambda o: bool(o) and lost not in central.hosts(o), within=10
        )
        told.measured(f"in no answer any more after {seconds:.1f} s")
        assert seconds <= _DEAD_AFTER + _SLACK
    finally:
        fleet.kubernetes.mend_zone("eu-1a")
    seconds = await cluster_asking.until(back_end, central.is_complete, within=_BACK_WITHIN)
    told.measured(f"offered again {seconds:.1f} s after the zone is back")


async def test_a_killed_coturn_is_started_again_inside_its_pod(
    fleet: cluster_fleet.Fleet,
    back_end: cluster_asking.BackEnd,
    central: cluster_regions.Region,
    told: steps.Steps,
) -> None:
    before = fleet.instances(central)
    fleet.kubernetes.nodes["eu-b"].kill_process("turnserver")
    await asyncio.sleep(1)
    seconds = await cluster_asking.until(back_end, central.is_complete, within=_BACK_WITHIN)
    told.measured(f"all relays in every answer {1 + seconds:.1f} s after the kill")
    assert await back_end.complaints(await back_end.ask(profile="full")) == ()
    assert fleet.instances(central) == before


async def test_a_relay_that_can_write_nothing_keeps_its_calls_and_gets_no_new_ones(
    fleet: cluster_fleet.Fleet,
    back_end: cluster_asking.BackEnd,
    central: cluster_regions.Region,
    told: steps.Steps,
) -> None:
    before = fleet.instances(central)
    relay = next(each for each in fleet.relays(central.name) if each["node"] == "eu-a")
    inside = ("exec", relay["name"], f"--namespace={cluster_fleet.RELAYS}", "--")
    client, host = fleet.kubernetes.kubectl, fleet.kubernetes.nodes["eu-a"].address
    offers = await cluster_asking.complete(back_end, central)
    here = cluster_asking.at(host, offers)
    async with cluster_calls.going_on(here, trusted=back_end.trusted) as calls:
        try:
            with pytest.raises(commands.Failed, match="No space left"):
                client.run(*inside, "dd", "if=/dev/zero", f"of={_FILLER}", "bs=1M")
            seconds = await cluster_asking.until(
                back_end, lambda o: bool(o) and host not in central.hosts(o), within=_BACK_WITHIN
            )
            told.measured(f"in no answer {seconds:.1f} s after its state folder is full")
        finally:
            client.run(*inside, "rm", _FILLER)
        seconds = await cluster_asking.until(back_end, central.is_complete, within=_BACK_WITHIN)
        told.measured(f"offered again {seconds:.1f} s after there is room")
    told.measured(cluster_calls.whole(calls))
    assert fleet.instances(central) == before


async def test_containers_outlive_their_kubelet_and_containerd(
    fleet: cluster_fleet.Fleet, back_end: cluster_asking.BackEnd, central: cluster_regions.Region
) -> None:
    before = fleet.instances(central)
    node = fleet.kubernetes.nodes["eu-a"]
    node.kill_kubelet()
    node.kill_containerd()
    assert await back_end.complaints(await back_end.ask(profile="full")) == ()
    node.start_containerd()
    node.start_kubelet()
    await cluster_asking.until(back_end, central.is_complete, within=_BACK_WITHIN)
    assert fleet.instances(central) == before


async def test_answers_go_on_for_a_minute_without_the_api_server(
    fleet: cluster_fleet.Fleet, back_end: cluster_asking.BackEnd, central: cluster_regions.Region
) -> None:
    before = fleet.instances(central)
    async with cluster_asking.always(back_end, central.is_complete):
        await asyncio.to_thread(fleet.kubernetes.without_api_server_for, 60)
        await asyncio.to_thread(fleet.kubernetes.await_ready)
    assert await back_end.complaints(await back_end.ask(profile="full")) == ()
    assert fleet.instances(central) == before


async def test_a_killed_operator_is_stood_in_for(
    fleet: cluster_fleet.Fleet,
    back_end: cluster_asking.BackEnd,
    central: cluster_regions.Region,
    told: steps.Steps,
) -> None:
    holder = fleet.lease_holder()
    async with cluster_asking.always(back_end, central.is_complete):
        fleet.kill_operator(holder)
        began = time.monotonic()
        while fleet.lease_holder() == holder:
            assert time.monotonic() - began < 3 * _TAKEOVER_WITHIN
            await asyncio.sleep(0.2)
    seconds = time.monotonic() - began
    told.measured(f"the other operator leads after {seconds:.1f} s")
    assert seconds <= _TAKEOVER_WITHIN
