"""What a plan does to a region, seen through a cluster that does what the plan says."""

from dataclasses import replace

from tests.support import fakecluster

from turnfleet.model import region
from turnfleet.plan.cluster import observed

SPEC = region.RegionSpec(name="eu", latitude=50, longitude=8, realm="turn.example.com")


def node(number: int, **given: object) -> observed.Node:
    labels = {"pool": "a" if number < 4 else "b"}
    plain = observed.Node(
        name=f"node-{number}",
        labels=labels,
        internal=(f"10.0.0.{number}",),
        external=(f"203.0.113.{number}",),
        zone=f"zone-{number % 2}",
    )
    return replace(plain, **given)  # type: ignore[arg-type]


def cluster(*, nodes: int = 4, **relays: object) -> fakecluster.Cluster:
    return fakecluster.Cluster(
        spec=replace(SPEC, relays=region.Relays(**relays)),  # type: ignore[arg-type]
        nodes={each.name: each for each in map(node, range(1, nodes + 1))},
    )


def edited(spec: region.RegionSpec, **relays: object) -> region.RegionSpec:
    return replace(spec, relays=replace(spec.relays, **relays))  # type: ignore[arg-type]


def test_a_new_region_gets_its_relays_and_then_rests() -> None:
    there = cluster(replicas=3)
    there.settle()
    assert len(there.ready) == 3
    assert {condition["type"]: condition["reason"] for condition in there.status["conditions"]} == {
        "Accepted": "Valid",
        "Progressing": "Settled",
        "Ready": "Ready",
        "CredentialsInSync": "InSync",
    }


def test_every_node_of_a_pool_gets_one() -> None:
    there = cluster(placement=region.Placement.EVERY_NODE, node_selector=(("pool", "a"),))
    there.settle()
    assert {pod.node for pod in there.ready} == {"node-1", "node-2", "node-3"}
