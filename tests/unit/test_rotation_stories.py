"""What the status of a region says while its secret is rotated, and what relays are nudged to."""

import base64
import itertools
from dataclasses import replace

import pytest
from tests.support import fakecluster

from turnfleet import names
from turnfleet.kube import secret
from turnfleet.model import region
from turnfleet.plan.cluster import delivery, objects, observed, past, planned, rotation

SPEC = region.RegionSpec(
    name="eu",
    latitude=50,
    longitude=8,
    realm="turn.example.com",
    auth=region.Auth(rotate_every=10**7, credential_ttl=60),
    relays=region.Relays(replicas=2),
)
HELD = observed.Wanted(
    spec=None, problems=(region.Problem(path="spec", sentence="this is no spec"),)
)


def settled() -> fakecluster.Cluster:
    nodes = {
        f"node-{n}": observed.Node(
            name=f"node-{n}", external=(f"203.0.113.{n}",), internal=(f"10.0.0.{n}",)
        )
        for n in (1, 2)
    }
    there = fakecluster.Cluster(spec=SPEC, nodes=nodes)
    there.settle()
    return there


def ask(there: fakecluster.Cluster, text: str = "r1") -> None:
    there.identity = replace(there.identity, rotate=text)


def told(there: fakecluster.Cluster) -> tuple[str, str, str]:
    """Return status, reason and message of CredentialsInSync."""
    (found,) = [one for one in there.status["conditions"] if one["type"] == "CredentialsInSync"]
    return found["status"], found["reason"], found["message"]


def story(there: fakecluster.Cluster, *, passes: int, seconds: float) -> list[str]:
    """Reconcile; return the reasons that were told, each once in a row."""
    reasons: list[str] = []
    for _ in range(passes):
        there.reconcile(seconds=seconds)
        reason = told(there)[1]
        if reasons[-1:] != [reason]:
            reasons.append(reason)
    return reasons


def states(there: fakecluster.Cluster) -> list[str]:
    return [each["state"] for each in there.status["relays"]]


def nudges(plan: planned.Plan) -> list[str]:
    given = (step.annotations.get(names.ANNOTATION_MOUNTED) for step in plan.annotate)
    return [value for value in given if value is not None]


def test_a_rotation_tells_each_of_its_steps_and_every_one_is_an_event() -> None:
    there = settled()
    ask(there)
    began = there.now
    events: list[str] = []
    for _ in range(300):
        plan = there.reconcile()
        events += [event.reason for event in plan.events if "Credentials" in event.message]
    assert events == ["RotationSpreading", "RotationSwitching", "RotationOverlap", "InSync"]
    assert there.status["credentials"] == {
        "generation": 2,
        "rotated": past.moment(began),
        "request": "r1",
    }


def test_a_rotation_that_is_asked_for_while_one_overlaps_is_told_to_wait_and_then_begins() -> None:
    there = settled()
    ask(there)
    while there.auth is None or there.auth.retire_after is None:
        there.reconcile()
    over = there.auth.retire_after
    ask(there, "r2")
    there.reconcile()
    status, reason, message = told(there)
    assert (status, reason) == ("True", "RotationQueued")
    assert past.moment(over) in message
    assert "turnfleet rotate eu --now" in message
    assert not there.plan(), "and waits without writing"
    there.now = over
    assert story(there, passes=1, seconds=0.0) == ["RotationSpreading"]
    assert there.status["credentials"]["request"] == "r2"
    assert "another" not in told(there)[2]


def test_a_rotation_that_is_asked_for_in_the_middle_of_one_is_told_to_wait_too() -> None:
    there = settled()
    ask(there)
    there.execute(there.plan())
    ask(there, "r2")
    there.execute(there.plan())
    status, reason, message = told(there)
    assert (status, reason) == ("True", "RotationSwitching")
    assert message.endswith("; another rotation waits until this one is over")


def test_a_relay_that_never_gets_the_new_secret_is_named_and_endpoints_keep_to_the_old_one() -> (
    None
):
    there = settled()
    before = there.signed
    stuck = next(iter(there.relays.values()))
    files = stuck.mounted
    ask(there)
    for seconds in (0.0, 6.0, rotation.AWAY):
        there.pass_by(seconds)
        stuck.mounted = files
        there.execute(there.plan())
        stuck.mounted = files
        if seconds:
            assert stuck.pod.name in told(there)[2]
    assert told(there)[:2] == ("False", "RotationStuck")
    assert there.signed == before


def test_a_relay_that_missed_a_rotation_is_closed_until_it_has_caught_up() -> None:
    there = settled()
    there.nodes["node-2"] = replace(there.nodes["node-2"], ready=False)
    there.reconcile()
    ask(there)
    reasons = story(there, passes=30, seconds=10.0)
    assert reasons == ["RotationSpreading", "RelaysBehind"]
    assert sorted(states(there)) == ["Closed", "Ready"], "its agent says that it would refuse"
    # Its kubelet is back, and has not brought anything yet.
    there.nodes["node-2"] = replace(there.nodes["node-2"], ready=True)
    for relay in there.relays.values():
        relay.pod = replace(relay.pod, ready=True)
    plan = there.plan()
    assert len(nudges(plan)) == 1
    there.execute(plan)
    assert sorted(states(there)) == ["Closed", "Ready"]
    there.reconcile()
    assert states(there) == ["Ready", "Ready"]


def left_behind() -> tuple[fakecluster.Cluster, fakecluster.Relay]:
    """Return a region one relay of which has missed a rotation, its node just back."""
    there = settled()
    there.nodes["node-2"] = replace(there.nodes["node-2"], ready=False)
    there.reconcile()
    ask(there)
    story(there, passes=30, seconds=10.0)
    there.nodes["node-2"] = replace(there.nodes["node-2"], ready=True)
    (behind,) = (each for each in there.relays.values() if each.pod.node == "node-2")
    behind.pod = replace(behind.pod, ready=True)
    assert states(there) == ["Ready", "Closed"]
    return there, behind


def test_a_rollout_takes_the_relay_that_missed_a_rotation_and_not_the_only_one_that_serves() -> (
    None
):
    there, behind = left_behind()
    files = behind.mounted
    there.policy = replace(there.policy, relay_image="turnfleet/relay:2")
    for _ in range(10):
        plan = there.plan()
        there.execute(plan)
        behind.mounted = files  # its kubelet brings nothing
        assert "Ready" in states(there)
        if plan.delete:
            break
        there.now += 2.0
    assert [each.uid for each in plan.delete] == [behind.pod.uid]


def test_a_relay_that_missed_a_rotation_stays_closed_while_an_edit_is_not_accepted() -> None:
    there, _ = left_behind()
    there.execute(there.plan_of(there.observe(), wanted=HELD))
    assert states(there) == ["Ready", "Closed"]


@pytest.mark.parametrize("number", ["0", "9" * 15])
@pytest.mark.parametrize("entry", ["retireAfter", "rotatedAt", "expiresBy", "credentialTTL"])
@pytest.mark.parametrize("under_way", [False, True])
def test_no_number_that_somebody_writes_into_the_secret_keeps_a_rotation_from_its_end(
    entry: str, number: str, *, under_way: bool
) -> None:
    there = settled()
    if under_way:
        ask(there)
        story(there, passes=10, seconds=1.0)
    key = objects.Key(objects.Kind.SECRET, "eu-auth")
    data = {**there.stored[key]["data"], entry: base64.b64encode(number.encode()).decode()}
    there.stored[key] = {**there.stored[key], "data": data}
    there.auth = secret.auth(there.stored[key])
    there.plan_of(there.observe(), wanted=HELD)
    ask(there, "r2")
    story(there, passes=20, seconds=9000.0)
    assert told(there)[1] == "InSync"


def test_an_emergency_tells_that_relays_are_being_given_the_new_secret() -> None:
    there = settled()
    ask(there, "now:r1")
    assert story(there, passes=4, seconds=1.0) == ["RotationSpreading", "InSync"]
    assert there.auth is not None
    assert there.auth.previous is None
    assert states(there) == ["Ready", "Ready"], "nobody is closed for a moment's sake"


def test_what_changed_live_is_nudged_once_and_what_arrived_is_left_alone() -> None:
    there = settled()
    limits = replace(there.spec.limits, allocations_per_user=7)
    there.spec = replace(there.spec, limits=limits)
    plan = there.reconcile()
    assert len(nudges(plan)) == 2
    assert plan.inquire
    assert not nudges(there.reconcile())
    assert not there.plan()
    assert not there.plan().inquire


def test_a_relay_that_never_follows_is_nudged_again_and_not_for_ever() -> None:
    there = settled()
    there.spec = replace(there.spec, weight=50, peers=region.Peers(deny=("198.51.100.0/24",)))
    frozen = next(iter(there.relays.values()))
    frozen_files = frozen.mounted
    times = []
    for _ in range(100):
        plan = there.plan()
        if any(step.pod == frozen.pod.name for step in plan.annotate):
            times.append(there.now)
        there.execute(plan)
        there.pass_by(5.0)
        frozen.mounted = frozen_files
    assert len(times) == delivery.MOST
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert min(gaps) >= delivery.AGAIN


def test_relays_that_cannot_be_asked_are_nudged_once_for_each_change() -> None:
    there = settled()
    there.deaf = frozenset({"node-1", "node-2"})
    there.settle()
    for user in (7, 8):
        limits = replace(there.spec.limits, allocations_per_user=user)
        there.spec = replace(there.spec, limits=limits)
        assert [len(nudges(there.reconcile(seconds=30))) for _ in range(4)] == [2, 0, 0, 0]


def test_a_nudge_tells_nothing_of_a_secret() -> None:
    auth = observed.AuthSecret(
        current=b"c" * 32, previous=b"p" * 32, generation=5, agent_key="a" * 64
    )
    there = settled()
    there.auth = auth
    there.signed = auth.current
    (value, *_) = nudges(there.plan())
    assert not any(part in value for part in ("cccc", "pppp", "aaaa"))
    assert len(value) < 40
