"""How the objects of a region are named, labelled and owned. Selectors use nothing else."""

from collections.abc import Mapping
from typing import Final

from turnfleet import names
from turnfleet.model import region
from turnfleet.plan.cluster import objects, observed

LABEL_NAME: Final = "app.kubernetes.io/name"
LABEL_MANAGED_BY: Final = "app.kubernetes.io/managed-by"
_PROGRAM: Final = "turnrelay"

WORKLOADS: Final[Mapping[region.Placement, objects.Kind]] = {
    region.Placement.REPLICAS: objects.Kind.REPLICA_SET,
    region.Placement.EVERY_NODE: objects.Kind.DAEMON_SET,
}

KINDS: Final = (
    objects.Kind.SERVICE_ACCOUNT,
    objects.Kind.CONFIG_MAP,
    objects.Kind.SECRET,
    objects.Kind.DISRUPTION_BUDGET,
    objects.Kind.REPLICA_SET,
    objects.Kind.DAEMON_SET,
)
"""What a region consists of beside its pods, in the order in which it is applied."""

_API_VERSIONS: Final[Mapping[objects.Kind, str]] = {
    objects.Kind.SERVICE_ACCOUNT: "v1",
    objects.Kind.CONFIG_MAP: "v1",
    objects.Kind.SECRET: "v1",
    objects.Kind.POD: "v1",
    objects.Kind.DISRUPTION_BUDGET: "policy/v1",
    objects.Kind.REPLICA_SET: "apps/v1",
    objects.Kind.DAEMON_SET: "apps/v1",
}


def key(kind: objects.Kind, name: str) -> objects.Key:
    """Return the key of the object of one kind that a region called ``name`` has."""
    return objects.Key(kind, f"{name}-auth" if kind is objects.Kind.SECRET else f"turn-{name}")


def labels(name: str) -> dict[str, str]:
    """Return the labels of every object of a region."""
    return {
        LABEL_NAME: _PROGRAM,
        LABEL_MANAGED_BY: names.FIELD_MANAGER,
        names.LABEL_REGION: name,
    }


def selector(name: str) -> dict[str, str]:
    """Return the labels that all relay pods of a region have, whatever placed them."""
    return {names.LABEL_REGION: name, names.LABEL_COMPONENT: names.COMPONENT_RELAY}


def placed_selector(name: str, placement: region.Placement) -> dict[str, str]:
    """Return what the workload of one placement selects.

    It tells the placements apart: without it, a new DaemonSet would adopt the pods that a
    ReplicaSet left, and end at once those on nodes that it does not want.
    """
    return {**selector(name), names.LABEL_PLACEMENT: placement.value}


def selector_text(name: str) -> str:
    """Return ``selector`` as the scale subresource shows it."""
    return ",".join(f"{key}={value}" for key, value in sorted(selector(name).items()))


def header(
    kind: objects.Kind, identity: observed.Identity
) -> tuple[objects.Key, dict[str, object]]:
    """Return the key of an object and the beginning of its body: what it is and whose it is."""
    own = key(kind, identity.name)
    return own, {
        "apiVersion": _API_VERSIONS[kind],
        "kind": kind.value,
        "metadata": {
            "name": own.name,
            "namespace": identity.namespace,
            "labels": labels(identity.name),
            "ownerReferences": [
                {
                    "apiVersion": names.API_VERSION,
                    "kind": names.KIND,
                    "name": identity.name,
                    "uid": identity.uid,
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
    }
