"""An operator that is killed at any write of a create: the next one makes the rest, and no more."""

import collections
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest
from tests.e2e.cluster import kubectl, shape, steps
from tests.support import cluster_fleet, cluster_regions, gate

_ACCOUNT: Final = f"system:serviceaccount:{cluster_fleet.NAMESPACE}:turnfleet-operator"
_WEBHOOK: Final = "gate"
_TAKEN_OVER_WITHIN: Final = 40
_NOWHERE: Final = {"turnfleet.io/none": "such"}
"""Labels of no node: whatever is not about a relay that runs goes on without one."""


@pytest.fixture
def guarded(fleet: cluster_fleet.Fleet, tmp_path: Path) -> Iterator[gate.Gate]:
    """Give the gate that the operator's writes pass."""
    client = fleet.kubernetes.kubectl
    with gate.at(shape.GATEWAY, authority=fleet.authority, folder=tmp_path) as (opened, url):
        client.apply(
            gate.webhook(
                _WEBHOOK,
                url,
                authority=fleet.authority,
                namespace=cluster_fleet.RELAYS,
                account=_ACCOUNT,
            )
        )
        try:
            yield opened
        finally:
            client.delete("validatingwebhookconfiguration", _WEBHOOK)


def test_an_operator_killed_at_any_write_of_a_create_leaves_one_of_everything(
    fleet: cluster_fleet.Fleet, guarded: gate.Gate, told: steps.Steps
) -> None:
    whole = cluster_regions.small(fleet.kubernetes, "whole")
    fleet.apply(whole.name, whole.spec)
    fleet.await_settled(whole.name)
    writes = guarded.steps(whole.name)
    wanted = _inventory(fleet.objects(whole.name), whole.name)
    fleet.remove(whole.name)  # its node is needed
    regions = {f"killed-{number}": step for number, step in enumerate(writes)}
    try:
        for name, step in regions.items():
            guarded.hold(step, name)
            fleet.apply(name, _spec(whole, step, writes))
        kubectl.wait_until(
            lambda: {write.region for write in guarded.holding()} == regions.keys(),
            what=f"one write of each: {regions}",
        )
        seconds = _kill_operator(fleet, guarded)
        told.measured(f"killed at {', '.join(f'{s.operation} {s.resource}' for s in writes)}")
        told.measured(f"another operator leads after {seconds:.1f} s")
        for name in regions:
            _await_all(fleet, name, wanted)
            assert _owners(fleet, name) == {(fleet.region(name) or {})["metadata"]["uid"]}
    finally:
        for name in regions:
            fleet.kubernetes.kubectl.delete("turnregion", name, namespace=cluster_fleet.RELAYS)
        for name in regions:
            fleet.remove(name)


def _spec(
    whole: cluster_regions.Region, step: gate.Step, writes: Sequence[gate.Step]
) -> dict[str, object]:
    """Return the spec of a region whose relay gets a node only if the write comes of that."""
    first = next(number for number, write in enumerate(writes) if write.resource == "pods")
    if step in writes[first:] and step.resource != "turnregions/status":
        return dict(whole.spec)
    return {**whole.spec, "relays": {"replicas": 1, "nodeSelector": _NOWHERE}}


def _kill_operator(fleet: cluster_fleet.Fleet, guarded: gate.Gate) -> float:
    holder = fleet.lease_holder()
    fleet.kill_operator(holder)
    guarded.open()
    return kubectl.wait_until(
        lambda: fleet.lease_holder() not in {holder, ""},
        what="another operator to lead",
        within=_TAKEN_OVER_WITHIN,
    )


def _await_all(fleet: cluster_fleet.Fleet, name: str, wanted: collections.Counter[str]) -> None:
    kubectl.wait_until(
        lambda: _inventory(fleet.objects(name), name) == wanted and _is_signed_for(fleet, name),
        what=f"{name} to have {dict(wanted)}",
        within=_TAKEN_OVER_WITHIN,
    )


def _inventory(objects: Sequence[kubectl.Document], region: str) -> collections.Counter[str]:
    """Return how many there are of each kind and name; a pod's name has chance in it."""
    return collections.Counter(
        found["kind"]
        if found["kind"] == "Pod"
        else f"{found['kind']}/{found['metadata']['name'].replace(region, 'REGION')}"
        for found in objects
    )


def _is_signed_for(fleet: cluster_fleet.Fleet, name: str) -> bool:
    client = fleet.kubernetes.kubectl
    found = client.get("secret", "turnfleet-signing", namespace=cluster_fleet.NAMESPACE) or {}
    return f"region.{name}" in found.get("data", {})


def _owners(fleet: cluster_fleet.Fleet, name: str) -> set[str]:
    """Return the uids of what owns the region's objects; a pod's is its workload."""
    return {
        owner["uid"]
        for found in fleet.objects(name)
        if found["kind"] != "Pod"
        for owner in found["metadata"].get("ownerReferences", [{"uid": "nobody"}])
    }
