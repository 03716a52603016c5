"""``turnfleet api`` as a process of its own, over a cluster that a test makes up."""

import asyncio
import base64
import contextlib
import hashlib
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
from tests.support import apiservers, coturn, ports

from turnfleet.kube import kinds

KEY: Final = "the first key"
FLEET_KEY: Final = "ab" * 32
COMMAND: Final = (sys.executable, "-m", "turnfleet", "api")
SECRET: Final = {"fleet-key": FLEET_KEY, "region.eu": coturn.SECRET.decode()}


def a_turnregion(
    name: str = "eu",
    *relays: Mapping[str, Any],
    namespace: str = "media",
    spec: Mapping[str, Any] | None = None,
    **about: Any,
) -> dict[str, Any]:
    """Return a TurnRegion as the API server has it."""
    return {
        "apiVersion": "turnfleet.io/v1alpha1",
        "kind": "TurnRegion",
        "metadata": {"name": name, "namespace": namespace, **about},
        "spec": {
            "location": {"latitude": 50.0, "longitude": 8.0},
            "realm": coturn.REALM,
            "listeners": {"udp": {"port": 3478}, "tcp": {"port": 3478}},
            **(spec or {}),
        },
        "status": {"observedGeneration": 1, "relays": list(relays)},
    }


def a_relay(name: str, address: str, *, state: str = "Ready", **more: Any) -> dict[str, Any]:
    """Return an item of ``status.relays``."""
    return {
        "name": name,
        "instance": f"uid-of-{name}",
        "node": f"node-of-{name}",
        "zone": "a",
        "addresses": [address],
        "ports": {"udp": 3478, "tcp": 3478},
        "state": state,
        "since": "2026-01-01T00:00:00Z",
        "version": "4.18.0",
        **more,
    }


def a_secret(entries: Mapping[str, str] = SECRET) -> dict[str, Any]:
    """Return the Secret turnfleet-signing."""
    return {
        "metadata": {"name": "turnfleet-signing", "namespace": "turnfleet"},
        "data": {k: base64.b64encode(v.encode()).decode() for k, v in entries.items()},
    }


def write_keys(folder: Path, **keys: str) -> None:
    """Have just these API keys valid, as the kubelet replaces a mounted folder."""
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for name, key in keys.items():
        (folder / name).write_text(f"sha256:{hashlib.sha256(key.encode()).hexdigest()}\n")


def write_signing(folder: Path, entries: Mapping[str, str] = SECRET) -> None:
    """Fill the mounted Secret."""
    folder.mkdir(exist_ok=True)
    for name, value in entries.items():
        (folder / name).write_text(value)


@dataclass(slots=True, kw_only=True)
class Replica:
    """A running ``turnfleet api``."""

    process: asyncio.subprocess.Process
    port: int
    metrics_port: int
    log: Path

    async def get(
        self, path: str, *, key: str | None = KEY, port: int | None = None
    ) -> tuple[int, Any]:
        """Return status and body: JSON where it is, else text; 0 where nobody listens."""
        headers = {"Authorization": f"Bearer {key}"} if key is not None else {}
        url = f"http://127.0.0.1:{port or self.port}{path}"
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.get(url, headers=headers) as answer,
            ):
                if "json" in answer.content_type:
                    return answer.status, await answer.json(content_type=None)
                return answer.status, await answer.text()
        except aiohttp.ClientConnectionError:
            return 0, ""

    async def ask(self, **query: str) -> tuple[int, Any]:
        """Ask for servers."""
        more = "&".join(f"{name}={value}" for name, value in query.items())
        return await self.get(f"/api/get-ice-servers?{more}")

    async def metric(self, name: str) -> float:
        """Return a metric without labels."""
        _, text = await self.get("/metrics", port=self.metrics_port)
        lines = [line for line in text.splitlines() if line.startswith(f"{name} ")]
        assert lines, text
        return float(lines[0].split()[1])

    async def until(
        self, path: str, status: int, *, port: int | None = None, within: float = 60.0
    ) -> str:
        """Wait until a path answers with a status; return the body."""
        seen: tuple[int, Any] = (0, "")
        try:
            async with asyncio.timeout(within):
                while (seen := await self.get(path, port=port))[0] != status:  # noqa: ASYNC110 - a process
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{path}: {seen}\n{self.log.read_text()}") from None
        return str(seen[1])

    async def until_named(self, *names: str, within: float = 60.0) -> None:
        """Wait until just these relays are known, whether or not they can be offered."""
        found: set[str] = set()
        async with asyncio.timeout(within):
            while found != set(names):
                await asyncio.sleep(0.05)
                _, body = await self.get("/api/regions")
                found = {one["name"] for region in body["regions"] for one in region["relays"]}

    async def until_relays(self, *names: str, within: float = 60.0) -> None:
        """Wait until just these relays can be offered."""
        found: set[str] = set()
        try:
            async with asyncio.timeout(within):
                while found != set(names):
                    await asyncio.sleep(0.05)
                    _, body = await self.get("/api/regions")
                    found = {
                        relay["name"]
                        for region in body["regions"]
                        for relay in region["relays"]
                        if relay["usable"]
                    }
        except TimeoutError:
            raise AssertionError(f"{found}\n{self.log.read_text()}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The folders of one replica's pod."""

    root: Path

    @property
    def keys(self) -> Path:
        return self.root / "keys"

    @property
    def signing(self) -> Path:
        return self.root / "signing"

    @property
    def state(self) -> Path:
        return self.root / "state"


def a_place(root: Path) -> Place:
    """Make the folders: one API key, nothing to sign with."""
    root.mkdir(exist_ok=True)
    place = Place(root=root)
    write_keys(place.keys, first=KEY)
    place.signing.mkdir()
    return place


@contextlib.asynccontextmanager
async def running(
    place: Place, server: apiservers.ApiServer, *flags: str, delay: str = "0"
) -> AsyncIterator[Replica]:
    """Run a replica until the block ends; killed if it has not ended by itself."""
    log = place.root / "log"
    port, metrics_port = ports.reserve(), ports.reserve()
    command: Sequence[str] = (
        *COMMAND, "--namespace=media",
        f"--signing={place.signing}", "--signing-secret=turnfleet/turnfleet-signing",
        f"--state={place.state}", f"--api-keys={place.keys}",
        f"--kubeconfig={server.kubeconfig(place.root)}", f"--listen=127.0.0.1:{port}",
        f"--metrics-listen=127.0.0.1:{metrics_port}", f"--shutdown-delay={delay}", *flags,
    )  # fmt: skip
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(*command, stdout=output, stderr=output)
    replica = Replica(process=process, port=port, metrics_port=metrics_port, log=log)
    try:
        await replica.until("/healthz", 200)
        await replica.until("/metrics", 200, port=metrics_port)
        yield replica
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(60):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
                raise
        assert process.returncode == 0, log.read_text()
        assert "Traceback" not in log.read_text()


async def publish(server: apiservers.ApiServer, *relays: Mapping[str, Any]) -> None:
    """Have one region with these relays, and its Secret."""
    await server.put(kinds.TURN_REGION, a_turnregion("eu", *relays))
    await server.put(kinds.SECRET, a_secret())
