"""What no plan may do, looked at while ``fakecluster`` does what plans say."""

from typing import Any

from tests.support import fakecluster, podnodes

from turnfleet import names
from turnfleet.model import region
from turnfleet.plan.cluster import closing, guard, members, nodes, objects, observed, planned


def watched(there: fakecluster.Cluster) -> planned.Plan:
    """Reconcile once, and look at everything that the plan takes away."""
    before = there.observe()
    plan = there.plan()
    _check_deletions(there, before, plan)
    _check_foreign(there, plan)
    named = {each.uid for each in plan.delete}
    excused = {relay.pod.uid for relay in there.relays.values() if _dropped_by_people(there, relay)}
    there.execute(plan)
    for relay in there.taken:
        ready = any(pod.uid == relay.pod.uid and pod.ready for pod in before.pods)
        assert not ready or relay.pod.uid in named | excused, f"{relay} was taken by its controller"
    there.pass_by(2.0)
    return plan


def _dropped_by_people(there: fakecluster.Cluster, relay: fakecluster.Relay) -> bool:
    """Return whether a DaemonSet as it was ends a pod, since its node is another one by now."""
    key = objects.Key(objects.Kind.DAEMON_SET, "turn-eu")
    node = there.nodes.get(relay.target or "")
    if node is None or key not in there.stored:
        return False
    return not podnodes.may_stay(there.stored[key]["spec"]["template"]["spec"], node)


def _check_deletions(
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
    _check_budget(there, before, [pod for pod in taken if pod.ready])
    _check_drains(there, before, plan)


def _check_budget(
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


def _check_drains(
    there: fakecluster.Cluster, before: observed.Observed, plan: planned.Plan
) -> None:
    """See that nobody is sent to a relay that a person drains, nor a region left to nobody."""
    status: Any = plan.status or there.status
    states = {relay["instance"]: relay["state"] for relay in status.get("relays", ())}
    for pod in before.pods:
        node = before.nodes.get(str(pod.node))
        if pod.drained or (node is not None and node.drained):
            assert states.get(pod.uid) != "Ready"
    alive = [pod for pod in before.pods if pod.deleting_until is None and not pod.ended]
    offered = {pod.uid for pod in alive if _states_before(before).get(pod.uid) == "Ready"}
    if offered and not there.elsewhere and there.spec.weight:
        rolled = {step.uid for step in plan.annotate if _is_for_a_flaw(step)}
        assert offered - rolled, "the last relay on offer was closed for a rollout"


def _states_before(before: observed.Observed) -> dict[str, str]:
    relays: Any = before.status.get("relays", ())
    return {relay["instance"]: relay["state"] for relay in relays}


def _is_for_a_flaw(step: planned.Annotate) -> bool:
    return step.annotations.get(names.ANNOTATION_CLOSED) in {flaw.value for flaw in members.Flaw}


def _check_foreign(there: fakecluster.Cluster, plan: planned.Plan) -> None:
    for each in plan.delete:
        if each.key.kind is not objects.Kind.POD:
            owners = there.stored[each.key]["metadata"]["ownerReferences"]
            assert owners[0]["uid"] == there.identity.uid


def homes(there: fakecluster.Cluster) -> list[str]:
    """Return the nodes that relays may be on."""
    relays = there.spec.relays
    return [
        node.name
        for node in there.nodes.values()
        if all(node.labels.get(key) == value for key, value in relays.node_selector)
        and (not node.taints or relays.tolerations)
    ]
