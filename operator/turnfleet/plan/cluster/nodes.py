"""Which nodes relays of a region may run on, as scheduler and DaemonSet controller see it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from turnfleet.model import region
from turnfleet.plan.cluster import observed

_CONDITIONS: Final = "node.kubernetes.io/"
"""Prefix of the taints by which Kubernetes says that a node is not well. They pass."""


def matching(
    nodes: Mapping[str, observed.Node], spec: region.RegionSpec
) -> tuple[observed.Node, ...]:
    """Return the nodes that a new relay could be placed on, by name."""
    return tuple(
        node
        for _, node in sorted(nodes.items())
        if _selects(spec, node) and not untolerated(node, spec.relays.tolerations)
    )


def drops(spec: region.RegionSpec, node: observed.Node) -> bool:
    """Return whether a relay that runs on ``node`` has to leave it by what is declared now.

    A taint with NoSchedule ends nothing that runs: that is what NoExecute is for.
    """
    evicting = any(
        taint.effect is region.TaintEffect.NO_EXECUTE
        for taint in untolerated(node, spec.relays.tolerations)
    )
    return evicting or not _selects(spec, node)


def untolerated(
    node: observed.Node, tolerations: Sequence[region.Toleration]
) -> tuple[observed.Taint, ...]:
    """Return the taints of a node, given by people, that keep a pod off it."""
    return tuple(
        taint
        for taint in node.taints
        if taint.effect is not region.TaintEffect.PREFER_NO_SCHEDULE
        and not taint.key.startswith(_CONDITIONS)
        and not _tolerated(taint, tolerations)
    )


def _selects(spec: region.RegionSpec, node: observed.Node) -> bool:
    return all(node.labels.get(key) == value for key, value in spec.relays.node_selector)


def _tolerated(taint: observed.Taint, tolerations: Iterable[region.Toleration]) -> bool:
    return any(_tolerates(toleration, taint) for toleration in tolerations)


def _tolerates(toleration: region.Toleration, taint: observed.Taint) -> bool:
    exists = toleration.operator is region.TolerationOperator.EXISTS
    return (
        toleration.effect in {None, taint.effect}
        and toleration.key in {None, taint.key}
        and (exists or (toleration.value or "") == taint.value)
    )
