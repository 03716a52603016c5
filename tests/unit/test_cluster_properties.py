"""What holds of every plan, whatever is edited and whatever breaks, in any order."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import hypothesis
from hypothesis import strategies as st
from tests.support import fakecluster, podnodes

from turnfleet import names
from turnfleet.model import region
from turnfleet.plan.cluster import closing, guard, members, nodes, objects, observed, planned
from turnrelay import contract

Edit = Callable[[fakecluster.Cluster], None]

SPEC = region.RegionSpec(name="eu", latitude=50, longitude=8, realm="turn.example.com")
POOLS = ((), (("pool", "a"),), (("pool", "b"),), (("pool", "nowhere"),))
NOISY = observed.Taint(key="noisy", effect=region.TaintEffect.NO_EXECUTE)
TOLERANT = (region.Toleration(key="noisy", operator=region.TolerationOperator.EXISTS),)


@st.composite
def specs(draw: st.DrawFn) -> region.RegionSpec:
    every_node = draw(st.booleans())
    relays = region.Relays(
        placement=region.Placement.EVERY_NODE if every_node else region.Placement.REPLICAS,
        replicas=2 if every_node else draw(st.integers(0, 4)),
        node_selector=draw(st.sampled_from(POOLS[1:] if every_node else POOLS)),
        tolerations=draw(st.sampled_from([(), TOLERANT])),
        image=draw(st.sampled_from([None, "turnfleet/relay:2"])),
    )
    return replace(
        SPEC,
        relays=relays,
        weight=draw(st.sampled_from([0, 100])),
        realm=draw(st.sampled_from(["turn.example.com", "other.example.com"])),
        max_unavailable=draw(st.integers(1, 3)),
        drain_timeout=draw(st.sampled_from([20, 60])),
    )


def declare(spec: region.RegionSpec) -> Edit:
    def edit(there: fakecluster.Cluster) -> None:
        there.spec = spec

    return edit


def reconciled(times: int) -> Edit:
    def edit(there: fakecluster.Cluster) -> None:
        for _ in range(times):
            watched(there)

    return edit


def on_node(number: int, **changes: object) -> Edit:
    def edit(there: fakecluster.Cluster) -> None:
        name = f"node-{number}"
        if name in there.nodes:
            there.nodes[name] = replace(there.nodes[name], **changes)  # type: ignore[arg-type]

    return edit


def breaking(number: int) -> Edit:
    def edit(there: fakecluster.Cluster) -> None:
        there.broken = there.broken ^ {f"node-{number}"}

    return edit


def turned(*, may_roll: bool) -> Edit:
    def edit(there: fakecluster.Cluster) -> None:
        there.may_roll = may_roll

    return edit


def draining(number: int, *, on: bool) -> Edit:
    """Return what a person does who drains the nth relay there is, or undoes that."""

    def edit(there: fakecluster.Cluster) -> None:
        for relay in list(there.relays.values())[number - 1 : number]:
            relay.pod = replace(relay.pod, drained=on)

    return edit


def reporting(number: int, allocations: int) -> Edit:
    def edit(there: fakecluster.Cluster) -> None:
        for relay in list(there.relays.values())[number - 1 : number]:
            report = observed.Report(
                at=there.now, state=contract.State.READY, allocations=allocations
            )
            relay.pod = replace(relay.pod, report=report)

    return edit


def alone(*, on: bool) -> Edit:
    def edit(there: fakecluster.Cluster) -> None:
        there.elsewhere = not on

    return edit


numbers = st.integers(1, 5)
edits = st.one_of(
    st.builds(declare, specs()),
    st.builds(reconciled, st.integers(1, 12)),
    st.builds(breaking, numbers),
    st.builds(lambda n, on: on_node(n, cordoned=on), numbers, st.booleans()),
    st.builds(lambda n, on: on_node(n, ready=on), numbers, st.booleans()),
    st.builds(lambda n, on: on_node(n, drained=on), numbers, st.booleans()),
    st.builds(lambda n, on: draining(n, on=on), numbers, st.booleans()),
    st.builds(reporting, numbers, st.integers(0, 3)),
    st.builds(lambda on: alone(on=on), st.booleans()),
    st.builds(lambda n, pool: on_node(n, labels={"pool": pool}), numbers, st.sampled_from("ab")),
    st.builds(
        lambda n, last: on_node(n, external=(f"203.0.113.{last}",) if last else ()),
        numbers,
        st.integers(0, 9),
    ),
    st.builds(lambda may: turned(may_roll=may), st.booleans()),
)


def start(spec: region.RegionSpec, *, nodes: int = 5, cap: int = 1) -> fakecluster.Cluster:
    return fakecluster.Cluster(
        spec=spec,
        policy=replace(
            fakecluster.POLICY, deletes_per_pass=cap, allowed_images=("turnfleet/relay:*",)
        ),
        nodes={
            f"node-{n}": observed.Node(
                name=f"node-{n}",
                labels={"pool": "a" if n % 2 else "b"},
                external=(f"203.0.113.{n}",),
                internal=(f"10.0.0.{n}",),
                zone=f"zone-{n % 2}",
                taints=(NOISY,) if n > 4 else (),
            )
            for n in range(1, nodes + 1)
        },
    )


def watched(there: fakecluster.Cluster) -> planned.Plan:
    """Reconcile once, and look at everything that the plan takes away."""
    before = there.observe()
    plan = there.plan()
    check_deletions(there, before, plan)
    check_foreign(there, plan)
    named = {each.uid for each in plan.delete}
    excused = {relay.pod.uid for relay in there.relays.values() if dropped_by_people(there, relay)}
    there.execute(plan)
    for relay in there.taken:
        ready = any(pod.uid == relay.pod.uid and pod.ready for pod in before.pods)
        assert not ready or relay.pod.uid in named | excused, f"{relay} was taken by its controller"
    there.pass_by(2.0)
    return plan


def dropped_by_people(there: fakecluster.Cluster, relay: fakecluster.Relay) -> bool:
    """Return whether a DaemonSet as it was ends a pod, since its node is another one by now."""
    key = objects.Key(objects.Kind.DAEMON_SET, "turn-eu")
    node = there.nodes.get(relay.target or "")
    if node is None or key not in there.stored:
        return False
    return not podnodes.may_stay(there.stored[key]["spec"]["template"]["spec"], node)


def check_deletions(
    there: fakecluster.Cluster, before: observed.Observed, plan: planned.Plan
) -> None:
    pods = {pod.uid: pod for pod in before.pods}
    taken = [
        pods[each.uid]
        for each in plan.delete
        if each.key.kind is objects.Kind.POD and not pods[each.uid].ended
    ]
    assert len(taken) <= there.policy.deletes_per_pass
    states = {relay["instance"]: relay for relay in there.status.get("relays", ())}
    for pod in taken:
        if not pod.ready:
            continue
        assert pod.closed is not None, f"{pod.name} was not closed first"
        assert states[pod.uid]["state"] == "Closed"
    for each in plan.delete:
        if each.key.kind is objects.Kind.POD:
            assert each.grace == there.spec.drain_timeout + 60
    check_budget(there, before, [pod for pod in taken if pod.ready])
    check_drains(there, before, plan)


def check_budget(
    there: fakecluster.Cluster, before: observed.Observed, taken: list[observed.Pod]
) -> None:
    rolled = [pod for pod in taken if pod.closed != closing.Closing.SCALE_DOWN]
    if not rolled:
        return
    replicas = there.spec.relays.placement is region.Placement.REPLICAS
    desired = there.spec.relays.replicas if replicas else len(homes(there))
    alive = [pod for pod in before.pods if pod.deleting_until is None and not pod.ended]
    left = [pod for pod in alive if pod.ready and pod not in taken]
    places = {each.name for each in nodes.matching(before.nodes, there.spec)}
    places |= {str(pod.node) for pod in alive if pod.node in before.nodes}
    expected = min(desired, len(places))
    assert expected - len(left) <= guard.budget(there.spec, expected)
    assert left or expected <= 1


def check_drains(there: fakecluster.Cluster, before: observed.Observed, plan: planned.Plan) -> None:
    """See that nobody is sent to a relay that a person drains, nor a region left to nobody."""
    status = plan.status or there.status
    states = {relay["instance"]: relay["state"] for relay in status.get("relays", ())}  # type: ignore[attr-defined]
    for pod in before.pods:
        node = before.nodes.get(str(pod.node))
        if pod.drained or (node is not None and node.drained):
            assert states.get(pod.uid) != "Ready"
    alive = [pod for pod in before.pods if pod.deleting_until is None and not pod.ended]
    offered = {pod.uid for pod in alive if states_before(before).get(pod.uid) == "Ready"}
    if offered and not there.elsewhere and there.spec.weight:
        rolled = {step.uid for step in plan.annotate if is_for_a_flaw(step)}
        assert offered - rolled, "the last relay on offer was closed for a rollout"


def states_before(before: observed.Observed) -> dict[str, str]:
    relays: Any = before.status.get("relays", ())
    return {relay["instance"]: relay["state"] for relay in relays}


def is_for_a_flaw(step: planned.Annotate) -> bool:
    return step.annotations.get(names.ANNOTATION_CLOSED) in {flaw.value for flaw in members.Flaw}


def check_foreign(there: fakecluster.Cluster, plan: planned.Plan) -> None:
    for each in plan.delete:
        if each.key.kind is not objects.Kind.POD:
            owners = there.stored[each.key]["metadata"]["ownerReferences"]
            assert owners[0]["uid"] == there.identity.uid


@hypothesis.settings(max_examples=80)
@hypothesis.given(spec=specs(), changes=st.lists(edits, max_size=12), cap=st.integers(1, 3))
def test_whatever_happens_nothing_is_taken_away_that_may_not_be_and_all_settles(
    spec: region.RegionSpec, changes: list[Edit], cap: int
) -> None:
    hypothesis.note(str((spec, changes, cap)))
    there = start(spec, cap=cap)
    for change in changes:
        change(there)
        watched(there)
    check_order(there)
    check_hold(there)
    there.may_roll = True
    there.elsewhere = True
    there.broken = frozenset()
    for relay in there.relays.values():
        relay.pod = replace(relay.pod, drained=False)
    for name, node in there.nodes.items():
        number = name.removeprefix("node-")
        there.nodes[name] = replace(
            node, ready=True, cordoned=False, drained=False, external=(f"203.0.113.{number}",)
        )
    there.settle()
    hypothesis.note(str((there.spec.relays, there.status, there.observe().pods)))
    assert not there.plan()
    assert_as_declared(there)


def check_order(there: fakecluster.Cluster) -> None:
    """See that the order in which things are seen changes nothing."""
    seen = there.observe()
    turned = replace(
        seen,
        pods=seen.pods[::-1],
        workloads=seen.workloads[::-1],
        nodes=dict(list(seen.nodes.items())[::-1]),
        live=dict(list(seen.live.items())[::-1]),
    )
    assert there.plan_of(turned) == there.plan_of(seen)


def check_hold(there: fakecluster.Cluster) -> None:
    """See that a spec that is not accepted takes nothing away and brings nothing."""
    problem = region.Problem(path="spec", sentence="this is no spec")
    held = there.plan_of(there.observe(), wanted=observed.Wanted(spec=None, problems=(problem,)))
    assert (held.apply, held.delete, held.annotate) == ((), (), ())
    there.identity = replace(there.identity, deleting=True)
    ending = there.plan()
    assert (ending.apply, ending.delete, ending.annotate) == ((), (), ())
    there.identity = replace(there.identity, deleting=False)


def assert_as_declared(there: fakecluster.Cluster) -> None:
    spec = there.spec
    pods = [relay.pod for relay in there.relays.values()]
    assert all(pod.deleting_until is None for pod in pods)
    closed = {pod.closed for pod in pods}
    assert closed <= ({"WeightZero"} if spec.weight == 0 else {None})
    if "NoNodes" in reasons(there) or crowded(there):
        return  # It waits for somebody to do something, and says so.
    assert len({key.kind for key in there.stored} & set(fakecluster.WORKLOADS)) == 1
    assert reasons(there) <= {"Valid", "Settled", "Ready", "InSync", "NoRelays", "Closed"}
    replicas = spec.relays.placement is region.Placement.REPLICAS
    assert len(pods) == (spec.relays.replicas if replicas else len(homes(there)))


def reasons(there: fakecluster.Cluster) -> set[str]:
    return {condition["reason"] for condition in there.status["conditions"]}


def crowded(there: fakecluster.Cluster) -> bool:
    """Return whether there are fewer nodes than relays are declared."""
    relays = there.spec.relays
    return relays.placement is region.Placement.REPLICAS and relays.replicas > len(homes(there))


def homes(there: fakecluster.Cluster) -> list[str]:
    """Return the nodes that relays may be on."""
    relays = there.spec.relays
    return [
        node.name
        for node in there.nodes.values()
        if all(node.labels.get(key) == value for key, value in relays.node_selector)
        and (not node.taints or relays.tolerations)
    ]
