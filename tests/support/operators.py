"""An operator in this process, on a server on loopback that takes writes as Kubernetes does."""

import asyncio
import base64
import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import apiservers, writing

from turnfleet.handlers import metrics, operating, options
from turnfleet.kube import client, kinds, leading
from turnfleet.plan.cluster import observed

RELAYS = "relays"
SYSTEM = "turnfleet"


@dataclass(slots=True, kw_only=True)
class Running:
    """A running operator and the cluster it is in."""

    cluster: writing.Cluster
    whole: operating.Operator
    counted: metrics.Metrics

    async def declare(self, name: str = "eu", **spec: Any) -> apiservers.Object:
        """Create or change a TurnRegion."""
        return await declare(self.cluster, name, **spec)

    def status(self, name: str = "eu", *, namespace: str = RELAYS) -> dict[str, str]:
        """Return a region's conditions: type and status."""
        return {kind: one["status"] for kind, one in self.conditions(name, namespace).items()}

    def conditions(self, name: str = "eu", namespace: str = RELAYS) -> dict[str, dict[str, str]]:
        """Return a region's conditions by type."""
        found = self.cluster.find(kinds.TURN_REGION, name, namespace=namespace) or {}
        return {one["type"]: one for one in found.get("status", {}).get("conditions", ())}

    def signing(self) -> dict[str, str]:
        """Return what endpoints sign with."""
        found = self.cluster.find(kinds.SECRET, "turnfleet-signing", namespace=SYSTEM) or {}
        data = found.get("data", {})
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def figures(self) -> str:
        """Return the operator's metrics."""
        return self.counted.expose().decode()

    async def until(self, condition: Callable[[], object], *, within: float = 60.0) -> None:
        """Wait for something, and say what there is where it does not come."""
        try:
            await self.cluster.until(lambda: bool(condition()), within=within)
        except TimeoutError:
            raise AssertionError(
                f"it did not come; asked for: {self.cluster.asked[-20:]}"
            ) from None

    async def settled(self) -> None:
        """Wait until nothing was written for half a second."""
        seen, since = -1, time.monotonic()
        async with asyncio.timeout(60):
            while time.monotonic() - since < 0.6:
                if (now := len(self.cluster.writes())) != seen:
                    seen, since = now, time.monotonic()
                await asyncio.sleep(0.05)


async def declare(
    cluster: writing.Cluster,
    name: str = "eu",
    *,
    namespace: str = RELAYS,
    created: str = "2026-01-01T00:00:00Z",
    **spec: Any,
) -> apiservers.Object:
    """Create or change a TurnRegion, as kubectl would."""
    known = cluster.find(kinds.TURN_REGION, name, namespace=namespace) or {}
    about = known.get("metadata", {})
    before = known.get("spec", {"location": {"latitude": 50, "longitude": 8}, "realm": "turn.test"})
    return await cluster.put(
        kinds.TURN_REGION,
        {
            **known,
            "apiVersion": kinds.TURN_REGION.api_version,
            "kind": kinds.TURN_REGION.name,
            "metadata": {
                "creationTimestamp": created,
                **about,
                "namespace": namespace,
                "name": name,
                "generation": about.get("generation", 0) + 1,
            },
            "spec": before | spec,
        },
    )


@contextlib.asynccontextmanager
async def operating_in(
    cluster: writing.Cluster,
    folder: Path,
    *,
    regions: Path | None = None,
    namespaces: tuple[str, ...] = (RELAYS,),
) -> AsyncIterator[Running]:
    """Run an operator while the block lasts; it is ready when that begins."""
    counted = metrics.Metrics()
    leads = cluster.kubeconfig(folder)
    async with operating_at(
        leads, regions=regions, namespaces=namespaces, counted=counted
    ) as whole:
        yield Running(cluster=cluster, whole=whole, counted=counted)


@contextlib.asynccontextmanager
async def operating_at(
    kubeconfig: Path,
    *,
    counted: metrics.Metrics,
    regions: Path | None = None,
    namespaces: tuple[str, ...] = (RELAYS,),
) -> AsyncIterator[operating.Operator]:
    """Run an operator on the server that a kubeconfig leads to."""
    rng = random.Random(7)  # noqa: S311 - the same in every run
    chosen = options.Options(
        namespaces=namespaces,
        signing=(SYSTEM, "turnfleet-signing"),
        lease=(SYSTEM, "turnfleet-operator"),
        policy=observed.Policy(relay_image="turnfleet/relay:test"),
        most_rolling=1,
        regions=regions,
        listen=("127.0.0.1", 0),
        kubeconfig=kubeconfig,
    )
    around = options.Around(
        clock=time.monotonic,
        wall=time.time,
        entropy=rng.randbytes,
        rng=rng,
        instance="test",
    )
    async with client.connected(
        chosen.kubeconfig, program="test", counted=counted.requested
    ) as api:
        lead = leading.Leading(
            api,
            namespace=SYSTEM,
            name="turnfleet-operator",
            identity="test",
            clock=time.monotonic,
            wall=time.time,
        )
        await lead.acquire()
        whole = operating.Operator(api, chosen, around, counted=counted, lead=lead)
        asked = asyncio.Event()
        task = asyncio.create_task(whole.run(asked))
        try:
            async with asyncio.timeout(60):
                while not task.done() and (  # noqa: ASYNC110 - several parts decide
                    not whole.running or whole.unready()
                ):
                    await asyncio.sleep(0.01)
            yield whole
        finally:
            asked.set()
            await task
