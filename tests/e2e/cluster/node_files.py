"""What a node's kubelet and CNI read. Pure: shapes and paths to text."""

import json
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.cluster import containerd, shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """A node's folders: ``disk`` for what is large, ``run`` for sockets."""

    disk: Path
    run: Path

    @property
    def socket(self) -> Path:
        """Return containerd's socket."""
        return containerd.socket(self.run)

    @property
    def images(self) -> Path:
        """Return containerd's root folder: images and containers."""
        return self.disk / "containerd"

    @property
    def kubelet(self) -> Path:
        """Return the kubelet's configuration."""
        return self.disk / "kubelet.json"

    @property
    def networks(self) -> Path:
        """Return the folder of CNI's configuration."""
        return self.disk / "cni"


def write(node: shape.NodeShape, folders: Folders) -> None:
    """Put everything into the node's folder."""
    folders.networks.mkdir(parents=True, exist_ok=True)
    folders.run.mkdir(parents=True, exist_ok=True)
    folders.kubelet.write_text(json.dumps(_kubelet(node, folders), indent=1))
    network = folders.networks / "10-bridge.conflist"
    network.write_text(json.dumps(_network(node, folders), indent=1))


def _kubelet(node: shape.NodeShape, folders: Folders) -> dict[str, object]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": f"unix://{folders.socket}",
        "podCIDR": node.pods,
        "podLogsDir": f"{folders.disk}/pod-logs",
        "resolvConf": "/etc/resolv.conf",
        "clusterDNS": [shape.GATEWAY],
        "clusterDomain": shape.CLUSTER_ZONE,
        # Several kubelets share this machine's cgroups, and none may order them its way.
        "cgroupDriver": "cgroupfs",
        "cgroupsPerQOS": False,
        "enforceNodeAllocatable": [],
        "failSwapOn": False,
        # For the API server's logs and exec; nobody else is on the bridge.
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        # A nearly full disk of a developer is no reason to evict, nor to delete loaded images.
        "evictionHard": {
            "imagefs.available": "1%",
            "nodefs.available": "1%",
            "memory.available": "100Mi",
        },
        "imageGCHighThresholdPercent": 100,
        "nodeStatusUpdateFrequency": "4s",
        "registerNode": True,
    }


def _network(node: shape.NodeShape, folders: Folders) -> dict[str, object]:
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isGateway": True,
        "ipMasq": False,
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": node.pods}], [{"subnet": node.pods_6}]],
            "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}],
            "dataDir": f"{folders.disk}/ipam",
        },
    }
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "0.4.0", "name": "pods", "plugins": [bridge, ports]}
