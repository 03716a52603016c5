"""The program itself: two replicas, as a Deployment runs them."""

import asyncio
import contextlib
import datetime as dt
import json
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from tests.support import operators, ports, writing

from turnfleet.kube import kinds, leading


@dataclass(slots=True, kw_only=True)
class Replica:
    process: asyncio.subprocess.Process
    port: int

    async def get(self, path: str) -> tuple[int, str]:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{self.port}{path}") as answer,
        ):
            return answer.status, await answer.text()

    async def leads(self) -> bool:
        with contextlib.suppress(aiohttp.ClientError):
            return "turnfleet_operator_leading 1.0" in (await self.get("/metrics"))[1]
        return False

    async def until_answering(self) -> None:
        async with asyncio.timeout(60):
            while True:
                with contextlib.suppress(aiohttp.ClientError):
                    await self.get("/healthz")
                    return
                await asyncio.sleep(0.1)

    async def until_leading(self) -> None:
        async with asyncio.timeout(60):
            while True:
                if await self.leads():
                    return
                await asyncio.sleep(0.1)

    async def ended(self, by: signal.Signals) -> tuple[int, str]:
        self.process.send_signal(by)
        _, said = await asyncio.wait_for(self.process.communicate(), 60)
        return self.process.returncode or 0, said.decode()


@contextlib.asynccontextmanager
async def _replica(cluster: writing.Cluster, folder: Path) -> AsyncIterator[Replica]:
    port = ports.reserve()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "turnfleet", "operator",
        f"--namespace={operators.RELAYS}",
        "--relay-image=turnfleet/relay:test",
        f"--signing-secret={operators.SYSTEM}/turnfleet-signing",
        f"--lease={operators.SYSTEM}/turnfleet-operator",
        f"--listen=127.0.0.1:{port}",
        f"--kubeconfig={cluster.kubeconfig(folder)}",
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield Replica(process=process, port=port)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


def _lease(cluster: writing.Cluster) -> dict[str, str]:
    """Return what the replicas themselves say of when they led."""
    lease = cluster.find(kinds.LEASE, "turnfleet-operator", namespace=operators.SYSTEM)
    assert lease is not None
    spec: dict[str, str] = lease["spec"]
    return spec


def _seconds(earlier: str, later: str) -> float:
    return (dt.datetime.fromisoformat(later) - dt.datetime.fromisoformat(earlier)).total_seconds()


async def test_a_replica_that_is_told_to_end_hands_over_at_once_and_leaves_with_zero(
    cluster: writing.Cluster, tmp_path: Path
) -> None:
    await operators.declare(cluster)
    async with _replica(cluster, tmp_path) as first:
        await first.until_leading()
        async with _replica(cluster, tmp_path) as second:
            await cluster.until(lambda: bool(cluster.all(kinds.REPLICA_SET)))
            await second.until_answering()
            assert await second.get("/readyz") == (200, "ok\n"), "a standby is ready"
            assert not await second.leads()
            code, said = await first.ended(signal.SIGTERM)
            assert code == 0
            assert all(json.loads(line) for line in said.splitlines()), "the log is JSON"
            before = _lease(cluster)["renewTime"]
            await second.until_leading()
            assert _seconds(before, _lease(cluster)["acquireTime"]) < leading.LASTS / 2
            code, _ = await second.ended(signal.SIGINT)
            assert code == 0


async def test_a_replica_that_was_killed_is_followed_within_fifteen_seconds(
    cluster: writing.Cluster, tmp_path: Path
) -> None:
    async with _replica(cluster, tmp_path) as first:
        await first.until_leading()
        async with _replica(cluster, tmp_path) as second:
            await second.until_answering()
            await asyncio.sleep(1)  # it has seen who leads
            await first.ended(signal.SIGKILL)
            before = _lease(cluster)["renewTime"]
            await second.until_leading()
            assert _seconds(before, _lease(cluster)["acquireTime"]) < 15
