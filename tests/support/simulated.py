"""Relays as an operator sees them, many to a process.

Pods with an address each on loopback, whose files follow the nudge as a kubelet's do, and whose
agents answer /status with what is in them.
"""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from turnfleet import names
from turnrelay import config, contract

Object = Mapping[str, Any]
REFRESH: Final = 0.3
"""Seconds that a kubelet takes from a nudge to new files, as measured."""


@dataclass(slots=True, kw_only=True)
class Relay:
    """What the files of one relay hold."""

    uid: str
    nudged: str | None = None
    secret: Mapping[str, str] = field(default_factory=dict)
    live_hash: str = ""

    @property
    def generation(self) -> int:
        """Return the generation of the secret."""
        return int(self.secret.get(contract.AUTH_GENERATION, "0"))

    def accepts(self) -> set[str]:
        """Return the secrets that its coturn accepts."""
        files = (contract.AUTH_CURRENT, contract.AUTH_PREVIOUS)
        return {self.secret[name] for name in files if name in self.secret}


@dataclass(slots=True, kw_only=True)
class Relays:
    """All of them, by address. ``read`` returns the Secret and the ConfigMap as they are."""

    read: Callable[[], tuple[Object, Object]]
    by_address: dict[str, Relay] = field(default_factory=dict)
    away: set[str] = field(default_factory=set)
    """Addresses where nobody answers."""
    port: int = 0
    asked: int = 0

    async def told(self, address: str, pod: Object) -> None:
        """Take a pod as it is: new files come with a new nudge, after a while."""
        nudged = (pod["metadata"].get("annotations") or {}).get(names.ANNOTATION_MOUNTED, "")
        relay = self.by_address.setdefault(address, Relay(uid=pod["metadata"]["uid"]))
        if nudged == relay.nudged:
            return
        first, relay.nudged = relay.nudged is None, nudged
        if not first:
            await asyncio.sleep(REFRESH)
        self.mount(relay)

    def mount(self, relay: Relay) -> None:
        """Bring a relay's files up to date."""
        secret, told = self.read()
        relay.secret = {
            name: base64.b64decode(value).decode() for name, value in secret["data"].items()
        }
        found = config.parse(told["data"][contract.CONFIG_FILE].encode())
        assert isinstance(found, config.Config)
        relay.live_hash = found.live.digest

    async def answer(self, request: web.Request) -> web.Response:
        """Answer /status."""
        self.asked += 1
        address = request.host.partition(":")[0]
        relay = self.by_address.get(address)
        if relay is None or address in self.away:
            return web.Response(status=503)
        if request.headers.get("Authorization") != f"Bearer {relay.secret[contract.AGENT_KEY]}":
            return web.Response(status=401)
        return web.json_response(
            {
                "instance": relay.uid,
                "state": "Ready",
                "ready": True,
                "generation": relay.generation,
                "provenGeneration": relay.generation,
                "allocations": 0,
                "liveHash": relay.live_hash,
                "complaints": [],
            }
        )


@contextlib.asynccontextmanager
async def serving(relays: Relays) -> AsyncIterator[Relays]:
    """Run the agents while the block lasts."""
    application = web.Application()
    application.router.add_get(contract.PATH_STATUS, relays.answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    # Every address of 127.0.0.0/8 is this one.
    await web.TCPSite(runner, "0.0.0.0", 0).start()  # noqa: S104 - loopback only is asked
    relays.port = runner.addresses[0][1]
    try:
        yield relays
    finally:
        await runner.cleanup()


def pod(replica_set: Object, number: int, address: str) -> dict[str, Any]:
    """Return a relay's pod as its kubelet runs it."""
    template = replica_set["spec"]["template"]
    about = replica_set["metadata"]
    owner = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": about["name"],
        "uid": about["uid"],
        "controller": True,
    }
    return {
        "metadata": {
            **template["metadata"],
            "namespace": about["namespace"],
            "name": f"{about['name']}-{number:05}",
            "ownerReferences": [owner],
        },
        "spec": {**template["spec"], "nodeName": f"node-{number}"},
        "status": {
            "phase": "Running",
            "podIP": address,
            "podIPs": [{"ip": address}],
            "conditions": [
                {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
            ],
        },
    }


def node(number: int, *, ready: bool = True) -> dict[str, Any]:
    """Return a node with a public address."""
    address = f"203.0.{113 + number // 250}.{number % 250 + 1}"
    return {
        "metadata": {
            "name": f"node-{number}",
            "annotations": {names.ANNOTATION_ADDRESSES: address},
        },
        "status": {"conditions": [{"type": "Ready", "status": "True" if ready else "False"}]},
    }
