"""Parts of a plan that a whole one seldom needs: the last word, old pods."""

from dataclasses import replace
from typing import Any

import pytest
from tests.support import clusterplans

from turnfleet.model import region
from turnfleet.plan.cluster import (
    addresses,
    guard,
    members,
    objects,
    observed,
    past,
    planned,
    relays,
)
from turnrelay import contract

POLICY = observed.Policy(relay_image="turnfleet/relay:1", deletes_per_pass=5)
SPEC = region.RegionSpec(name="eu", latitude=50, longitude=8, realm="turn.example.com")


def member(name: str, *, ready: bool = True, **pod: Any) -> members.Member:
    plain: dict[str, Any] = {"uid": name, "created": 0.0, "node": "node-1", "ready": ready}
    return members.Member(
        pod=observed.Pod(name=name, **(plain | pod)),
        node=observed.Node(name="node-1"),
        home=objects.Kind.REPLICA_SET,
        past=None,
        finding=addresses.Finding(),
    )


# --- guard ------------------------------------------------------------------------------------


def test_one_plan_takes_no_more_than_the_operator_was_started_with() -> None:
    all_of_them = tuple(member(f"{n}", ready=False) for n in range(9))
    roster = members.Roster(members=all_of_them, desired=9, room=9)
    assert len(guard.allowed(all_of_them, roster=roster, policy=POLICY)) == 5


def test_of_several_relays_the_last_ready_one_stays_whatever_was_decided() -> None:
    ready, other = member("a"), member("b", ready=False)
    roster = members.Roster(members=(ready, other), desired=2, room=2)
    assert guard.allowed((ready, other), roster=roster, policy=POLICY) == (other,)


@pytest.mark.parametrize("desired", [0, 1])
def test_a_region_of_one_relay_or_none_can_lose_its_last(desired: int) -> None:
    last = member("a")
    roster = members.Roster(members=(last,), desired=desired, room=1)
    assert guard.allowed((last,), roster=roster, policy=POLICY) == (last,)


@pytest.mark.parametrize(
    ("most", "desired", "budget"), [(1, 5, 1), (9, 3, 2), (9, 1, 1), (1, 0, 1)]
)
def test_a_rollout_never_takes_all_of_several(most: int, desired: int, budget: int) -> None:
    assert guard.budget(replace(SPEC, max_unavailable=most), desired) == budget


# --- entries of pods that were started with something else ---------------------------------------


def entry(of: members.Member, spec: region.RegionSpec | None = SPEC) -> dict[str, Any]:
    roster = members.Roster(members=(of,), desired=1, room=1)
    (found,) = relays.entries(spec, roster, closed={}, now=0.0)
    return found


def before(**body: Any) -> past.Entry:
    return past.Entry(
        name="a", instance="a", state=contract.State.READY, since=0.0, body={"name": "a", **body}
    )


def test_a_relay_is_published_with_the_ports_that_its_pod_has() -> None:
    old = member("a", ports={"udp": 5000, "agent": 9999}, host_addresses=("10.0.0.1",))
    assert entry(old)["ports"] == {"udp": 5000}
    assert entry(old)["agent"] == {"address": "10.0.0.1", "port": 9999}


def test_where_a_pod_tells_no_ports_an_outdated_one_keeps_those_that_were_published() -> None:
    known = before(ports={"udp": 5000}, agent={"address": "10.0.0.1", "port": 9999})
    old = replace(member("a", host_addresses=("10.0.0.1",)), past=known, current=False)
    assert entry(old)["ports"] == {"udp": 5000}
    assert entry(old)["agent"] == {"address": "10.0.0.1", "port": 9999}


def test_where_a_pod_tells_no_ports_a_current_one_has_those_that_are_declared() -> None:
    assert entry(member("a"))["ports"] == {"udp": 3478, "tcp": 3478}


def test_of_a_pod_that_came_while_nothing_is_declared_no_ports_are_known() -> None:
    assert "ports" not in entry(member("a"), spec=None)


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("turnfleet/relay:0.1.0", "0.1.0"),
        ("localhost:5000/turnfleet/relay", ""),
        ("localhost:5000/relay:2@sha256:abc", "2"),
        ("relay@sha256:abc", "sha256:abc"),
    ],
)
def test_the_version_of_a_relay_is_the_tag_of_its_image(image: str, version: str) -> None:
    assert entry(member("a", image=image)).get("version", "") == version


# --- memory -----------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [None, 1, "", "yesterday", "2026-99-01T00:00:00Z"])
def test_a_time_that_is_none_is_none(text: object) -> None:
    assert past.seconds(text) is None


def test_a_time_is_read_as_it_was_written() -> None:
    assert past.seconds(past.moment(clusterplans.NOW + 0.9)) == clusterplans.NOW


def test_a_plan_that_only_waits_has_nothing_to_do() -> None:
    assert not planned.Plan(requeue=1.0, signing=b"x", rolling=True)
