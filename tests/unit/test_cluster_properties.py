"""What holds of every plan, whatever is edited and whatever breaks, in any order."""

from collections.abc import Callable
from dataclasses import replace

import hypothesis
from hypothesis import strategies as st
from tests.support import fakecluster, safety

from turnfleet import names
from turnfleet.model import region
from turnfleet.plan.cluster import observed
from turnrelay import contract

Edit = Callable[[fakecluster.Cluster], None]

SPEC = region.RegionSpec(name="eu", latitude=50, longitude=8, realm="turn.example.com")
ROLLED = {"Outdated", "Misplaced", "PlacementChanged"}
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
            safety.watched(there)

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


@hypothesis.settings(max_examples=80)
@hypothesis.given(spec=specs(), changes=st.lists(edits, max_size=12), cap=st.integers(1, 3))
def test_whatever_happens_nothing_is_taken_away_that_may_not_be_and_all_settles(
    spec: region.RegionSpec, changes: list[Edit], cap: int
) -> None:
    hypothesis.note(str((spec, changes, cap)))
    there = start(spec, cap=cap)
    for change in changes:
        change(there)
        safety.watched(there)
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
    assert (held.apply, held.delete) == ((), ())
    assert all(set(step.annotations) == {names.ANNOTATION_CLOSED} for step in held.annotate)
    told = {str(step.pod): step.annotations[names.ANNOTATION_CLOSED] for step in held.annotate}
    for name, relay in there.relays.items():
        if relay.pod.deleting_until is None:
            assert told.get(name, relay.pod.closed) not in ROLLED
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
    assert len(pods) == (spec.relays.replicas if replicas else len(safety.homes(there)))


def reasons(there: fakecluster.Cluster) -> set[str]:
    return {condition["reason"] for condition in there.status["conditions"]}


def crowded(there: fakecluster.Cluster) -> bool:
    """Return whether there are fewer nodes than relays are declared."""
    relays = there.spec.relays
    return relays.placement is region.Placement.REPLICAS and relays.replicas > len(
        safety.homes(there)
    )
