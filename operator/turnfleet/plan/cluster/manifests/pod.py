"""The pod of a relay: an agent and its coturn on the node's own network, with next to no rights.

``revision`` is what makes a running pod outdated: what was declared and only a new pod takes over.
It is made of those inputs, not of the template, so that an operator that words its templates
differently replaces no relay.
"""

import json
from typing import Final

from turnfleet import names
from turnfleet.model import region
from turnfleet.plan import agent_config
from turnfleet.plan.cluster import naming, observed
from turnrelay import contract

GRACE: Final = 60
"""Seconds beyond the drain timeout in which the agent ends coturn and itself."""

_CONTAINER: Final = "relay"
_USER: Final = 65532
_PRIVILEGED_PORTS_END: Final = 1024
_ETC: Final = "/etc/turnrelay"
_RUN: Final = "/run/turnrelay"
_AGENT: Final = "agent"
_REQUESTS: Final = {"cpu": "500m", "memory": "256Mi"}
"""Of a relay whose region says nothing. A container that requests nothing gets the least share
of a busy processor that there is, and is the first to be evicted: on a node where some other
program starts, calls would be the first to suffer."""


def grace(spec: region.RegionSpec) -> int:
    """Return the seconds that a relay of ``spec`` has from the first signal to the last."""
    return spec.drain_timeout + GRACE


def image(spec: region.RegionSpec, policy: observed.Policy) -> str:
    """Return the image that relays of ``spec`` run."""
    return spec.relays.image or policy.relay_image


def revision(
    spec: region.RegionSpec, policy: observed.Policy, configuration: agent_config.Configuration
) -> str:
    """Return the revision of a new pod: what it is started with, a dot, how it is placed.

    A pod that has a node takes no notice of how a new one would be placed.
    """
    relays = spec.relays
    resources = [sorted(relays.resources.requests), sorted(relays.resources.limits)]
    started = agent_config.fingerprint(
        configuration.revision,
        image(spec, policy),
        spec.listeners.tls_secret_name or "",
        json.dumps(resources),
    )
    tolerations = sorted(repr(toleration) for toleration in relays.tolerations)
    placed = agent_config.fingerprint(
        json.dumps(sorted(relays.node_selector)),
        json.dumps(tolerations),
        policy.priority_class or "",
    )
    return f"{started}.{placed}"


def is_current(pod: observed.Pod, revision: str) -> bool:
    """Return whether a pod is as a new one would be, in all that can still concern it."""
    if pod.node is None:
        return pod.revision == revision
    return pod.revision.partition(".")[0] == revision.partition(".")[0]


def template(
    spec: region.RegionSpec,
    policy: observed.Policy,
    *,
    placement: region.Placement,
    revision: str,
) -> dict[str, dict[str, object]]:
    """Return metadata and spec of a pod, without what decides about nodes."""
    body: dict[str, object] = {
        "serviceAccountName": f"turn-{spec.name}",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "hostNetwork": True,
        # A relay resolves no names; the cluster's DNS may be on the other side of an outage.
        "dnsPolicy": "Default",
        "terminationGracePeriodSeconds": grace(spec),
        "securityContext": {"fsGroup": _USER, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [_container(spec, policy)],
        "volumes": _volumes(spec),
    }
    if policy.priority_class is not None:
        body["priorityClassName"] = policy.priority_class
    if policy.image_pull_secrets:
        body["imagePullSecrets"] = [{"name": name} for name in policy.image_pull_secrets]
    metadata: dict[str, object] = {
        "labels": {**naming.labels(spec.name), **naming.placed_selector(spec.name, placement)},
        "annotations": {names.ANNOTATION_REVISION: revision},
    }
    return {"metadata": metadata, "spec": body}


def _container(spec: region.RegionSpec, policy: observed.Policy) -> dict[str, object]:
    container: dict[str, object] = {
        "name": _CONTAINER,
        "image": image(spec, policy),
        "command": ["turnrelay"],
        "args": _arguments(spec),
        "env": [
            {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}
            for name, path in (
                ("POD_IP", "status.podIP"),
                ("POD_IPS", "status.podIPs"),
                ("POD_NAME", "metadata.name"),
                ("POD_UID", "metadata.uid"),
            )
        ],
        "ports": _ports(spec),
        "readinessProbe": {
            "httpGet": {"path": contract.PATH_READYZ, "port": _AGENT},
            "periodSeconds": 2,
            "timeoutSeconds": 2,
            "failureThreshold": 2,
        },
        # The agent restarts coturn by itself. A minute of silence means that the agent is gone, and
        # anything shorter would end calls because a node was busy.
        "livenessProbe": {
            "httpGet": {"path": contract.PATH_HEALTHZ, "port": _AGENT},
            "initialDelaySeconds": 30,
            "periodSeconds": 10,
            "timeoutSeconds": 5,
            "failureThreshold": 6,
        },
        "securityContext": _rights(spec),
        "volumeMounts": _mounts(spec),
    }
    return container | {"resources": _resources(spec.relays.resources)}


def _arguments(spec: region.RegionSpec) -> list[str]:
    return [
        f"--config={_ETC}/config/{contract.CONFIG_FILE}",
        f"--auth={_ETC}/auth",
        *([f"--tls={_ETC}/tls"] if spec.listeners.tls is not None else []),
        f"--addresses={_ETC}/pod/{contract.ADDRESSES_FILE}",
        f"--state={_RUN}",
        "--bind=$(POD_IPS)",
        "--agent-address=$(POD_IP)",
        "--name=$(POD_NAME)",
        "--instance=$(POD_UID)",
    ]


def _ports(spec: region.RegionSpec) -> list[dict[str, object]]:
    """Return all ports as host ports, so that the scheduler never puts two relays on one."""
    listening = [
        (transport.value, port, "UDP" if transport is region.Transport.UDP else "TCP")
        for transport in region.Transport
        if (port := spec.listeners.port(transport)) is not None
    ]
    return [
        {"name": name, "containerPort": port, "hostPort": port, "protocol": protocol}
        for name, port, protocol in [*listening, (_AGENT, spec.agent_port, "TCP")]
    ]


def _rights(spec: region.RegionSpec) -> dict[str, object]:
    """Return the security context.

    A process that is not root gets no ambient capability from Kubernetes, so a port below 1024
    takes uid 0 with that one capability and nothing else.
    """
    low = any(
        port is not None and port < _PRIVILEGED_PORTS_END
        for port in map(spec.listeners.port, region.Transport)
    )
    user = 0 if low else _USER
    capabilities: dict[str, object] = {"drop": ["ALL"]}
    if low:
        capabilities["add"] = ["NET_BIND_SERVICE"]
    return {
        "runAsUser": user,
        # No other process of the node has it, so that a guard knows what a relay sends.
        "runAsGroup": contract.RELAY_GROUP,
        "runAsNonRoot": not low,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": capabilities,
    }


def _resources(declared: region.Resources) -> dict[str, object]:
    written = {name for name, _ in (*declared.requests, *declared.limits)}
    requests = {name: amount for name, amount in _REQUESTS.items() if name not in written}
    parts = {"requests": requests | dict(declared.requests), "limits": dict(declared.limits)}
    return {name: amounts for name, amounts in parts.items() if amounts}


def _mounts(spec: region.RegionSpec) -> list[dict[str, object]]:
    # Whole folders: the kubelet does not refresh what is mounted by subPath.
    read_only = ["config", "auth", "pod", *(["tls"] if spec.listeners.tls is not None else [])]
    return [
        *({"name": name, "mountPath": f"{_ETC}/{name}", "readOnly": True} for name in read_only),
        {"name": "state", "mountPath": _RUN},
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - inside the container
    ]


def _volumes(spec: region.RegionSpec) -> list[dict[str, object]]:
    volumes: list[dict[str, object]] = [
        {"name": "config", "configMap": {"name": f"turn-{spec.name}"}},
        {"name": "auth", "secret": {"secretName": f"{spec.name}-auth", "defaultMode": 0o440}},
        {"name": "pod", "downwardAPI": {"items": [_addresses_file()]}},
        {"name": "state", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}},
        {"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}},
    ]
    if spec.listeners.tls_secret_name is not None:
        # Optional: without it the agent starts and says what it lacks, which a pod that cannot
        # mount a volume does not.
        secret = {
            "secretName": spec.listeners.tls_secret_name,
            "defaultMode": 0o440,
            "optional": True,
        }
        volumes.append({"name": "tls", "secret": secret})
    return volumes


def _addresses_file() -> dict[str, object]:
    path = f"metadata.annotations['{names.ANNOTATION_ADDRESSES}']"
    return {"path": contract.ADDRESSES_FILE, "fieldRef": {"fieldPath": path}}
