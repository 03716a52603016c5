"""etcd, the API server, controllers, scheduler and DNS, on this machine's end of the bridge."""

import time
from pathlib import Path
from typing import Final

from tests.e2e.cluster import api_server, commands, kubectl, pki, processes, resolver, shape

CONTROLLERS: Final = "kube-controller-manager"
SCHEDULER: Final = "kube-scheduler"
_ETCD_CLIENTS: Final = "http://127.0.0.1:22379"  # not etcd's own ports: one may run here already
_ETCD_PEERS: Final = "http://127.0.0.1:22380"
_PORT: Final = 6443
_URL: Final = f"https://{shape.GATEWAY}:{_PORT}"
_READY_WITHIN: Final = 60.0
NODE_GRACE: Final = 20
"""Seconds of silence after which a node counts as lost; 40 is Kubernetes' own."""


class ControlPlane:
    """The five programs. ``programs`` is the folder of Kubernetes' own, ``state`` theirs."""

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
        self._files = pki.Files(folder=state / "pki")
        self._kubeconfig = kubeconfig
        self._running = running
        self._kubectl = kubectl.Kubectl(program=programs / "kubectl", kubeconfig=kubeconfig)

    def start(self) -> None:
        """Start everything and return when the API server is ready."""
        pki.write(self._files.folder)
        self._kubeconfig.write_text(api_server.kubeconfig(_URL, self._files))
        self._kubeconfig.chmod(0o600)
        etcd = api_server.etcd(self._state / "etcd", clients=_ETCD_CLIENTS, peers=_ETCD_PEERS)
        self._running.start(api_server.ETCD, *etcd)
        self.start_api_server()
        self._start_controllers()
        corefile = self._state / "Corefile"
        corefile.write_text(resolver.corefile(self._kubeconfig))
        self._running.start(resolver.NAME, *resolver.command(self._programs, corefile))

    def kill_api_server(self) -> None:
        """End the API server as a crash would; etcd and everything else go on."""
        self._running.kill(api_server.NAME)

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
        command = api_server.command(
            self._programs, self._files, clients=_ETCD_CLIENTS, address=shape.GATEWAY, port=_PORT
        )
        self._running.start(
            api_server.NAME,
            *command,
            "--allow-privileged=true",
            "--kubelet-preferred-address-types=InternalIP",
            "--endpoint-reconciler-type=lease",
        )
        self._await_ready()

    def _start_controllers(self) -> None:
        self._running.start(
            CONTROLLERS,
            self._programs / CONTROLLERS,
            f"--kubeconfig={self._kubeconfig}",
            f"--service-account-private-key-file={self._files.accounts_key}",
            f"--root-ca-file={self._files.authority}",
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
            for name in (api_server.ETCD, api_server.NAME):
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
            f"{self._running.last_words(api_server.NAME)}"
        )
