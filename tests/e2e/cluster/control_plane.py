"""etcd, the API server, the controllers and the scheduler, on this machine's end of the bridge."""

import json
import time
from pathlib import Path
from typing import Final

from tests.e2e.cluster import commands, kubectl, pki, processes, shape

ETCD: Final = "etcd"
API_SERVER: Final = "kube-apiserver"
CONTROLLERS: Final = "kube-controller-manager"
SCHEDULER: Final = "kube-scheduler"
_ETCD_CLIENTS: Final = "http://127.0.0.1:22379"  # not etcd's own ports: one may run here already
_ETCD_PEERS: Final = "http://127.0.0.1:22380"
_ENDPOINT: Final = f"https://{shape.GATEWAY}:6443"
_READY_WITHIN: Final = 60.0
NODE_GRACE: Final = 20
"""Seconds of silence after which a node counts as lost; 40 is Kubernetes' own."""


class ControlPlane:
    """The four programs. ``programs`` is the folder of Kubernetes' own, ``state`` theirs."""

    def __init__(
        self,
        *,
        programs: Path,
        state: Path,
        kubeconfig: Path,
        running: processes.Processes,
    ) -> None:
        self._programs = programs
        self._state = state
        self._kubeconfig = kubeconfig
        self._running = running
        self._kubectl = kubectl.Kubectl(program=programs / "kubectl", kubeconfig=kubeconfig)

    def start(self) -> None:
        """Start everything and return when the API server is ready."""
        files = pki.write(self._state / "pki")
        self._kubeconfig.write_text(_kubeconfig(files))
        self._kubeconfig.chmod(0o600)
        self._running.start(
            ETCD,
            "etcd",
            f"--data-dir={self._state / 'etcd'}",
            f"--listen-client-urls={_ETCD_CLIENTS}",
            f"--advertise-client-urls={_ETCD_CLIENTS}",
            f"--listen-peer-urls={_ETCD_PEERS}",
            f"--initial-advertise-peer-urls={_ETCD_PEERS}",
            f"--initial-cluster=default={_ETCD_PEERS}",
            "--unsafe-no-fsync",  # the data lives as long as the test run
        )
        self.start_api_server()
        self._start_controllers()

    def kill_api_server(self) -> None:
        """End the API server as a crash would; etcd and everything else go on."""
        self._running.kill(API_SERVER)

    def recover(self) -> None:
        """Start the API server again, and whatever would have ended with its lease meanwhile.

        The controllers last heard of nodes before the outage, and would call all of them lost.
        """
        for name in (SCHEDULER, CONTROLLERS):
            self._running.end(name)
        self.start_api_server()
        self._start_controllers()

    def start_api_server(self) -> None:
        """Start the API server and return when it is ready."""
        folder = self._state / "pki"
        self._running.start(
            API_SERVER,
            self._programs / API_SERVER,
            f"--etcd-servers={_ETCD_CLIENTS}",
            f"--service-cluster-ip-range={shape.SERVICE_NETWORK}",
            f"--tls-cert-file={folder / 'api.crt'}",
            f"--tls-private-key-file={folder / 'api.key'}",
            f"--client-ca-file={folder / 'ca.crt'}",
            f"--token-auth-file={folder / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={folder / 'accounts.key'}",
            f"--service-account-signing-key-file={folder / 'accounts.key'}",
            # One address, so that another cluster of this machine keeps its own port 6443.
            f"--bind-address={shape.GATEWAY}",
            f"--advertise-address={shape.GATEWAY}",
            "--allow-privileged=true",
            "--kubelet-preferred-address-types=InternalIP",
            "--endpoint-reconciler-type=lease",
        )
        self._await_ready()

    def _start_controllers(self) -> None:
        folder = self._state / "pki"
        self._running.start(
            CONTROLLERS,
            self._programs / CONTROLLERS,
            f"--kubeconfig={self._kubeconfig}",
            f"--service-account-private-key-file={folder / 'accounts.key'}",
            f"--root-ca-file={folder / 'ca.crt'}",
            f"--node-monitor-grace-period={NODE_GRACE}s",
            "--leader-elect=false",
            "--secure-port=0",
        )
        self._running.start(
            SCHEDULER,
            self._programs / SCHEDULER,
            f"--kubeconfig={self._kubeconfig}",
            "--leader-elect=false",
            "--secure-port=0",
        )

    def _await_ready(self) -> None:
        deadline = time.monotonic() + _READY_WITHIN
        while time.monotonic() < deadline:
            for name in (ETCD, API_SERVER):
                if not self._running.alive(name):
                    raise RuntimeError(f"{name} ended: {self._running.last_words(name)}")
            try:
                self._kubectl.run("get", "--raw", "/readyz")
            except commands.Failed:
                time.sleep(0.2)
            else:
                return
        raise RuntimeError(
            f"the API server is not ready after {_READY_WITHIN:.0f} s: "
            f"{self._running.last_words(API_SERVER)}"
        )


def _kubeconfig(files: pki.Files) -> str:
    cluster = {"server": _ENDPOINT, "certificate-authority": str(files.authority)}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "turnfleet-e2e", "cluster": cluster}],
        "users": [{"name": "admin", "user": {"token": files.token}}],
        "contexts": [
            {"name": "turnfleet-e2e", "context": {"cluster": "turnfleet-e2e", "user": "admin"}}
        ],
        "current-context": "turnfleet-e2e",
    }
    return json.dumps(document, indent=1)
