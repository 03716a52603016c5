"""How relays are replaced after an edit: few at a time, and none without need."""

from dataclasses import replace
from typing import Any

import pytest
from tests.support import fakecluster, lives

from turnfleet.model import region
from turnfleet.plan.cluster import objects, planned, rollout


def test_a_rollout_takes_one_relay_at_a_time_and_ends_with_all_new() -> None:
    there = lives.settled(replicas=3)
    before = {pod.uid for pod in there.ready}
    lives.declare(there, realm="other.example.com")
    least = []
    lives.every_pass(there, lambda _: least.append(len(there.ready)))
    there.settle()
    assert min(least) >= 2
    assert before.isdisjoint({pod.uid for pod in there.ready})
    assert lives.conditions(there)["Progressing"] == "Settled"


def test_a_rollout_goes_on_once_endpoints_had_time_to_try_the_new_relay() -> None:
    there = lives.settled(replicas=2)
    there.now += rollout.TRYING
    lives.declare(there, realm="other.example.com")
    for _ in range(120):
        there.reconcile()
        tried = [pod for pod in there.ready if there.now - pod.ready_since >= rollout.TRYING]
        assert any(pod.closed is None for pod in tried)
    assert lives.conditions(there)["Progressing"] == "Settled"


def test_a_rollout_with_a_bad_image_stops_at_the_first_relay() -> None:
    there = lives.settled(nodes=3, replicas=3)
    there.policy = replace(there.policy, allowed_images=("*",))
    there.broken = frozenset(there.nodes)  # What is ready stays so: nothing new gets there.
    for relay in there.relays.values():
        there.broken = there.broken - {str(relay.pod.node)}
    lives.declare(there, image="bad")
    gone = []
    for _ in range(200):
        plan = there.reconcile()
        gone += [each for each in plan.delete if each.key.kind is objects.Kind.POD]
        there.broken |= {str(r.pod.node) for r in there.relays.values() if r.pod.image == "bad"}
    assert len(gone) == 1
    assert len(there.ready) == 2
    assert lives.conditions(there)["Progressing"] == "RolloutStuck"
    assert there.plan().rolling, "a region that is stuck in a rollout holds up all others"


def test_the_edit_that_corrects_a_bad_one_needs_no_budget() -> None:
    there = lives.settled(nodes=2, replicas=2)
    there.policy = replace(there.policy, allowed_images=("*",))
    lives.declare(there, image="bad")
    for _ in range(60):
        there.reconcile()
        there.broken = frozenset(
            str(r.pod.node) for r in there.relays.values() if r.pod.image == "bad"
        )
    lives.declare(there, image=None)
    there.broken = frozenset()
    there.settle()
    assert {pod.image for pod in there.ready} == {"turnfleet/relay:1"}


def test_a_region_whose_turn_has_not_come_replaces_nothing() -> None:
    there = lives.settled(replicas=2)
    there.may_roll = False
    lives.declare(there, realm="other.example.com")
    plan = there.reconcile()
    assert not plan.annotate
    assert not plan.rolling
    assert lives.conditions(there)["Progressing"] == "WaitingForTurn"


@pytest.mark.parametrize(
    "edit",
    [
        {"drain_timeout": 7200},
        {"limits": region.Limits(allocations_per_user=1)},
        {"latitude": 51.0},
        {"max_unavailable": 2},
    ],
)
def test_an_edit_that_reaches_running_relays_replaces_none(edit: dict[str, Any]) -> None:
    there = lives.settled(replicas=2)
    before = set(there.relays)
    lives.declare(there, **edit)
    there.settle()
    assert set(there.relays) == before


@pytest.mark.parametrize("back", [False, True])
def test_another_placement_drains_the_old_one_before_it_goes(*, back: bool) -> None:
    placements = [region.Placement.REPLICAS, region.Placement.EVERY_NODE]
    first, second = reversed(placements) if back else placements
    there = lives.settled(placement=first, node_selector=lives.POOL_A, replicas=3)
    lives.declare(there, placement=second)
    least = []
    lives.every_pass(there, lambda _: least.append(len(there.ready)))
    there.settle()
    assert min(least) >= 2
    kinds = {key.kind for key in there.stored} & set(fakecluster.WORKLOADS)
    expected = objects.Kind.REPLICA_SET if back else objects.Kind.DAEMON_SET
    assert kinds == {expected}
    assert len(there.ready) == 3


def test_another_selector_takes_relays_from_nodes_it_drops_one_by_one() -> None:
    there = lives.settled(
        nodes=6, placement=region.Placement.EVERY_NODE, node_selector=lives.POOL_A
    )
    lives.declare(there, node_selector=(("pool", "b"),))
    least = []
    lives.every_pass(there, lambda _: least.append(len(there.ready)))
    there.settle()
    assert min(least) >= 2
    assert {pod.node for pod in there.ready} == {"node-4", "node-5", "node-6"}


@pytest.mark.parametrize("placement", region.Placement)
def test_a_selector_that_matches_nothing_takes_nothing_away(placement: region.Placement) -> None:
    there = lives.settled(placement=placement, node_selector=lives.POOL_A, replicas=2)
    before = {pod.uid for pod in there.ready}
    lives.declare(there, node_selector=(("pool", "typo"),), realm="other.example.com")
    there.settle()
    assert {pod.uid for pod in there.ready} == before
    assert lives.conditions(there)["Progressing"] == "NoNodes"


def test_relays_wait_for_the_nodes_of_those_that_drain() -> None:
    there = lives.settled(nodes=1, replicas=1)
    there.drain = 300
    lives.declare(there, realm="other.example.com")
    for _ in range(20):
        there.reconcile()
    assert sorted(lives.states(there).values()) == ["Draining", "Starting"]
    assert lives.conditions(there)["Progressing"] == "WaitingForDrain"
    there.settle()
    assert lives.conditions(there)["Ready"] == "Ready"


@pytest.mark.parametrize(("nodes", "replicas"), [(2, 3), (1, 2)])
def test_a_relay_that_no_node_has_room_for_does_not_hold_up_a_rollout(
    nodes: int, replicas: int
) -> None:
    there = lives.settled(nodes=nodes, replicas=replicas)
    assert lives.conditions(there)["Progressing"] == "TooFewNodes"
    before = {pod.uid for pod in there.ready}
    least = nodes

    def look(_: planned.Plan) -> None:
        nonlocal least
        least = min(least, len(there.ready))

    lives.declare(there, realm="other.example.com")
    lives.every_pass(there, look)
    assert before.isdisjoint({pod.uid for pod in there.ready})
    assert len(there.ready) == nodes
    assert least == nodes - 1, "one after the other"
    assert lives.conditions(there)["Progressing"] == "TooFewNodes"


def test_a_relay_is_deleted_only_as_it_was_seen() -> None:
    there = lives.settled(replicas=2)
    lives.declare(there, realm="other.example.com")
    for relay in there.relays.values():
        relay.pod = replace(relay.pod, version=f"of {relay.pod.name}")
    versions: dict[str, str | None] = {}
    lives.every_pass(there, lambda plan: versions.update(_versions(plan)), passes=10)
    assert versions
    assert all(version == f"of {name}" for name, version in versions.items())


def _versions(plan: planned.Plan) -> dict[str, str | None]:
    return {each.key.name: each.version for each in plan.delete}
