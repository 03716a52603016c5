"""The workload of a region: what keeps relay pods in existence, and on which nodes.

Neither kind ever replaces a running relay by itself: a bare ReplicaSet does not look at the pods
that it has, and a DaemonSet does not with OnDelete. A DaemonSet does end pods on nodes that its
template stops matching, which is why its nodes are written as an affinity: one can be kept by name
until its relay has been closed, whatever the selector says by now.
"""

from collections.abc import Sequence

from turnfleet import names
from turnfleet.model import region
from turnfleet.plan.cluster import naming, nodes, objects, observed
from turnfleet.plan.cluster.manifests import pod

_ZONE = "topology.kubernetes.io/zone"
_HOST = "kubernetes.io/hostname"
_NOWHERE = f"{names.GROUP}/nowhere"
"""A label that no node has."""


def replica_set(
    identity: observed.Identity,
    spec: region.RegionSpec,
    policy: observed.Policy,
    *,
    revision: str,
    replicas: int,
) -> objects.Manifest:
    """Return the ReplicaSet. ``replicas`` counts the relays that may not be taken away yet."""
    placement = region.Placement.REPLICAS
    template = pod.template(spec, policy, placement=placement, revision=revision)
    template["spec"] |= {
        "affinity": {"podAntiAffinity": _alone_on_its_node()},
        "topologySpreadConstraints": [_over_zones(identity.name)],
    }
    if spec.relays.node_selector:
        template["spec"]["nodeSelector"] = dict(spec.relays.node_selector)
    if spec.relays.tolerations:
        template["spec"]["tolerations"] = [_toleration(each) for each in spec.relays.tolerations]
    key, body = naming.header(naming.WORKLOADS[placement], identity)
    declared = {
        "replicas": replicas,
        "selector": {"matchLabels": naming.placed_selector(identity.name, placement)},
        "template": template,
    }
    return objects.Manifest(key=key, body=body | {"spec": declared})


def daemon_set(
    identity: observed.Identity,
    spec: region.RegionSpec,
    policy: observed.Policy,
    *,
    revision: str,
    kept: Sequence[observed.Node] = (),
) -> objects.Manifest:
    """Return the DaemonSet.

    ``kept`` are nodes that keep their relay for now although the selector does not match them, or
    a taint not tolerated any more would end it. When the placement is not EveryNode, it has no
    others.
    """
    placement = region.Placement.EVERY_NODE
    template = pod.template(spec, policy, placement=placement, revision=revision)
    template["spec"]["affinity"] = {
        "podAntiAffinity": _alone_on_its_node(),
        "nodeAffinity": _on_nodes(spec, kept),
    }
    tolerations = [
        *(_toleration(each) for each in spec.relays.tolerations),
        *(
            {"key": taint.key, "operator": "Exists", "effect": taint.effect.value}
            for taint in sorted(
                {t for node in kept for t in nodes.untolerated(node, spec.relays.tolerations)},
                key=lambda taint: (taint.key, taint.effect, taint.value),
            )
        ),
    ]
    if tolerations:
        template["spec"]["tolerations"] = tolerations
    key, body = naming.header(naming.WORKLOADS[placement], identity)
    declared = {
        "selector": {"matchLabels": naming.placed_selector(identity.name, placement)},
        "updateStrategy": {"type": "OnDelete"},
        "template": template,
    }
    return objects.Manifest(key=key, body=body | {"spec": declared})


def _on_nodes(spec: region.RegionSpec, kept: Sequence[observed.Node]) -> dict[str, object]:
    terms: list[object] = [
        {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [name]}]}
        for name in sorted({node.name for node in kept})
    ]
    if spec.relays.placement is region.Placement.EVERY_NODE:
        selected = [
            {"key": key, "operator": "In", "values": [value]}
            for key, value in sorted(spec.relays.node_selector)
        ]
        terms.insert(0, {"matchExpressions": selected})
    if not terms:
        # A list of no terms is invalid, and no affinity at all would be every node.
        terms.append({"matchExpressions": [{"key": _NOWHERE, "operator": "Exists"}]})
    return {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}


def _alone_on_its_node() -> dict[str, object]:
    """Return the rule that keeps relays, of any region in any namespace, on nodes of their own."""
    term = {
        "labelSelector": {"matchLabels": {names.LABEL_COMPONENT: names.COMPONENT_RELAY}},
        "namespaceSelector": {},
        "topologyKey": _HOST,
    }
    return {"requiredDuringSchedulingIgnoredDuringExecution": [term]}


def _over_zones(name: str) -> dict[str, object]:
    return {
        "topologyKey": _ZONE,
        "maxSkew": 1,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": naming.selector(name)},
    }


def _toleration(declared: region.Toleration) -> dict[str, object]:
    fields = {
        "key": declared.key,
        "operator": declared.operator.value,
        "value": declared.value or None,
        "effect": None if declared.effect is None else declared.effect.value,
        "tolerationSeconds": declared.toleration_seconds,
    }
    return {name: value for name, value in fields.items() if value is not None}
