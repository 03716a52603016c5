"""When a rollout goes on and when it stops, seen through a cluster that does what plans say."""

from dataclasses import replace
from typing import Any

import pytest
from tests.support import lives, stories

from turnfleet import names
from turnfleet.model import region
from turnfleet.plan.cluster import objects, observed, rollout
from turnrelay import contract


def test_a_rollout_finishes_a_zone_before_it_begins_the_next() -> None:
    there = stories.everywhere(nodes=6)
    before = {relay.pod.uid: there.nodes[str(relay.pod.node)].zone for relay in
              there.relays.values()}  # fmt: skip
    lives.declare(there, image="new")
    order: list[str] = []
    for _ in range(400):
        gone = [each.uid for each in there.reconcile().delete if each.uid in before]
        order += [str(before[uid]) for uid in gone]
    assert order == ["zone-0"] * 3 + ["zone-1"] * 3


def test_the_first_relay_of_a_new_kind_goes_alone_whatever_the_budget() -> None:
    there = stories.everywhere(nodes=6, zones=1, most_out=4)
    lives.declare(there, image="bad")
    gone: list[str] = []
    for _ in range(120):
        gone += stories.deleted(there.reconcile())
        there.broken = frozenset(
            str(r.pod.node) for r in there.relays.values() if r.pod.image == "bad"
        )
    assert len(gone) == 1
    status, reason, message = stories.progressing(there)
    assert (status, reason) == ("False", "RolloutStuck")
    assert "does not pass its own Allocate" in message
    assert "take the edit back" in message


def test_a_new_relay_that_cannot_be_started_is_told_of_at_once() -> None:
    there = stories.everywhere(nodes=4)
    lives.declare(there, image="bad")
    new: list[observed.Pod] = []
    while not new:
        there.reconcile()
        new = [r.pod for r in there.relays.values() if r.pod.image == "bad" and r.pod.node]
    [started] = new
    there.broken = frozenset({str(started.node)})
    there.reconcile()
    assert stories.progressing(there)[:2] == ("True", "RollingOut")
    stories.change(there, started.name, trouble="ErrImagePull: no such image")
    there.reconcile()
    status, reason, message = stories.progressing(there)
    assert (status, reason) == ("False", "RolloutStuck")
    assert f"{started.name}: ErrImagePull: no such image" in message
    assert there.now < started.created + rollout.SETTLING


def test_once_one_of_the_new_kind_is_proven_the_budget_counts() -> None:
    there = stories.everywhere(nodes=6, zones=1, most_out=2)
    lives.declare(there, image="new")
    least = 6
    for _ in range(200):
        there.reconcile()
        least = min(least, len(there.ready))
    assert least == 4
    assert {pod.image for pod in there.ready} == {"new"}


def test_no_relay_goes_while_its_successor_would_wait_for_a_certificate() -> None:
    there = stories.everywhere(nodes=4)
    before = {pod.uid for pod in there.ready}
    there.certificate = observed.Certificate(
        present=False, problem="there is no Secret typo in namespace relays"
    )
    lives.declare(there, listeners=region.Listeners(udp=3478, tls=5349, tls_secret_name="typo"))
    for _ in range(60):
        there.reconcile()
    assert {pod.uid for pod in there.ready} == before
    assert set(stories.states(there).values()) == {"Ready"}
    status, reason, message = stories.progressing(there)
    assert (status, reason) == ("False", "WaitingForCertificate")
    assert "no Secret typo" in message
    there.certificate = None
    there.settle()
    assert not before & {pod.uid for pod in there.ready}


def test_a_rollout_stops_while_relays_are_out_for_another_reason() -> None:
    there = stories.everywhere(nodes=4)
    lives.declare(there, image="new")
    first = next(plan for plan in iter(there.reconcile, None) if stories.deleted(plan))
    for _ in range(20):
        there.reconcile()
    victim = next(r.pod for r in there.relays.values() if r.pod.image == "new" and r.pod.ready)
    there.broken = frozenset({str(victim.node)})
    gone = []
    for _ in range(60):
        gone += stories.deleted(there.reconcile())
        assert len(there.ready) >= 2
    status, reason, message = stories.progressing(there)
    assert (status, reason) == ("False", "RolloutStuck")
    assert f"{victim.name}: it is not ready" in message
    there.broken = frozenset()
    there.settle()
    assert {pod.image for pod in there.ready} == {"new"}
    assert stories.deleted(first)


def test_a_relay_that_is_about_to_be_replaced_comes_back_when_another_one_fails() -> None:
    there = stories.everywhere(nodes=3, zones=1)
    lives.declare(there, image="new")
    there.reconcile()
    assert list(stories.states(there).values()).count("Closed") == 1
    other = next(node for node, state in stories.states(there).items() if state == "Ready")
    there.broken = frozenset({other})
    there.pass_by(1.0)
    assert not stories.deleted(there.reconcile())
    assert [s for n, s in sorted(stories.states(there).items()) if n != other] == ["Ready", "Ready"]


def test_the_only_relay_stays_while_no_other_region_takes_its_clients() -> None:
    there = stories.settled(nodes=2, replicas=1)
    there.elsewhere = False
    lives.declare(there, image="new")
    for _ in range(40):
        assert not stories.deleted(there.reconcile())
    assert list(stories.states(there).values()) == ["Ready"]
    assert not there.plan().rolling, "others may roll meanwhile"
    status, reason, message = stories.progressing(there)
    assert (status, reason) == ("False", "NoOtherRegion")
    assert "kubectl annotate -n relays tr eu turnfleet.io/force-rollout=true" in message
    there.elsewhere = True
    there.settle()
    assert {pod.image for pod in there.ready} == {"new"}


def test_the_only_relay_stays_as_soon_as_endpoints_may_have_sent_clients_to_it() -> None:
    there = lives.cluster(nodes=2, replicas=1)
    there.reconcile()
    while list(stories.states(there).values()) != ["Ready"]:
        there.pass_by(2.0)
        there.reconcile()
    there.elsewhere = False
    lives.declare(there, realm="other.example.com")
    for _ in range(40):
        assert not stories.deleted(there.reconcile())
        assert list(stories.states(there).values()) == ["Ready"]


def test_a_person_may_have_the_only_relay_replaced_all_the_same() -> None:
    there = stories.settled(nodes=2, replicas=1)
    there.elsewhere = False
    there.identity = replace(there.identity, force_rollout=True)
    lives.declare(there, image="new")
    there.settle()
    assert {pod.image for pod in there.ready} == {"new"}


@pytest.mark.parametrize("edit", [{"weight": 0}, {"relays": region.Relays(replicas=0)}])
def test_what_takes_no_client_needs_no_refuge(edit: dict[str, Any]) -> None:
    there = stories.settled(nodes=2, replicas=1)
    there.elsewhere = False
    lives.declare(there, image="new")
    there.spec = replace(there.spec, **edit)
    there.settle()
    assert stories.progressing(there)[1] == "Settled"


def test_several_relays_need_no_refuge() -> None:
    there = stories.settled(nodes=2, replicas=2)
    there.elsewhere = False
    lives.declare(there, image="new")
    there.settle()
    assert {pod.image for pod in there.ready} == {"new"}


def test_another_default_image_is_a_rollout_and_another_template_is_none() -> None:
    there = stories.settled(nodes=2, replicas=2)
    before = set(there.relays)
    there.policy = replace(there.policy, image_pull_secrets=("registry",))
    plan = there.reconcile()
    assert [each.key.kind for each in plan.apply] == [objects.Kind.REPLICA_SET]
    there.settle()
    assert set(there.relays) == before, "pods keep the template that they were made from"
    there.policy = replace(there.policy, relay_image="turnfleet/relay:2")
    there.settle()
    assert before.isdisjoint(there.relays)


def test_who_could_not_prove_itself_for_want_of_a_node_or_address_holds_up_nobody() -> None:
    there = stories.everywhere(nodes=4, zones=1, most_out=2)
    there.nodes["node-1"] = replace(there.nodes["node-1"], external=())
    name = next(name for name, relay in there.relays.items() if relay.pod.node == "node-1")
    del there.relays[name]
    there.settle()
    assert stories.states(there)["node-1"] == "Starting"
    lives.declare(there, image="new")
    for _ in range(200):
        there.reconcile()
    images = {str(relay.pod.node): relay.pod.image for relay in there.relays.values()}
    assert set(images.values()) == {"new"}


def test_a_region_that_was_rolling_keeps_others_from_it_while_an_edit_is_not_accepted() -> None:
    there = stories.settled(replicas=3)
    lives.declare(there, realm="other.example.com")
    while not any(relay.pod.deleting_until for relay in there.relays.values()):
        there.reconcile()
    wrong = region.Problem(path="spec", sentence="this is no spec")
    held = observed.Wanted(spec=None, problems=(wrong,))
    assert there.plan_of(there.observe(), wanted=held).rolling
    there.now += 10_000.0
    there.pass_by(1.0)
    assert not there.plan_of(there.observe(), wanted=held).rolling


def test_a_hold_in_the_middle_of_a_rollout_keeps_nobody_closed_and_the_rollout_goes_on_later() -> (
    None
):
    there = stories.everywhere(nodes=2)
    there.policy = replace(there.policy, allowed_images=("new",))
    lives.declare(there, image="new")
    there.reconcile()
    assert sorted(stories.states(there).values()) == ["Closed", "Ready"]
    lives.declare(there, image="forbidden")
    held = there.reconcile()
    assert set(stories.states(there).values()) == {"Ready"}
    assert not held.delete
    assert lives.conditions(there)["Ready"] == "Held"
    lives.declare(there, image="new")
    there.settle()
    assert {pod.image for pod in there.ready} == {"new"}


def test_a_hold_hides_neither_drains_nor_secrets_behind_the_rollout_that_it_stops() -> None:
    there = stories.everywhere(nodes=4, most_out=3, zones=1)
    drained, cordoned, behind, rolled = there.relays
    for name in there.relays:
        stories.change(there, name, closed="Outdated")
    stories.change(there, drained, drained=True)
    node = str(there.relays[cordoned].pod.node)
    there.nodes[node] = replace(there.nodes[node], cordoned=True)
    seen = there.observe()
    old = observed.Report(at=there.now, state=contract.State.CLOSED, generation=7)
    pods = [replace(pod, report=old) if pod.name == behind else pod for pod in seen.pods]
    problem = region.Problem(path="spec", sentence="this is no spec")
    held = there.plan_of(
        replace(seen, pods=tuple(pods)), wanted=observed.Wanted(spec=None, problems=(problem,))
    )
    assert {step.pod: step.annotations[names.ANNOTATION_CLOSED] for step in held.annotate} == {
        drained: "Drained",
        cordoned: "Cordoned",
        behind: "SecretBehind",
        rolled: None,
    }


@pytest.mark.parametrize("closed", ["ScaleDown", "WeightZero", "AddressChanged", "by hand"])
def test_a_hold_opens_nobody_who_is_closed_for_another_reason_than_a_rollout(closed: str) -> None:
    there = stories.everywhere(nodes=2)
    for name in there.relays:
        stories.change(there, name, closed=closed)
    lives.declare(there, image="forbidden")
    there.policy = replace(there.policy, allowed_images=())
    assert not there.plan().annotate


def test_a_relay_that_takes_nobody_is_named_with_why_and_shortly() -> None:
    there = stories.everywhere(nodes=3)
    by_hand, novel, _ = there.relays
    stories.change(there, by_hand, closed="kernel upgrade")
    stories.change(there, novel, closed="x" * 200)
    there.reconcile()
    (ready,) = (each for each in there.status["conditions"] if each["type"] == "Ready")
    assert f"{by_hand} (kernel upgrade), {novel} ({'x' * 40}...)" in ready["message"]


def test_a_person_drains_and_undrains_during_a_hold_as_ever() -> None:
    there = stories.everywhere(nodes=2)
    there.policy = replace(there.policy, allowed_images=())
    lives.declare(there, image="forbidden")
    there.reconcile()
    name = next(name for name, relay in there.relays.items() if relay.pod.node == "node-1")
    for drained, state in ((True, "Closed"), (False, "Ready")):
        stories.change(there, name, drained=drained)
        there.reconcile()
        assert stories.states(there)["node-1"] == state
