"""What plans do to a region, seen through a cluster that does what they say."""

from dataclasses import replace
from typing import Any

import pytest
from tests.support import fakecluster, lives

from turnfleet.model import region
from turnfleet.plan.cluster import objects, observed, planned, planning, rollout


def test_a_new_region_gets_its_relays_and_then_rests() -> None:
    there = lives.settled(replicas=3)
    assert len(there.ready) == 3
    assert lives.conditions(there) == {
        "Accepted": "Valid",
        "Progressing": "Settled",
        "Ready": "Ready",
        "CredentialsInSync": "InSync",
    }


def test_every_node_of_a_pool_gets_a_relay() -> None:
    there = lives.settled(placement=region.Placement.EVERY_NODE, node_selector=lives.POOL_A)
    assert {pod.node for pod in there.ready} == {"node-1", "node-2", "node-3"}


def test_relays_go_to_the_zones_that_have_most() -> None:
    there = lives.settled(replicas=4)
    lives.declare(there, replicas=2)
    there.settle()
    zones = sorted(str(there.nodes[str(pod.node)].zone) for pod in there.ready)
    assert zones == ["zone-0", "zone-1"]


def test_fewer_replicas_close_then_wait_then_end_one_after_the_other() -> None:
    there = lives.settled(replicas=4)
    lives.declare(there, replicas=1)
    told: list[float] = []
    closed_at = there.now

    def look(plan: planned.Plan) -> None:
        pods = [each for each in plan.delete if each.key.kind is objects.Kind.POD]
        assert len(pods) <= there.policy.deletes_per_pass
        told.extend(there.now for _ in pods)

    lives.every_pass(there, look)
    assert len(told) == 3
    assert min(told) >= closed_at + rollout.CLOSING
    assert len(there.ready) == 1


def test_no_replicas_end_all_of_them() -> None:
    there = lives.settled(replicas=2)
    lives.declare(there, replicas=0)
    there.settle()
    assert not there.relays
    assert lives.conditions(there)["Ready"] == "NoRelays"


def test_a_relay_is_given_the_time_to_drain_that_is_declared_now() -> None:
    there = lives.settled(replicas=1)
    lives.declare(there, drain_timeout=7200)
    there.settle()
    lives.declare(there, replicas=0)
    graces = set[int | None]()
    lives.every_pass(there, lambda plan: graces.update(each.grace for each in plan.delete))
    assert graces == {7260}


def test_a_cordoned_node_closes_its_relay_and_opens_it_again() -> None:
    there = lives.settled(replicas=2)
    name, pod = next((r.pod.name, r.pod) for r in there.relays.values())
    there.nodes[str(pod.node)] = replace(there.nodes[str(pod.node)], cordoned=True)
    there.settle()
    assert lives.states(there)[name] == "Closed"
    assert there.relays[name].pod.closed == "Cordoned"
    there.nodes[str(pod.node)] = replace(there.nodes[str(pod.node)], cordoned=False)
    there.settle()
    assert lives.states(there)[name] == "Ready"
    assert there.relays[name].pod.closed is None


def test_what_a_person_closed_only_a_person_opens() -> None:
    there = lives.settled(replicas=2)
    name = next(iter(there.relays))
    there.relays[name].pod = replace(there.relays[name].pod, closed="maintenance until noon")
    there.settle()
    assert lives.states(there)[name] == "Closed"
    assert there.relays[name].pod.closed == "maintenance until noon"


def test_weight_0_closes_all_and_ends_none() -> None:
    there = lives.settled(replicas=2)
    before = set(there.relays)
    lives.declare(there, weight=0)
    there.settle()
    assert set(there.relays) == before
    assert set(lives.states(there).values()) == {"Closed"}
    lives.declare(there, weight=100)
    there.settle()
    assert set(lives.states(there).values()) == {"Ready"}


def test_a_relay_outlives_the_kubelet_of_its_node_until_probes_say_otherwise() -> None:
    there = lives.settled(replicas=2)
    name, pod = next((r.pod.name, r.pod) for r in there.relays.values())
    there.nodes[str(pod.node)] = replace(there.nodes[str(pod.node)], ready=False)
    there.settle()
    assert lives.states(there)[name] == "Ready"
    assert lives.conditions(there)["Progressing"] == "RelaysNotReady"


def test_a_relay_that_fails_its_own_probe_is_closed_and_stays() -> None:
    there = lives.settled(replicas=2)
    name, pod = next((r.pod.name, r.pod) for r in there.relays.values())
    there.broken = frozenset({str(pod.node)})
    there.settle()
    assert lives.states(there)[name] == "Closed"
    assert there.relays[name].pod.closed is None


def test_a_node_that_goes_gets_its_relay_replaced() -> None:
    there = lives.settled(replicas=2)
    gone = next(iter(there.relays.values())).pod
    del there.nodes[str(gone.node)]
    there.settle()
    assert len(there.ready) == 2
    assert gone.name not in there.relays


def test_no_annotation_makes_a_status_that_the_schema_refuses() -> None:
    there = lives.settled(replicas=1)
    (name,) = there.relays
    there.relays[name].pod = replace(there.relays[name].pod, closed="x" * 200_000)
    there.reconcile()
    assert lives.conditions(there)["Ready"] == "Closed"
    assert all(len(each["message"]) <= 32768 for each in there.status["conditions"])


def test_pods_that_ended_for_good_are_cleared_away() -> None:
    there = lives.settled(replicas=2)
    name = next(iter(there.relays))
    there.relays[name].pod = replace(there.relays[name].pod, ended=True, ready=False)
    (step,) = there.plan().delete
    assert step.key == objects.Key(objects.Kind.POD, name)


def test_what_somebody_else_owns_is_neither_applied_to_nor_deleted() -> None:
    there = lives.cluster(replicas=2)
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
    there = lives.settled(replicas=1)
    key = objects.Key(objects.Kind.CONFIG_MAP, "turn-eu")
    del there.stored[key]["metadata"]["ownerReferences"]
    assert [each.key for each in there.plan().apply] == [key]


def test_a_region_that_is_made_again_waits_for_what_is_left_of_the_last() -> None:
    there = lives.settled(replicas=1)
    there.identity = replace(there.identity, uid="another")
    seen = there.observe()
    leaving = {key: replace(each, deleting=True) for key, each in seen.live.items()}
    plan = plan_of(there, seen=replace(seen, live=leaving))
    assert not plan.apply
    assert not plan.delete
    assert conditions_of(plan)["Progressing"] == "WaitingForDrain"
    assert plan.signing is None, "the last region's secret is not this one's"


def test_a_region_that_ends_is_left_to_the_garbage_collector() -> None:
    there = lives.settled(replicas=2)
    there.identity = replace(there.identity, deleting=True)
    plan = there.plan()
    assert (plan.apply, plan.delete, plan.annotate) == ((), (), ())
    assert plan.signing is None


def test_nothing_is_changed_for_a_region_that_is_not_accepted() -> None:
    there = lives.settled(replicas=2)
    problem = region.Problem(path="spec.realm", sentence="this is no realm")
    plan = plan_of(there, wanted=observed.Wanted(spec=None, problems=(problem,)))
    assert (plan.apply, plan.delete, plan.annotate) == ((), (), ())
    assert conditions_of(plan)["Accepted"] == "Invalid"
    assert plan.signing is not None, "its relays still serve"


def test_a_pod_that_comes_during_a_hold_is_told_its_address() -> None:
    there = lives.cluster(replicas=1)
    there.execute(there.plan())
    there.pass_by(1.0)
    lives.declare(there, image="example.com/not-allowed")
    plan = there.plan()
    assert not plan.apply
    assert [list(each.annotations.values()) for each in plan.annotate] == [
        ["203.0.113.1", "ExternalIP"]
    ]


def test_the_refusal_of_a_plan_is_told_in_the_clusters_words() -> None:
    there = lives.settled(replicas=2)
    plan = plan_of(there, seen=replace(there.observe(), refusal="exceeded quota: pods"))
    assert conditions_of(plan)["Progressing"] == "PodsRefused"


def test_the_status_is_not_written_for_what_others_keep_in_it() -> None:
    there = lives.settled(replicas=2)
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
    there = lives.settled(replicas=2)
    there.status = status
    there.settle()
    assert set(lives.states(there).values()) == {"Ready"}


def test_a_transition_is_told_once() -> None:
    there = lives.settled(replicas=1)
    lives.declare(there, weight=0)
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
