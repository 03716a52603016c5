"""What plans do to a region, seen through a cluster that does what they say."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.support import fakecluster

from turnfleet.model import region
from turnfleet.plan.cluster import objects, observed, planned, planning, rollout

SPEC = region.RegionSpec(name="eu", latitude=50, longitude=8, realm="turn.example.com")
POOL_A = (("pool", "a"),)


def node(number: int) -> observed.Node:
    return observed.Node(
        name=f"node-{number}",
        labels={"pool": "a" if number <= 3 else "b"},
        internal=(f"10.0.0.{number}",),
        external=(f"203.0.113.{number}",),
        zone=f"zone-{number % 2}",
    )


def cluster(*, nodes: int = 4, **relays: Any) -> fakecluster.Cluster:
    return fakecluster.Cluster(
        spec=replace(SPEC, relays=region.Relays(**relays)),
        nodes={each.name: each for each in map(node, range(1, nodes + 1))},
    )


def settled(*, nodes: int = 4, **relays: Any) -> fakecluster.Cluster:
    there = cluster(nodes=nodes, **relays)
    there.settle()
    return there


def declare(there: fakecluster.Cluster, **edit: Any) -> None:
    relays = {name: edit.pop(name) for name in list(edit) if hasattr(SPEC.relays, name)}
    there.spec = replace(there.spec, relays=replace(there.spec.relays, **relays), **edit)


def conditions(there: fakecluster.Cluster) -> dict[str, str]:
    return {each["type"]: each["reason"] for each in there.status["conditions"]}


def states(there: fakecluster.Cluster) -> dict[str, str]:
    return {relay["name"]: relay["state"] for relay in there.status["relays"]}


def every_pass(
    there: fakecluster.Cluster, look: Callable[[planned.Plan], None], *, passes: int = 120
) -> None:
    for _ in range(passes):
        look(there.reconcile())


def test_a_new_region_gets_its_relays_and_then_rests() -> None:
    there = settled(replicas=3)
    assert len(there.ready) == 3
    assert conditions(there) == {
        "Accepted": "Valid",
        "Progressing": "Settled",
        "Ready": "Ready",
        "CredentialsInSync": "InSync",
    }


def test_every_node_of_a_pool_gets_a_relay() -> None:
    there = settled(placement=region.Placement.EVERY_NODE, node_selector=POOL_A)
    assert {pod.node for pod in there.ready} == {"node-1", "node-2", "node-3"}


def test_relays_go_to_the_zones_that_have_most() -> None:
    there = settled(replicas=4)
    declare(there, replicas=2)
    there.settle()
    zones = sorted(str(there.nodes[str(pod.node)].zone) for pod in there.ready)
    assert zones == ["zone-0", "zone-1"]


def test_fewer_replicas_close_then_wait_then_end_one_after_the_other() -> None:
    there = settled(replicas=4)
    declare(there, replicas=1)
    told: list[float] = []
    closed_at = there.now

    def look(plan: planned.Plan) -> None:
        pods = [each for each in plan.delete if each.key.kind is objects.Kind.POD]
        assert len(pods) <= there.policy.deletes_per_pass
        told.extend(there.now for _ in pods)

    every_pass(there, look)
    assert len(told) == 3
    assert min(told) >= closed_at + rollout.CLOSING
    assert len(there.ready) == 1


def test_no_replicas_end_all_of_them() -> None:
    there = settled(replicas=2)
    declare(there, replicas=0)
    there.settle()
    assert not there.relays
    assert conditions(there)["Ready"] == "NoRelays"


def test_a_rollout_takes_one_relay_at_a_time_and_ends_with_all_new() -> None:
    there = settled(replicas=3)
    before = {pod.uid for pod in there.ready}
    declare(there, realm="other.example.com")
    least = []
    every_pass(there, lambda _: least.append(len(there.ready)))
    there.settle()
    assert min(least) >= 2
    assert before.isdisjoint({pod.uid for pod in there.ready})
    assert conditions(there)["Progressing"] == "Settled"


def test_a_rollout_goes_on_once_endpoints_had_time_to_try_the_new_relay() -> None:
    there = settled(replicas=2)
    there.now += rollout.TRYING
    declare(there, realm="other.example.com")
    for _ in range(120):
        there.reconcile()
        tried = [pod for pod in there.ready if there.now - pod.ready_since >= rollout.TRYING]
        assert any(pod.closed is None for pod in tried)
    assert conditions(there)["Progressing"] == "Settled"


def test_a_rollout_with_a_bad_image_stops_at_the_first_relay() -> None:
    there = settled(nodes=3, replicas=3)
    there.policy = replace(there.policy, allowed_images=("*",))
    there.broken = frozenset(there.nodes)  # What is ready stays so: nothing new gets there.
    for relay in there.relays.values():
        there.broken = there.broken - {str(relay.pod.node)}
    declare(there, image="bad")
    gone = []
    for _ in range(200):
        plan = there.reconcile()
        gone += [each for each in plan.delete if each.key.kind is objects.Kind.POD]
        there.broken |= {str(r.pod.node) for r in there.relays.values() if r.pod.image == "bad"}
    assert len(gone) == 1
    assert len(there.ready) == 2
    assert conditions(there)["Progressing"] == "RolloutStuck"
    assert there.plan().rolling, "a region that is stuck in a rollout holds up all others"


def test_the_edit_that_corrects_a_bad_one_needs_no_budget() -> None:
    there = settled(nodes=2, replicas=2)
    there.policy = replace(there.policy, allowed_images=("*",))
    declare(there, image="bad")
    for _ in range(60):
        there.reconcile()
        there.broken = frozenset(
            str(r.pod.node) for r in there.relays.values() if r.pod.image == "bad"
        )
    declare(there, image=None)
    there.broken = frozenset()
    there.settle()
    assert {pod.image for pod in there.ready} == {"turnfleet/relay:1"}


def test_a_region_whose_turn_has_not_come_replaces_nothing() -> None:
    there = settled(replicas=2)
    there.may_roll = False
    declare(there, realm="other.example.com")
    plan = there.reconcile()
    assert not plan.annotate
    assert not plan.rolling
    assert conditions(there)["Progressing"] == "WaitingForTurn"


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
    there = settled(replicas=2)
    before = set(there.relays)
    declare(there, **edit)
    there.settle()
    assert set(there.relays) == before


def test_a_relay_is_given_the_time_to_drain_that_is_declared_now() -> None:
    there = settled(replicas=1)
    declare(there, drain_timeout=7200)
    there.settle()
    declare(there, replicas=0)
    graces = set[int | None]()
    every_pass(there, lambda plan: graces.update(each.grace for each in plan.delete))
    assert graces == {7260}


def test_a_cordoned_node_closes_its_relay_and_opens_it_again() -> None:
    there = settled(replicas=2)
    name, pod = next((r.pod.name, r.pod) for r in there.relays.values())
    there.nodes[str(pod.node)] = replace(there.nodes[str(pod.node)], cordoned=True)
    there.settle()
    assert states(there)[name] == "Closed"
    assert there.relays[name].pod.closed == "Cordoned"
    there.nodes[str(pod.node)] = replace(there.nodes[str(pod.node)], cordoned=False)
    there.settle()
    assert states(there)[name] == "Ready"
    assert there.relays[name].pod.closed is None


def test_what_a_person_closed_only_a_person_opens() -> None:
    there = settled(replicas=2)
    name = next(iter(there.relays))
    there.relays[name].pod = replace(there.relays[name].pod, closed="maintenance until noon")
    there.settle()
    assert states(there)[name] == "Closed"
    assert there.relays[name].pod.closed == "maintenance until noon"


def test_weight_0_closes_all_and_ends_none() -> None:
    there = settled(replicas=2)
    before = set(there.relays)
    declare(there, weight=0)
    there.settle()
    assert set(there.relays) == before
    assert set(states(there).values()) == {"Closed"}
    declare(there, weight=100)
    there.settle()
    assert set(states(there).values()) == {"Ready"}


@pytest.mark.parametrize("back", [False, True])
def test_another_placement_drains_the_old_one_before_it_goes(*, back: bool) -> None:
    placements = [region.Placement.REPLICAS, region.Placement.EVERY_NODE]
    first, second = reversed(placements) if back else placements
    there = settled(placement=first, node_selector=POOL_A, replicas=3)
    declare(there, placement=second)
    least = []
    every_pass(there, lambda _: least.append(len(there.ready)))
    there.settle()
    assert min(least) >= 2
    kinds = {key.kind for key in there.stored} & set(fakecluster.WORKLOADS)
    expected = objects.Kind.REPLICA_SET if back else objects.Kind.DAEMON_SET
    assert kinds == {expected}
    assert len(there.ready) == 3


def test_another_selector_takes_relays_from_nodes_it_drops_one_by_one() -> None:
    there = settled(nodes=6, placement=region.Placement.EVERY_NODE, node_selector=POOL_A)
    declare(there, node_selector=(("pool", "b"),))
    least = []
    every_pass(there, lambda _: least.append(len(there.ready)))
    there.settle()
    assert min(least) >= 2
    assert {pod.node for pod in there.ready} == {"node-4", "node-5", "node-6"}


@pytest.mark.parametrize("placement", region.Placement)
def test_a_selector_that_matches_nothing_takes_nothing_away(placement: region.Placement) -> None:
    there = settled(placement=placement, node_selector=POOL_A, replicas=2)
    before = {pod.uid for pod in there.ready}
    declare(there, node_selector=(("pool", "typo"),), realm="other.example.com")
    there.settle()
    assert {pod.uid for pod in there.ready} == before
    assert conditions(there)["Progressing"] == "NoNodes"


def test_relays_wait_for_the_nodes_of_those_that_drain() -> None:
    there = settled(nodes=1, replicas=1)
    there.drain = 300
    declare(there, realm="other.example.com")
    for _ in range(20):
        there.reconcile()
    assert sorted(states(there).values()) == ["Draining", "Starting"]
    assert conditions(there)["Progressing"] == "WaitingForDrain"
    there.settle()
    assert conditions(there)["Ready"] == "Ready"


def test_a_relay_outlives_the_kubelet_of_its_node_until_probes_say_otherwise() -> None:
    there = settled(replicas=2)
    name, pod = next((r.pod.name, r.pod) for r in there.relays.values())
    there.nodes[str(pod.node)] = replace(there.nodes[str(pod.node)], ready=False)
    there.settle()
    assert states(there)[name] == "Ready"
    assert conditions(there)["Progressing"] == "RelaysNotReady"


def test_a_relay_that_fails_its_own_probe_is_closed_and_stays() -> None:
    there = settled(replicas=2)
    name, pod = next((r.pod.name, r.pod) for r in there.relays.values())
    there.broken = frozenset({str(pod.node)})
    there.settle()
    assert states(there)[name] == "Closed"
    assert there.relays[name].pod.closed is None


def test_a_node_that_goes_gets_its_relay_replaced() -> None:
    there = settled(replicas=2)
    gone = next(iter(there.relays.values())).pod
    del there.nodes[str(gone.node)]
    there.settle()
    assert len(there.ready) == 2
    assert gone.name not in there.relays


@pytest.mark.parametrize(("nodes", "replicas"), [(2, 3), (1, 2)])
def test_a_relay_that_no_node_has_room_for_does_not_hold_up_a_rollout(
    nodes: int, replicas: int
) -> None:
    there = settled(nodes=nodes, replicas=replicas)
    assert conditions(there)["Progressing"] == "TooFewNodes"
    before = {pod.uid for pod in there.ready}
    least = nodes

    def look(_: planned.Plan) -> None:
        nonlocal least
        least = min(least, len(there.ready))

    declare(there, realm="other.example.com")
    every_pass(there, look)
    assert before.isdisjoint({pod.uid for pod in there.ready})
    assert len(there.ready) == nodes
    assert least == nodes - 1, "one after the other"
    assert conditions(there)["Progressing"] == "TooFewNodes"


def test_no_annotation_makes_a_status_that_the_schema_refuses() -> None:
    there = settled(replicas=1)
    (name,) = there.relays
    there.relays[name].pod = replace(there.relays[name].pod, closed="x" * 200_000)
    there.reconcile()
    assert conditions(there)["Ready"] == "Closed"
    assert all(len(each["message"]) <= 32768 for each in there.status["conditions"])


def test_pods_that_ended_for_good_are_cleared_away() -> None:
    there = settled(replicas=2)
    name = next(iter(there.relays))
    there.relays[name].pod = replace(there.relays[name].pod, ended=True, ready=False)
    (step,) = there.plan().delete
    assert step.key == objects.Key(objects.Kind.POD, name)


def test_what_somebody_else_owns_is_neither_applied_to_nor_deleted() -> None:
    there = cluster(replicas=2)
    for key in [
        objects.Key(objects.Kind.CONFIG_MAP, "turn-eu"),
        objects.Key(objects.Kind.DAEMON_SET, "turn-eu"),
    ]:
        there.stored[key] = {"metadata": {"name": "turn-eu", "uid": f"theirs-{key}"}}
    plan = there.plan()
    kinds = {each.key.kind for each in plan.apply}
    assert objects.Kind.CONFIG_MAP not in kinds
    assert objects.Kind.REPLICA_SET in kinds
    assert not plan.delete
    assert conditions_of(plan)["Progressing"] == "NameInUse"


def test_what_was_restored_without_an_owner_is_taken_back() -> None:
    there = settled(replicas=1)
    key = objects.Key(objects.Kind.CONFIG_MAP, "turn-eu")
    del there.stored[key]["metadata"]["ownerReferences"]
    assert [each.key for each in there.plan().apply] == [key]


def test_a_region_that_is_made_again_waits_for_what_is_left_of_the_last() -> None:
    there = settled(replicas=1)
    there.identity = replace(there.identity, uid="another")
    seen = there.observe()
    leaving = {key: replace(each, deleting=True) for key, each in seen.live.items()}
    plan = plan_of(there, seen=replace(seen, live=leaving))
    assert not plan.apply
    assert not plan.delete
    assert conditions_of(plan)["Progressing"] == "WaitingForDrain"
    assert plan.signing is None, "the last region's secret is not this one's"


def test_a_region_that_ends_is_left_to_the_garbage_collector() -> None:
    there = settled(replicas=2)
    there.identity = replace(there.identity, deleting=True)
    plan = there.plan()
    assert (plan.apply, plan.delete, plan.annotate) == ((), (), ())
    assert plan.signing is None


def test_nothing_is_changed_for_a_region_that_is_not_accepted() -> None:
    there = settled(replicas=2)
    problem = region.Problem(path="spec.realm", sentence="this is no realm")
    plan = plan_of(there, wanted=observed.Wanted(spec=None, problems=(problem,)))
    assert (plan.apply, plan.delete, plan.annotate) == ((), (), ())
    assert conditions_of(plan)["Accepted"] == "Invalid"
    assert plan.signing is not None, "its relays still serve"


def test_a_pod_that_comes_during_a_hold_is_told_its_address() -> None:
    there = cluster(replicas=1)
    there.execute(there.plan())
    there.pass_by(1.0)
    declare(there, image="example.com/not-allowed")
    plan = there.plan()
    assert not plan.apply
    assert [list(each.annotations.values()) for each in plan.annotate] == [
        ["203.0.113.1", "ExternalIP"]
    ]


def test_the_refusal_of_a_plan_is_told_in_the_clusters_words() -> None:
    there = settled(replicas=2)
    plan = plan_of(there, seen=replace(there.observe(), refusal="exceeded quota: pods"))
    assert conditions_of(plan)["Progressing"] == "PodsRefused"


def test_the_status_is_not_written_for_what_others_keep_in_it() -> None:
    there = settled(replicas=2)
    there.status["theirs"] = {"x": 1}
    assert not there.plan()


@pytest.mark.parametrize(
    "status",
    [
        {"relays": "x", "conditions": 3},
        {"relays": [1, {"name": "a"}], "conditions": [{"type": "Ready"}]},
        {"relays": [{"name": "turn-eu-00000", "state": "Dancing"}]},
    ],
)
def test_a_status_that_makes_no_sense_is_written_anew(status: dict[str, Any]) -> None:
    there = settled(replicas=2)
    there.status = status
    there.settle()
    assert set(states(there).values()) == {"Ready"}


def test_a_transition_is_told_once() -> None:
    there = settled(replicas=1)
    declare(there, weight=0)
    assert [event.reason for event in there.reconcile().events] == ["RelayClosed", "Closed"]
    assert not there.reconcile().events


def plan_of(there: fakecluster.Cluster, **given: Any) -> planned.Plan:
    asked: dict[str, Any] = {
        "identity": there.identity,
        "wanted": observed.Wanted(spec=there.spec),
        "seen": there.observe(),
        "surroundings": observed.Surroundings(agent_key="ab" * 32, fresh_secret=b"s" * 32),
        "policy": there.policy,
        "now": there.now,
    }
    return planning.plan(**(asked | given))


def conditions_of(plan: planned.Plan) -> dict[str, str]:
    status: Any = plan.status
    return {each["type"]: each["reason"] for each in status["conditions"]}
