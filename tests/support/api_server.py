"""A real API server with etcd behind it, on loopback: no controllers, no nodes.

The programs are those that the end-to-end suite builds, and are used where it has built them.
"""

import contextlib
import os
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from ssl import create_default_context
from typing import Final

from tests.e2e.cluster import api_server as starting
from tests.e2e.cluster import pki, places, processes, programs
from tests.support import ports

_READY_WITHIN: Final = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiServer:
    """A running API server."""

    url: str
    kubeconfig: Path
    files: pki.Files
    running: processes.Processes
    command: tuple[str, ...]

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
        port = ports.reserve()
        url = f"https://127.0.0.1:{port}"
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(starting.kubeconfig(url, self.files))
        command = tuple(
            f"--secure-port={port}" if part.startswith("--secure-port") else part
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
            other.running.end(starting.NAME)

    def kill(self) -> None:
        """End the API server as a crash would; etcd goes on."""
        self.running.kill(starting.NAME)

    def start(self) -> None:
        """Start it, again after ``kill``; return when it is ready."""
        self.running.start(starting.NAME, *self.command)
        deadline = time.monotonic() + _READY_WITHIN
        while time.monotonic() < deadline:
            if not self.running.alive(starting.NAME):
                break
            with contextlib.suppress(OSError):
                self.get("/readyz")
                return
            time.sleep(0.2)
        raise RuntimeError(
            f"the API server did not start: {self.running.last_words(starting.NAME)}"
        )


def build() -> Path:
    """Return the folder of the programs, after building them: eight minutes the first time."""
    return programs.build(places.read(os.environ))


@contextlib.contextmanager
def at(folder: Path, *, kubernetes: Path) -> Iterator[ApiServer]:
    """Run etcd and an API server in ``folder`` for as long as the block lasts."""
    files = pki.write(folder / "pki")
    running = processes.Processes(folder=folder / "pids", logs=folder / "logs")
    clients, peers, api = (ports.reserve() for _ in range(3))
    url = f"https://127.0.0.1:{api}"
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(starting.kubeconfig(url, files))
    kubeconfig.chmod(0o600)
    etcd = f"http://127.0.0.1:{clients}"
    server = ApiServer(
        url=url,
        kubeconfig=kubeconfig,
        files=files,
        running=running,
        command=(
            *starting.command(kubernetes, files, clients=etcd, address="127.0.0.1", port=api),
            "--endpoint-reconciler-type=none",
        ),
    )
    try:
        running.start(
            starting.ETCD,
            *starting.etcd(folder / "etcd", clients=etcd, peers=f"http://127.0.0.1:{peers}"),
        )
        server.start()
        yield server
    finally:
        running.end(starting.NAME)
        running.end(starting.ETCD)
