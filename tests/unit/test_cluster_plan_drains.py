"""What plans do with drains, of whichever kind, seen through a cluster that does what they say."""

from dataclasses import replace

import pytest
from tests.support import lives, safety, stories

from turnfleet.plan.cluster import past, planned, rollout, shedding

# --- drains by people ---------------------------------------------------------------------------


@pytest.mark.parametrize("whole_node", [False, True])
def test_a_drained_relay_is_closed_at_once_and_opened_at_once(*, whole_node: bool) -> None:
    there = stories.everywhere(nodes=2)
    name = next(name for name, relay in there.relays.items() if relay.pod.node == "node-1")

    def drain(*, on: bool) -> None:
        if whole_node:
            there.nodes["node-1"] = replace(there.nodes["node-1"], drained=on)
        else:
            stories.change(there, name, drained=on)

    drain(on=True)
    plan = there.reconcile()
    assert stories.states(there) == {"node-1": "Closed", "node-2": "Ready"}, "one plan is enough"
    assert stories.entries(there)["node-1"]["reason"] == "Drained"
    assert not plan.delete
    there.settle()
    assert set(there.relays) >= {name}, "nothing ends by it"
    drain(on=False)
    there.reconcile()
    assert stories.states(there) == {"node-1": "Ready", "node-2": "Ready"}
    assert "reason" not in stories.entries(there)["node-1"]


def test_a_drained_node_takes_no_clients_with_its_next_relay_either() -> None:
    there = stories.everywhere(nodes=2)
    there.nodes["node-1"] = replace(there.nodes["node-1"], drained=True)
    name = next(name for name, relay in there.relays.items() if relay.pod.node == "node-1")
    del there.relays[name]
    for _ in range(10):
        there.reconcile()
        assert stories.states(there).get("node-1") != "Ready"
    assert stories.states(there)["node-1"] == "Closed"


def test_a_drained_relay_counts_against_the_budget_of_a_rollout() -> None:
    there = stories.everywhere(nodes=3)
    name = next(name for name, relay in there.relays.items() if relay.pod.node == "node-1")
    stories.change(there, name, drained=True)
    there.settle()
    lives.declare(there, image="new")
    for _ in range(30):
        there.reconcile()
        assert list(stories.states(there).values()).count("Ready") >= 2
        if there.relays.get(name) is None:
            break
    else:
        raise AssertionError("who is out already goes first")


# --- what a person sees of a drain ----------------------------------------------------------------


def test_the_status_says_how_many_drain_and_until_when() -> None:
    there = stories.everywhere(nodes=2)
    there.drain = 600
    assert "draining" not in there.status
    name = next(iter(there.relays))
    there.end(there.relays[name], grace=there.spec.drain_timeout + 60)
    told = there.now
    there.reconcile()
    node = str(there.relays[name].pod.node)
    assert there.status["draining"] == 1
    assert there.status["drainingUntil"] == past.moment(told + there.spec.drain_timeout)
    assert stories.entries(there)[node]["drainingUntil"] == there.status["drainingUntil"]

    before = there.status["drainingUntil"]
    lives.declare(there, drain_timeout=60)
    there.reconcile()
    assert there.status["drainingUntil"] == before, "what is declared later changes no drain"
    there.end(there.relays[name], grace=5)
    there.reconcile()
    assert there.status["drainingUntil"] < before, "who deletes it again may shorten it"
    there.settle()
    assert not {"draining", "drainingUntil"} & set(there.status)


def test_a_region_that_is_as_declared_says_which_relay_still_drains_and_until_when() -> None:
    there = stories.settled(nodes=3, replicas=2)
    assert stories.progressing(there)[1:] == ("Settled", "everything is as declared")
    there.drain = 600
    lives.declare(there, replicas=1)
    while not there.status.get("draining"):
        there.reconcile()
    (leaving,) = (relay.pod for relay in there.relays.values() if relay.pod.deleting_until)
    until = there.status["drainingUntil"]
    sentence = f"everything is as declared; {leaving.name} drains, until {until} at the latest"
    assert stories.progressing(there) == ("True", "Settled", sentence)
    there.settle()
    assert stories.progressing(there)[2] == "everything is as declared"


def test_every_step_of_a_relay_on_its_way_out_is_told_once() -> None:
    there = stories.everywhere(nodes=2)
    lives.declare(there, image="new")
    told: list[str] = []
    for _ in range(60):
        plan = there.reconcile()
        told += [event.reason for event in plan.events if event.reason.startswith("Relay")]
    assert told == ["RelayClosed", "RelayDraining", "RelayGone"] * 2


def test_relays_to_which_the_same_happens_are_told_together() -> None:
    there = stories.everywhere(nodes=4)
    lives.declare(there, weight=0)
    (event, *_) = there.reconcile().events
    names = ", ".join(sorted(there.relays))
    sentence = "takes no new clients, and serves those it has: WeightZero"
    assert (event.reason, event.message) == ("RelayClosed", f"{names}: {sentence}")


def test_a_relay_that_is_gone_from_one_look_to_the_next_is_a_warning() -> None:
    there = stories.everywhere(nodes=2)
    del there.relays[next(iter(there.relays))]
    (event, *_) = (e for e in there.plan().events if e.reason == "RelayLost")
    assert event.type is planned.EventType.WARNING


# --- scale-down -----------------------------------------------------------------------------------


def test_of_several_the_relay_with_the_fewest_allocations_goes() -> None:
    there = stories.settled(nodes=3, zones=1, replicas=3)
    stories.carries(there, node_1=5, node_2=2, node_3=9)
    lives.declare(there, replicas=2)
    there.reconcile()
    assert stories.entries(there)["node-2"]["reason"] == "ScaleDown"
    stories.carries(there, node_1=0, node_2=2, node_3=0)
    there.settle()
    assert {pod.node for pod in there.ready} == {"node-1", "node-3"}, "a choice stays one"


def test_a_deletion_cost_that_somebody_else_wrote_takes_no_second_relay() -> None:
    there = stories.settled(nodes=3, replicas=3)
    lives.declare(there, replicas=2)
    safety.watched(there)
    *_, open_one = (name for name, relay in there.relays.items() if relay.pod.closed is None)
    stories.change(there, open_one, deletion_cost=2 * shedding.COST)
    for _ in range(20):
        safety.watched(there)
    there.settle()
    assert len(there.ready) == 2


def test_a_deletion_cost_is_nobody_elses_while_no_relay_is_to_go() -> None:
    there = stories.settled(nodes=3, replicas=3)
    for name in there.relays:
        stories.change(there, name, deletion_cost=2 * shedding.COST)
    there.reconcile()
    assert {pod.deletion_cost for pod in there.ready} == {None}


def test_a_choice_stays_one_where_all_are_closed_anyway() -> None:
    there = stories.settled(nodes=3, zones=1, replicas=3)
    lives.declare(there, weight=0)
    there.settle()
    stories.carries(there, node_1=5, node_2=2, node_3=9)
    lives.declare(there, replicas=2)
    there.reconcile()
    stories.carries(there, node_1=0)
    there.settle()
    assert {relay.pod.node for relay in there.relays.values()} == {"node-1", "node-3"}


def test_the_last_relay_of_a_zone_stays_while_another_zone_has_two() -> None:
    there = stories.settled(nodes=3, zones=2, replicas=3)  # zone-1 has node-1 and node-3
    stories.carries(there, node_1=5, node_2=0, node_3=9)
    lives.declare(there, replicas=2)
    there.settle()
    assert {pod.node for pod in there.ready} == {"node-2", "node-3"}


def test_old_figures_are_asked_for_again_before_a_relay_is_chosen() -> None:
    there = stories.settled(nodes=3, zones=1, replicas=3)
    stories.carries(there, node_1=5, node_2=2, node_3=9)
    seen = there.observe()
    lives.declare(there, replicas=2)
    there.now += 60
    plan = there.plan_of(seen)
    assert plan.inquire
    assert not plan.annotate
    assert plan.requeue == there.now + rollout.ASKING
    there.status = dict(plan.status or {})
    assert stories.progressing(there)[1:] == (
        "ScalingDown",
        "its relays are asked which of them carries least",
    )
    there.reconcile()
    assert stories.entries(there)["node-2"]["reason"] == "ScaleDown", "all have answered"


def test_who_does_not_report_is_not_taken_for_empty() -> None:
    there = stories.settled(nodes=3, zones=1, replicas=3)
    stories.carries(there, node_1=7)
    seen = there.observe()
    mute = [pod if pod.node == "node-1" else replace(pod, report=None) for pod in seen.pods]
    lives.declare(there, replicas=2)
    plan = there.plan_of(replace(seen, pods=tuple(mute)))
    (step,) = plan.annotate
    assert there.relays[step.pod].pod.node == "node-1"


def test_a_hold_opens_nobody_in_a_region_of_weight_0() -> None:
    there = stories.everywhere(nodes=2)
    rolled, weightless = there.relays
    stories.change(there, rolled, closed="Outdated")
    stories.change(there, weightless, closed="WeightZero")
    lives.declare(there, image="forbidden", weight=0)
    there.policy = replace(there.policy, allowed_images=())
    there.reconcile()
    assert {each["reason"] for each in stories.entries(there).values()} == {"WeightZero"}
