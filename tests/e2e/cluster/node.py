"""One node: containerd, kubelet and kube-proxy in a network namespace of their own."""

import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.e2e.cluster import containerd, kubectl, node_files, processes, remains, shape
from tests.e2e.cluster import larder as larders

_READY_WITHIN: Final = 60.0
_UNINITIALISED: Final = "node.cloudprovider.kubernetes.io/uninitialized"


class Node:
    """A node of the cluster and what may happen to it."""

    def __init__(
        self,
        node: shape.NodeShape,
        *,
        folders: node_files.Folders,
        programs: Path,
        client: kubectl.Kubectl,
        running: processes.Processes,
    ) -> None:
        self.shape = node
        self._folders = folders
        self._programs = programs
        self._kubectl = client
        self._running = running
        self._containerd = containerd.Containerd(
            name=self._id("containerd"),
            root=folders.images,
            run=folders.run,
            running=running,
            namespace=node.namespace,
            networks=folders.networks,
        )

    @property
    def name(self) -> str:
        """Return the name that Kubernetes knows the node by."""
        return self.shape.name

    @property
    def address(self) -> str:
        """Return the address under which this machine reaches the node."""
        return self.shape.address

    @property
    def addresses(self) -> tuple[str, str]:
        """Return that address and the one of the second family."""
        return self.shape.address, self.shape.address_6

    # --- coming and going -----------------------------------------------------------------------

    def start_containerd(self, *, larder: Path | None = None) -> None:
        """Start containerd: the first time with a larder's images, and again after a kill."""
        node_files.write(self.shape, self._folders)
        if larder is not None:
            larders.give(larder, self._folders.images)
        self._containerd.start()

    def start_kubelet(self) -> None:
        """Start the kubelet, again after ``kill_kubelet``."""
        zone, region = self.shape.zone, self.shape.region
        self._start(
            "kubelet",
            self._programs / "kubelet",
            f"--kubeconfig={self._kubectl.kubeconfig}",
            f"--config={self._folders.kubelet}",
            f"--root-dir={self._folders.disk}/kubelet",
            f"--cert-dir={self._folders.disk}/pki",
            f"--hostname-override={self.name}",
            # Addresses come from outside, as in a cloud: otherwise the kubelet takes every
            # ExternalIP out of its status again.
            "--cloud-provider=external",
            f"--node-labels=topology.kubernetes.io/zone={zone},topology.kubernetes.io/region={region}",
        )

    def start_proxy(self) -> None:
        """Start kube-proxy, which makes services reachable from the node."""
        self._start(
            "kube-proxy",
            self._programs / "kube-proxy",
            f"--kubeconfig={self._kubectl.kubeconfig}",
            f"--hostname-override={self.name}",
            "--proxy-mode=iptables",
            f"--cluster-cidr={shape.POD_NETWORK}",
            "--conntrack-max-per-core=0",  # a setting of the whole machine: leave it alone
        )

    def await_ready(self) -> None:
        """Do what a cloud's controller does for a new node, and return when the node is Ready."""

        def is_registered() -> bool:
            if not self._running.alive(self._id("kubelet")):
                words = self._running.last_words(self._id("kubelet"))
                raise RuntimeError(f"the kubelet of {self.name} ended: {words}")
            return self._kubectl.get("node", self.name) is not None

        kubectl.wait_until(is_registered, what=f"{self.name} to register", within=_READY_WITHIN)
        self.set_addresses(internal=self.addresses, external=self.addresses)
        self._kubectl.run("taint", "node", self.name, f"{_UNINITIALISED}-")
        kubectl.wait_until(self.is_ready, what=f"{self.name} to be Ready", within=_READY_WITHIN)

    def is_ready(self) -> bool:
        """Return whether Kubernetes takes the node for well."""
        found = self._kubectl.get("node", self.name)
        conditions = found["status"].get("conditions", ()) if found else ()
        return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

    def set_addresses(self, *, internal: Sequence[str], external: Sequence[str]) -> None:
        """Write the addresses that a cloud knows the node by into its status."""
        addresses = [
            {"type": "Hostname", "address": self.name},
            *({"type": "InternalIP", "address": address} for address in internal),
            *({"type": "ExternalIP", "address": address} for address in external),
        ]
        change = [{"op": "add", "path": "/status/addresses", "value": addresses}]
        self._kubectl.run(
            "patch", "node", self.name, "--subresource=status", "--type=json",
            f"--patch={json.dumps(change)}",
        )  # fmt: skip

    # --- what may happen to it ------------------------------------------------------------------

    def cordon(self) -> None:
        """Let no new pods onto the node."""
        self._kubectl.run("cordon", self.name)

    def uncordon(self) -> None:
        """Undo ``cordon``."""
        self._kubectl.run("uncordon", self.name)

    def kill_kubelet(self) -> None:
        """End the kubelet as a crash would; containers live on."""
        self._running.kill(self._id("kubelet"))

    def kill_containerd(self) -> None:
        """End containerd as a crash would; containers live on, held by their shims."""
        self._containerd.kill()

    def kill_process(self, command: str, how: signal.Signals = signal.SIGKILL) -> None:
        """Signal what has these words in its command line, in the node's containers."""
        pids = remains.processes((self._folders.disk,))
        found = [pid for pid in pids if command in _command_of(pid)]
        if not found:
            raise LookupError(f"no {command} runs on {self.name}")
        for pid in found:
            os.kill(pid, how)

    def load(self, archive: Path) -> None:
        """Put the images of an archive where the kubelet finds them."""
        self._containerd.load(archive)

    def tag(self, image: str, other: str) -> None:
        """Give an image that the node has another name beside its own."""
        self._containerd.tag(image, other)

    def _id(self, program: str) -> str:
        return f"{program}-{self.name}"

    def _start(self, program: str, *command: str | Path) -> None:
        self._running.start(self._id(program), *command, namespace=self.shape.namespace)


def _command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
