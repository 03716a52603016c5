"""What the operator is measured on: a real API server and etcd, regions, the operator's process."""

import asyncio
import contextlib
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from tests.bench import processes
from tests.support import api_server

from turnfleet.kube import client, failures, kinds

_CHECKOUT: Final = Path(__file__).resolve().parents[2]
NAMESPACE: Final = "relays"
SYSTEM: Final = "turnfleet"
_AT_ONCE: Final = 32
_COUNTER: Final = re.compile(r"^(\w+)\{([^}]*)\} (\S+)$", re.MULTILINE)
_LABEL: Final = re.compile(r'(\w+)="([^"]*)"')
WRITES: Final = frozenset({"apply", "patch", "create", "delete", "update"})
_OURS: Final = frozenset(
    {"turnregions", "serviceaccounts", "configmaps", "secrets", "poddisruptionbudgets",
     "replicasets", "daemonsets", "pods", "events"}
)  # fmt: skip
"""Resources in which a write is the operator's: leases are renewed, by every replica's holder."""

Counts = Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """A running operator."""

    pid: int
    port: int
    began: float
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def server(self) -> processes.Server:
        """Return it as a process to be measured."""
        return processes.Server(pid=self.pid, port=self.port)

    @property
    def peak(self) -> float:
        """Return the most memory that it has used, MB."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8")
        return (
            int(next(row for row in status.splitlines() if row.startswith("VmHWM")).split()[1])
            / 1024
        )

    def requests(self) -> Counts:
        """Return how many requests it has made, by verb and kind."""
        found: dict[tuple[str, str], int] = {}
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics") as answer:
            text = answer.read().decode()
        for name, labels, value in _COUNTER.findall(text):
            if name == "turnfleet_operator_api_requests_total":
                given = dict(_LABEL.findall(labels))
                key = given["verb"], given["kind"]
                found[key] = found.get(key, 0) + int(float(value))
        return found

    def ready(self) -> bool:
        """Return whether it answers; raises RuntimeError once it has ended."""
        if self.process.poll() is not None:
            said = self.log.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise RuntimeError(f"the operator ended: {said}")
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz").close()
            return True
        return False


def writes(counts: Counts) -> int:
    """Return the writes among requests, those to the lease left out."""
    return sum(n for (verb, kind), n in counts.items() if verb in WRITES and kind != "Lease")


@contextlib.contextmanager
def operator(server: api_server.ApiServer, *, port: int, log: Path) -> Iterator[Operator]:
    """Run ``turnfleet operator`` while the block lasts."""
    command = (
        sys.executable, "-m", "turnfleet", "operator",
        f"--namespace={NAMESPACE}",
        "--relay-image=turnfleet/relay:bench",
        f"--signing-secret={SYSTEM}/turnfleet-signing",
        f"--lease={SYSTEM}/turnfleet-operator",
        f"--listen=127.0.0.1:{port}",
        f"--kubeconfig={server.kubeconfig}",
    )  # fmt: skip
    began = time.monotonic()
    with log.open("wb") as said, subprocess.Popen(command, stderr=said) as process:
        try:
            yield Operator(pid=process.pid, port=port, began=began, process=process, log=log)
        finally:
            process.terminate()


@contextlib.asynccontextmanager
async def connected(server: api_server.ApiServer) -> AsyncIterator[client.Client]:
    """Yield a client of whoever measures."""
    async with client.connected(server.kubeconfig, program="bench") as api:
        yield api


async def prepare(api: client.Client) -> None:
    """Make the kind and the namespaces."""
    crd = yaml.safe_load((_CHECKOUT / "crds" / "turnregions.yaml").read_text(encoding="utf-8"))
    await api.create(kinds.CUSTOM_RESOURCE_DEFINITION, crd)
    for name in (NAMESPACE, SYSTEM):
        with contextlib.suppress(failures.AlreadyExists):
            await api.create(kinds.NAMESPACE, _named(kinds.NAMESPACE, name))
    while True:
        with contextlib.suppress(failures.NotFound):
            await api.page(client.Query(kind=kinds.TURN_REGION))
            return
        await asyncio.sleep(0.2)


async def declare(api: client.Client, numbers: range, *, weight: int = 100) -> None:
    """Create or change regions."""
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one(number: int) -> None:
        async with slots:
            await api.apply(kinds.TURN_REGION, region(number, weight=weight), manager="bench")

    await asyncio.gather(*(one(number) for number in numbers))


async def remove(api: client.Client, numbers: range) -> None:
    """Delete regions."""
    for number in numbers:
        await api.delete(kinds.TURN_REGION, name(number), namespace=NAMESPACE)


def name(number: int) -> str:
    """Return the name of a region."""
    return f"region-{number:04}"


def region(number: int, *, weight: int) -> dict[str, Any]:
    """Return the manifest of a region."""
    return {
        "apiVersion": kinds.TURN_REGION.api_version,
        "kind": kinds.TURN_REGION.name,
        "metadata": {"name": name(number), "namespace": NAMESPACE},
        "spec": {
            "location": {"latitude": number % 180 - 90, "longitude": number % 360 - 180},
            "realm": "turn.example.com",
            "weight": weight,
        },
    }


async def counted_by_server(server: api_server.ApiServer) -> Counts:
    """Return the writes to the kinds of a region that the API server has counted, by verb."""
    text = await asyncio.to_thread(_scrape, server)
    found: dict[tuple[str, str], int] = {}
    for counter, labels, value in _COUNTER.findall(text):
        if counter != "apiserver_request_total":
            continue
        given = dict(_LABEL.findall(labels))
        if given["resource"] in _OURS:
            key = given["verb"].lower(), given["resource"]
            found[key] = found.get(key, 0) + int(float(value))
    return found


def _scrape(server: api_server.ApiServer) -> str:
    return server.get("/metrics")


def _named(kind: kinds.Kind, called: str) -> dict[str, Any]:
    return {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "metadata": {"name": called},
    }
