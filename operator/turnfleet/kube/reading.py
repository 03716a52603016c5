"""From objects of the API server to the values that plans look at. Decides nothing.

Total: annotations are anybody's text, and other controllers write what they like; a field that
makes no sense is read as absent.
"""

from typing import Final, NamedTuple

from turnfleet import names
from turnfleet.kube import fields
from turnfleet.model import region
from turnfleet.plan.cluster import objects, observed

_ZONE: Final = "topology.kubernetes.io/zone"
_ENDED: Final = frozenset({"Succeeded", "Failed"})
_USUAL: Final = frozenset({"ContainerCreating", "PodInitializing", ""})
"""What a container waits for while all is well."""
_LONGEST: Final = 500
"""Characters kept of what others say of a pod."""
_COST_MAX: Final = 2**31
_NAME_MAX: Final = 63
"""Characters of a relay's name, as the schema of the status has it."""


class RegionKey(NamedTuple):
    """Which TurnRegion."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def region_of(found: fields.Object) -> RegionKey | None:
    """Return the region that an object says it belongs to."""
    name = fields.texts(found, "metadata", "labels").get(names.LABEL_REGION, "")
    namespace = fields.text(found, "metadata", "namespace")
    return RegionKey(namespace, name) if name and namespace else None


def identity(found: fields.Object) -> observed.Identity:
    """Return which TurnRegion an object is."""
    about = fields.mapping(found, "metadata")
    return observed.Identity(
        namespace=fields.text(about, "namespace"),
        name=fields.text(about, "name"),
        uid=fields.text(about, "uid"),
        generation=fields.whole(about, "generation") or 0,
        created=fields.moment(about, "creationTimestamp") or 0.0,
        deleting="deletionTimestamp" in about,
        force_rollout=_asked(about, names.ANNOTATION_FORCE_ROLLOUT),
        rotate=fields.texts(about, "annotations").get(names.ANNOTATION_ROTATE, ""),
    )


def live(kind: objects.Kind, found: fields.Object) -> objects.Live:
    """Return an object of a region as it is."""
    about = fields.mapping(found, "metadata")
    return objects.Live(
        key=objects.Key(kind, fields.text(about, "name")),
        uid=fields.text(about, "uid"),
        body=found,
        deleting="deletionTimestamp" in about,
        owner=_controller(found),
    )


def node_names(found: fields.Object) -> tuple[str, ...]:
    """Return the names by which a Node says it is known outside."""
    return tuple(
        dict.fromkeys(
            stated
            for one in fields.items(found, "status", "addresses")
            if fields.text(one, "type") == "ExternalDNS" and (stated := fields.text(one, "address"))
        )
    )


def node(found: fields.Object, *, dns: tuple[str, ...] = ()) -> observed.Node:
    """Return a Node; ``dns`` is what its names resolve to."""
    labels = fields.texts(found, "metadata", "labels")
    annotations = fields.texts(found, "metadata", "annotations")
    return observed.Node(
        name=fields.text(found, "metadata", "name"),
        labels=labels,
        internal=_node_addresses(found, "InternalIP"),
        external=_node_addresses(found, "ExternalIP"),
        annotated=fields.addresses(annotations.get(names.ANNOTATION_ADDRESSES, "")),
        dns=dns,
        zone=labels.get(_ZONE),
        ready=_condition(found, "Ready") == "True",
        cordoned=fields.true(found, "spec", "unschedulable"),
        drained=_asked(fields.mapping(found, "metadata"), names.ANNOTATION_DRAIN),
        taints=_taints(found),
    )


def pod(found: fields.Object) -> observed.Pod:
    """Return a pod."""
    about = fields.mapping(found, "metadata")
    annotations = fields.texts(about, "annotations")
    containers = list(fields.items(found, "spec", "containers"))
    return observed.Pod(
        name=fields.text(about, "name"),
        uid=fields.text(about, "uid"),
        version=fields.text(about, "resourceVersion") or None,
        created=fields.moment(about, "creationTimestamp") or 0.0,
        node=fields.text(found, "spec", "nodeName") or None,
        revision=annotations.get(names.ANNOTATION_REVISION, ""),
        addresses=_one_of_each(annotations.get(names.ANNOTATION_ADDRESSES, "")),
        address_sources=_sources(annotations.get(names.ANNOTATION_ADDRESS_SOURCES, "")),
        owner=_controller(found) or "",
        ports=_ports(containers[0]) if containers else {},
        closed=annotations.get(names.ANNOTATION_CLOSED),
        mounted=annotations.get(names.ANNOTATION_MOUNTED, ""),
        drained=_asked(about, names.ANNOTATION_DRAIN),
        deletion_cost=_cost(annotations.get(names.ANNOTATION_DELETION_COST)),
        ready=_condition(found, "Ready") == "True",
        ready_since=_since(found, "Ready"),
        deleting_until=fields.moment(about, "deletionTimestamp"),
        grace=fields.whole(about, "deletionGracePeriodSeconds"),
        ended=fields.text(found, "status", "phase") in _ENDED,
        trouble=_trouble(found),
        host_addresses=_host_addresses(found),
        image=fields.text(containers[0], "image") if containers else "",
    )


def is_relay_of(found: fields.Object, workload_names: frozenset[str]) -> bool:
    """Return whether a pod with the region's label is a relay of it.

    One that no controller owns may have lost its workload, and is still a relay; one that another
    controller owns merely carries the label.
    """
    labels = fields.texts(found, "metadata", "labels")
    if labels.get(names.LABEL_COMPONENT) != names.COMPONENT_RELAY:
        return False
    if len(fields.text(found, "metadata", "name")) > _NAME_MAX:
        return False  # No workload of ours makes such a name, and no status takes it.
    for owner in fields.items(found, "metadata", "ownerReferences"):
        if fields.true(owner, "controller"):
            kind, name = fields.text(owner, "kind"), fields.text(owner, "name")
            return kind in {objects.Kind.REPLICA_SET, objects.Kind.DAEMON_SET} and (
                name in workload_names
            )
    return True


def workload(kind: objects.Kind, found: fields.Object) -> observed.Workload:
    """Return a ReplicaSet or DaemonSet."""
    if kind is objects.Kind.DAEMON_SET:
        wanted = fields.whole(found, "status", "desiredNumberScheduled")
    else:
        wanted = fields.whole(found, "spec", "replicas")
    failure = ""
    for condition in fields.items(found, "status", "conditions"):
        stated = fields.text(condition, "type"), fields.text(condition, "status")
        if stated == ("ReplicaFailure", "True"):
            failure = fields.text(condition, "message") or fields.text(condition, "reason")
    return observed.Workload(
        kind=kind,
        name=fields.text(found, "metadata", "name"),
        uid=fields.text(found, "metadata", "uid"),
        wanted=wanted or 0,
        failure=failure[:_LONGEST],
    )


def _asked(about: fields.Object, annotation: str) -> bool:
    """Return whether a person asks for something by an annotation, whatever it says but no."""
    stated = fields.texts(about, "annotations").get(annotation, "false")
    return stated.strip().lower() not in {"false", "no"}


def _controller(found: fields.Object) -> str | None:
    for owner in fields.items(found, "metadata", "ownerReferences"):
        if fields.true(owner, "controller"):
            return fields.text(owner, "uid") or None
    return None


def _one_of_each(stated: str) -> tuple[str, ...]:
    """Return the first address of each family: a status with more would be refused as a whole."""
    first: dict[bool, str] = {}
    for address in fields.addresses(stated):
        first.setdefault(":" in address, address)
    return tuple(first.values())


def _taints(found: fields.Object) -> tuple[observed.Taint, ...]:
    effects = {effect.value: effect for effect in region.TaintEffect}
    return tuple(
        observed.Taint(
            key=fields.text(taint, "key"), value=fields.text(taint, "value"), effect=effect
        )
        for taint in fields.items(found, "spec", "taints")
        if (effect := effects.get(fields.text(taint, "effect"))) is not None
    )


def _sources(stated: str) -> tuple[region.AddressSource, ...]:
    """Return the rungs of a list; nothing at all where one of them is none."""
    try:
        return tuple(region.AddressSource(part.strip()) for part in stated.split(",") if part)
    except ValueError:
        return ()


def _ports(container: fields.Object) -> dict[str, int]:
    return {
        name: number
        for port in fields.items(container, "ports")
        if (name := fields.text(port, "name"))
        and (number := fields.whole(port, "containerPort")) is not None
    }


def _node_addresses(found: fields.Object, kind: str) -> tuple[str, ...]:
    stated = (
        fields.address(fields.text(one, "address"))
        for one in fields.items(found, "status", "addresses")
        if fields.text(one, "type") == kind
    )
    return tuple(dict.fromkeys(one for one in stated if one is not None))


def _condition(found: fields.Object, kind: str) -> str:
    for condition in fields.items(found, "status", "conditions"):
        if fields.text(condition, "type") == kind:
            return fields.text(condition, "status")
    return ""


def _since(found: fields.Object, kind: str) -> float:
    for condition in fields.items(found, "status", "conditions"):
        if fields.text(condition, "type") == kind:
            return fields.moment(condition, "lastTransitionTime") or 0.0
    return 0.0


def _cost(stated: str | None) -> int | None:
    try:
        cost = int(stated or "")
    except ValueError:
        return None
    return cost if -_COST_MAX <= cost < _COST_MAX else None


def _trouble(found: fields.Object) -> str:
    """Return what keeps a pod from running, as its scheduler or its kubelet says it."""
    for condition in fields.items(found, "status", "conditions"):
        if fields.text(condition, "type") != "PodScheduled":
            continue
        if fields.text(condition, "status") == "False":
            return _said(condition)
    for container in fields.items(found, "status", "containerStatuses"):
        waiting = fields.mapping(container, "state", "waiting")
        if fields.text(waiting, "reason") not in _USUAL:
            return _said(waiting)
    if fields.text(found, "status", "phase") == "Failed":
        return _said(fields.mapping(found, "status"))
    return ""


def _said(found: fields.Object) -> str:
    parts = (fields.text(found, "reason"), fields.text(found, "message"))
    return ": ".join(part for part in parts if part)[:_LONGEST]


def _host_addresses(found: fields.Object) -> tuple[str, ...]:
    status = fields.mapping(found, "status")
    stated = [fields.text(one, "ip") for one in fields.items(status, "podIPs")]
    stated += [fields.text(status, "podIP"), fields.text(status, "hostIP")]
    stated += [fields.text(one, "ip") for one in fields.items(status, "hostIPs")]
    return tuple(dict.fromkeys(a for one in stated if (a := fields.address(one)) is not None))
