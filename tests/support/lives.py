"""A region's life in the cluster of a test: it is declared, settles, is edited and looked at."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from tests.support import fakecluster

from turnfleet.model import region
from turnfleet.plan.cluster import observed, planned

SPEC: Final = region.RegionSpec(name="eu", latitude=50, longitude=8, realm="turn.example.com")
POOL_A: Final = (("pool", "a"),)


def node(number: int) -> observed.Node:
    """Make a node; the first three are of pool a."""
    return observed.Node(
        name=f"node-{number}",
        labels={"pool": "a" if number <= 3 else "b"},
        internal=(f"10.0.0.{number}",),
        external=(f"203.0.113.{number}",),
        zone=f"zone-{number % 2}",
    )


def cluster(*, nodes: int = 4, **relays: Any) -> fakecluster.Cluster:
    """Make a cluster in which a region was declared just now."""
    return fakecluster.Cluster(
        spec=replace(SPEC, relays=region.Relays(**relays)),
        nodes={each.name: each for each in map(node, range(1, nodes + 1))},
    )


def settled(*, nodes: int = 4, **relays: Any) -> fakecluster.Cluster:
    """Make a cluster in which a region has all that it asks for."""
    there = cluster(nodes=nodes, **relays)
    there.settle()
    return there


def declare(there: fakecluster.Cluster, **edit: Any) -> None:
    """Edit the region: fields of its relays or of the region itself."""
    relays = {name: edit.pop(name) for name in list(edit) if hasattr(SPEC.relays, name)}
    there.spec = replace(there.spec, relays=replace(there.spec.relays, **relays), **edit)


def conditions(there: fakecluster.Cluster) -> dict[str, str]:
    return {each["type"]: each["reason"] for each in there.status["conditions"]}


def states(there: fakecluster.Cluster) -> dict[str, str]:
    return {relay["name"]: relay["state"] for relay in there.status["relays"]}


def every_pass(
    there: fakecluster.Cluster, look: Callable[[planned.Plan], None], *, passes: int = 120
) -> None:
    """Look at the plan of each of the next passes, which is executed."""
    for _ in range(passes):
        look(there.reconcile())
