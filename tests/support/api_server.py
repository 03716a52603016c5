"""A real API server with etcd behind it, on loopback: no controllers, no nodes.

The programs are those that the end-to-end suite builds, and are used where it has built them.
"""

import contextlib
import json
import os
import socket
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from ssl import create_default_context
from typing import Final

from tests.e2e.cluster import pki, places, processes, programs

_API: Final = "kube-apiserver"
_ETCD: Final = "etcd"
_READY_WITHIN: Final = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiServer:
    """A running API server."""

    url: str
    kubeconfig: Path
    files: pki.Files
    running: processes.Processes
    command: tuple[str | Path, ...]

    def get(self, path: str) -> str:
        """Return the answer to a GET."""
        context = create_default_context(cafile=str(self.files.authority))
        request = urllib.request.Request(  # noqa: S310 - our own server
            f"{self.url}{path}", headers={"Authorization": f"Bearer {self.files.token}"}
        )
        with urllib.request.urlopen(request, context=context, timeout=30) as answer:  # noqa: S310
            return str(answer.read().decode())

    @contextlib.contextmanager
    def neighbour(self, folder: Path) -> Iterator["ApiServer"]:
        """Run another API server on the same etcd for as long as the block lasts."""
        folder.mkdir()
        port = _free_port()
        url = f"https://127.0.0.1:{port}"
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(_kubeconfig(url, self.files))
        command = tuple(
            f"--secure-port={port}" if str(part).startswith("--secure-port") else part
            for part in self.command
        )
        other = replace(
            self,
            url=url,
            kubeconfig=kubeconfig,
            running=processes.Processes(folder=folder / "pids", logs=folder / "logs"),
            command=command,
        )
        try:
            other.start()
            yield other
        finally:
            other.running.end(_API)

    def kill(self) -> None:
        """End the API server as a crash would; etcd goes on."""
        self.running.kill(_API)

    def start(self) -> None:
        """Start it, again after ``kill``; return when it is ready."""
        self.running.start(_API, *self.command)
        deadline = time.monotonic() + _READY_WITHIN
        while time.monotonic() < deadline:
            if not self.running.alive(_API):
                break
            with contextlib.suppress(OSError):
                self.get("/readyz")
                return
            time.sleep(0.2)
        raise RuntimeError(f"the API server did not start: {self.running.last_words(_API)}")


def build() -> Path:
    """Return the folder of the programs, after building them: six minutes the first time."""
    return programs.build(places.read(os.environ))


@contextlib.contextmanager
def at(folder: Path, *, kubernetes: Path) -> Iterator[ApiServer]:
    """Run etcd and an API server in ``folder`` for as long as the block lasts."""
    files = pki.write(folder / "pki")
    running = processes.Processes(folder=folder / "pids", logs=folder / "logs")
    clients, peers, api = (_free_port() for _ in range(3))
    url = f"https://127.0.0.1:{api}"
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(_kubeconfig(url, files))
    kubeconfig.chmod(0o600)
    server = ApiServer(
        url=url,
        kubeconfig=kubeconfig,
        files=files,
        running=running,
        command=(
            kubernetes / _API,
            f"--etcd-servers=http://127.0.0.1:{clients}",
            "--service-cluster-ip-range=10.96.0.0/16",
            f"--tls-cert-file={files.certificate}",
            f"--tls-private-key-file={files.key}",
            f"--client-ca-file={files.authority}",
            f"--token-auth-file={files.tokens}",
            "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={files.accounts_key}",
            f"--service-account-signing-key-file={files.accounts_key}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={api}",
            "--endpoint-reconciler-type=none",
        ),
    )
    try:
        running.start(
            _ETCD,
            "etcd",
            f"--data-dir={folder / 'etcd'}",
            f"--listen-client-urls=http://127.0.0.1:{clients}",
            f"--advertise-client-urls=http://127.0.0.1:{clients}",
            f"--listen-peer-urls=http://127.0.0.1:{peers}",
            f"--initial-advertise-peer-urls=http://127.0.0.1:{peers}",
            f"--initial-cluster=default=http://127.0.0.1:{peers}",
            "--unsafe-no-fsync",
        )
        server.start()
        yield server
    finally:
        running.end(_API)
        running.end(_ETCD)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def _kubeconfig(url: str, files: pki.Files) -> str:
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": "it",
                "cluster": {"server": url, "certificate-authority": str(files.authority)},
            }
        ],
        "users": [{"name": "admin", "user": {"token": files.token}}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "admin"}}],
        "current-context": "it",
    }
    return json.dumps(document)
