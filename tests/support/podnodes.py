"""Which pods may be on which nodes, as the scheduler and the DaemonSet controller decide it."""

from collections.abc import Mapping
from typing import Any

from turnfleet.plan.cluster import observed

Template = Mapping[str, Any]
"""The ``spec`` of a pod."""


def fits(template: Template, node: observed.Node, *, made_for: str | None) -> bool:
    """Return whether the scheduler may place a pod; a DaemonSet's tolerates nodes that are ill."""
    if made_for is None and (node.cordoned or not node.ready):
        return False
    selector = template.get("nodeSelector", {})
    return all(
        node.labels.get(key) == value for key, value in selector.items()
    ) and not _untolerated(template, node, effects=("NoSchedule", "NoExecute"))


def may_start(template: Template, node: observed.Node) -> bool:
    """Return whether a DaemonSet makes a pod for a node."""
    return _in_affinity(template, node) and not _untolerated(
        template, node, effects=("NoSchedule", "NoExecute")
    )


def may_stay(template: Template, node: observed.Node) -> bool:
    """Return whether a DaemonSet leaves its pod on a node."""
    return _in_affinity(template, node) and not _untolerated(template, node, effects=("NoExecute",))


def _in_affinity(template: Template, node: observed.Node) -> bool:
    required = template["affinity"]["nodeAffinity"][
        "requiredDuringSchedulingIgnoredDuringExecution"
    ]
    return any(_matches(term, node) for term in required["nodeSelectorTerms"])


def _matches(term: Template, node: observed.Node) -> bool:
    return all(
        _holds(each, node.labels.get(each["key"])) for each in term.get("matchExpressions", ())
    ) and all(_holds(each, node.name) for each in term.get("matchFields", ()))


def _holds(requirement: Template, value: str | None) -> bool:
    match requirement["operator"]:
        case "In":
            return value in requirement["values"]
        case "Exists":
            return value is not None
        case other:
            raise AssertionError(other)


def _untolerated(template: Template, node: observed.Node, *, effects: tuple[str, ...]) -> bool:
    return any(
        taint.effect.value in effects
        and not any(_tolerates(each, taint) for each in template.get("tolerations", ()))
        for taint in node.taints
    )


def _tolerates(toleration: Template, taint: observed.Taint) -> bool:
    same = toleration.get("operator") == "Exists" or toleration.get("value", "") == taint.value
    return (
        toleration.get("key") in {None, taint.key}
        and toleration.get("effect") in {None, taint.effect.value}
        and same
    )
