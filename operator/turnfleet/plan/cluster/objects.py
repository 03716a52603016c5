"""Kubernetes objects as plans speak of them: kinds, keys, manifests. Values only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """The kinds that a region consists of."""

    SERVICE_ACCOUNT = "ServiceAccount"
    CONFIG_MAP = "ConfigMap"
    SECRET = "Secret"  # noqa: S105 - a kind, not a secret
    DISRUPTION_BUDGET = "PodDisruptionBudget"
    REPLICA_SET = "ReplicaSet"
    DAEMON_SET = "DaemonSet"
    POD = "Pod"


class Key(NamedTuple):
    """Identifies an object in the region's namespace."""

    kind: Kind
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """An object as it should be: only the fields that turnfleet owns."""

    key: Key
    body: Mapping[str, object] = field(repr=False)
    """Complete for a server-side apply: apiVersion, kind, metadata and the rest. A Secret's data
    is in here, hence no repr."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """An object as the cluster holds it."""

    key: Key
    uid: str
    body: Mapping[str, object] = field(repr=False)
    deleting: bool = False
    """Being collected: it counts as gone, and is not applied to."""
    owner: str | None = None
    """uid of its controller; an object that another controller owns is foreign."""
