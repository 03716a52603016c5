"""Lives of a region in which zones, budgets, allocations and people with annotations matter."""

from dataclasses import replace
from typing import Any, Final

from tests.support import fakecluster, lives

from turnfleet.model import region
from turnfleet.plan.cluster import objects, observed, planned, rollout
from turnrelay import contract

POLICY: Final = replace(fakecluster.POLICY, deletes_per_pass=9, allowed_images=("*",))


def settled(
    *, nodes: int = 4, zones: int = 2, most_out: int = 1, **relays: Any
) -> fakecluster.Cluster:
    """Return a cluster in which a region has had its relays for a while."""
    there = fakecluster.Cluster(
        spec=replace(lives.SPEC, relays=region.Relays(**relays), max_unavailable=most_out),
        nodes={
            f"node-{n}": observed.Node(
                name=f"node-{n}",
                labels={"pool": "a"},
                internal=(f"10.0.0.{n}",),
                external=(f"203.0.113.{n}",),
                zone=f"zone-{n % zones}",
            )
            for n in range(1, nodes + 1)
        },
        policy=POLICY,
    )
    there.settle()
    there.now += rollout.TRYING
    return there


def everywhere(*, nodes: int = 4, **more: Any) -> fakecluster.Cluster:
    """Return one in which every node has a relay."""
    return settled(
        nodes=nodes,
        placement=region.Placement.EVERY_NODE,
        node_selector=(("pool", "a"),),
        **more,
    )


def change(there: fakecluster.Cluster, name: str, **fields: Any) -> None:
    """Change fields of a pod."""
    there.relays[name].pod = replace(there.relays[name].pod, **fields)


def carries(there: fakecluster.Cluster, **allocations: int) -> None:
    """Have the relays of nodes report live allocations."""
    for name, relay in there.relays.items():
        live = allocations.get(str(relay.pod.node).replace("-", "_"))
        if live is not None:
            report = observed.Report(at=there.now, state=contract.State.READY, allocations=live)
            change(there, name, report=report)


def entries(there: fakecluster.Cluster) -> dict[str, dict[str, Any]]:
    """Return what the status says of relays, by node."""
    return {str(entry.get("node")): entry for entry in there.status["relays"]}


def states(there: fakecluster.Cluster) -> dict[str, str]:
    """Return their states, by node."""
    return {node: entry["state"] for node, entry in entries(there).items()}


def progressing(there: fakecluster.Cluster) -> tuple[str, str, str]:
    """Return status, reason and message of the condition."""
    found = next(each for each in there.status["conditions"] if each["type"] == "Progressing")
    return found["status"], found["reason"], found["message"]


def deleted(plan: planned.Plan) -> list[str]:
    """Return the pods that a plan deletes."""
    return [each.key.name for each in plan.delete if each.key.kind is objects.Kind.POD]
