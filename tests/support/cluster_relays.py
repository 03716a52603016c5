"""A region's relays in a cluster, written by hand: what the operator is to make of a region.

The tests of the image and of the agent's contract with Kubernetes need no operator.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from turnrelay import contract

Manifest = dict[str, Any]

COMPONENT: Final = {"turnfleet.io/component": "relay"}
ADDRESSES: Final = "turnfleet.io/addresses"
SECRET: Final = "the-first-secret-of-the-cluster-01"
AGENT_PORT: Final = 9641


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """What of a region the manifests depend on. ``peers`` are the addresses of all relays."""

    name: str
    image: str
    replicas: int
    nodes_of: str
    """The ``topology.kubernetes.io/region`` of the nodes to use."""
    peers: Sequence[str]
    tls: Mapping[str, str] | None = None
    """``tls.crt`` and ``tls.key``; TLS is then served on port 443."""
    drain_timeout: int = 60

    @property
    def namespace(self) -> str:
        """Return the namespace, made for this region alone."""
        return f"turn-{self.name}"

    @property
    def ports(self) -> Mapping[str, int]:
        """Return the port of each listener that is on."""
        return {"udp": 3478, "tcp": 3478} | ({"tls": 443} if self.tls else {})


def manifests(region: Region) -> Sequence[Manifest]:
    """Return everything that a region's relays need, in the order of applying."""
    secrets = [_secret(region, f"{region.name}-auth", auth(SECRET, generation=1))]
    if region.tls:
        secrets.append(_secret(region, f"{region.name}-tls", region.tls))
    return (
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": region.namespace,
                "labels": {"pod-security.kubernetes.io/enforce": "privileged"},
            },
        },
        _object(region, "v1", "ConfigMap", region.namespace, data={"config.json": _config(region)}),
        *secrets,
        _object(region, "apps/v1", "ReplicaSet", region.namespace, spec=_replica_set(region)),
    )


def auth(secret: str, *, generation: int, previous: str = "") -> Mapping[str, str]:
    """Return the files of the agent's auth folder."""
    return {
        contract.AUTH_CURRENT: secret,
        contract.AUTH_PREVIOUS: previous,
        contract.AUTH_GENERATION: str(generation),
        contract.AGENT_KEY: "0123456789abcdef" * 4,
    }


def _object(region: Region, version: str, kind: str, name: str, **content: object) -> Manifest:
    metadata = {"name": name, "namespace": region.namespace}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **content}


def _secret(region: Region, name: str, texts: Mapping[str, str]) -> Manifest:
    return _object(region, "v1", "Secret", name, stringData=dict(texts))


def _config(region: Region) -> str:
    return json.dumps(
        {
            "region": region.name,
            "realm": "turn.example.com",
            "listeners": dict(region.ports),
            "relayPorts": {"min": 49152, "max": 49999},
            "families": ["IPv4"],
            "agentPort": AGENT_PORT,
            "drainTimeout": region.drain_timeout,
            "live": {"peers": {"deny": [], "allow": list(region.peers)}},
        }
    )


def _replica_set(region: Region) -> Manifest:
    return {
        "replicas": region.replicas,
        "selector": {"matchLabels": COMPONENT},
        "template": {"metadata": {"labels": COMPONENT}, "spec": _pod(region)},
    }


def _pod(region: Region) -> Manifest:
    alone = {"labelSelector": {"matchLabels": COMPONENT}, "topologyKey": "kubernetes.io/hostname"}
    return {
        "hostNetwork": True,
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": region.drain_timeout + 60,
        "nodeSelector": {"topology.kubernetes.io/region": region.nodes_of},
        "affinity": {
            "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [alone]}
        },
        "securityContext": {
            "seccompProfile": {"type": "RuntimeDefault"},
            **({} if region.tls else {"runAsNonRoot": True, "fsGroup": 65532}),
        },
        "containers": [_container(region)],
        "volumes": _volumes(region),
    }


def _container(region: Region) -> Manifest:
    capabilities: Manifest = {"drop": ["ALL"]}
    if region.tls:  # a process that is not root is given no capability for a port below 1024
        capabilities["add"] = ["NET_BIND_SERVICE"]
    return {
        "name": "relay",
        "image": region.image,
        "imagePullPolicy": "Never",
        "command": _command(region),
        "env": [
            _field_of("POD_IPS", "status.podIPs"),
            _field_of("POD_IP", "status.podIP"),
            _field_of("POD_NAME", "metadata.name"),
            _field_of("POD_UID", "metadata.uid"),
        ],
        "ports": [
            *(_port(name, number) for name, number in region.ports.items()),
            _port("agent", AGENT_PORT),
        ],
        "securityContext": {
            **({"runAsUser": 0, "runAsGroup": 0} if region.tls else {"runAsUser": 65532}),
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": capabilities,
        },
        "livenessProbe": _probe(contract.PATH_HEALTHZ, every=5, failures=6),
        "readinessProbe": _probe(contract.PATH_READYZ, every=1, failures=1),
        "volumeMounts": [
            {"name": name, "mountPath": path}
            for name, path in (
                ("config", "/etc/turnrelay/config"),
                ("auth", "/etc/turnrelay/auth"),
                *((("tls", "/etc/turnrelay/tls"),) if region.tls else ()),
                ("pod", "/etc/turnrelay/pod"),
                ("state", "/run/turnrelay"),
                ("tmp", "/tmp"),  # noqa: S108 - the container's own
            )
        ],
    }


def _command(region: Region) -> list[str]:
    return [
        "turnrelay",
        "--config=/etc/turnrelay/config/config.json",
        "--auth=/etc/turnrelay/auth",
        *(["--tls=/etc/turnrelay/tls"] if region.tls else []),
        "--addresses=/etc/turnrelay/pod/addresses",
        "--state=/run/turnrelay",
        "--bind=$(POD_IPS)",
        "--agent-address=$(POD_IP)",
        "--name=$(POD_NAME)",
        "--instance=$(POD_UID)",
    ]


def _volumes(region: Region) -> list[Manifest]:
    annotation = {
        "path": "addresses",
        "fieldRef": {"fieldPath": f"metadata.annotations['{ADDRESSES}']"},
    }
    return [
        {"name": "config", "configMap": {"name": region.namespace}},
        {"name": "auth", "secret": {"secretName": f"{region.name}-auth"}},
        *([{"name": "tls", "secret": {"secretName": f"{region.name}-tls"}}] if region.tls else []),
        {"name": "pod", "downwardAPI": {"items": [annotation]}},
        {"name": "state", "emptyDir": {"medium": "Memory"}},
        {"name": "tmp", "emptyDir": {"medium": "Memory"}},
    ]


def _field_of(name: str, path: str) -> Manifest:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def _port(name: str, number: int) -> Manifest:
    protocol = "UDP" if name == "udp" else "TCP"
    return {"name": name, "containerPort": number, "hostPort": number, "protocol": protocol}


def _probe(path: str, *, every: int, failures: int) -> Manifest:
    get = {"path": path, "port": AGENT_PORT}
    return {"httpGet": get, "periodSeconds": every, "failureThreshold": failures}
