"""A rotation as a whole: an operator, the command, real agents and a real coturn each.

Only the API server and the kubelets are stand-ins: a nudge brings the files that a pod mounts.
"""

import asyncio
import base64
import contextlib
import io
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest_asyncio
from tests.support import agents, operators, simulated, writing

from turnfleet import names
from turnfleet.commands import output, rotating
from turnfleet.kube import kinds
from turnfleet.plan.cluster import rotation
from turnrelay import contract, turn

RELAYS = operators.RELAYS
COUNT = 2


@dataclass(slots=True, kw_only=True)
class Fleet:
    """A region whose relays are real."""

    operator: operators.Running
    relays: list[agents.Agent]
    kubeconfig: Path

    def signed(self) -> str:
        """Return what endpoints sign with."""
        return self.operator.signing()["region.eu"]


def bring(cluster: writing.Cluster, agent: agents.Agent) -> None:
    """Do what a kubelet does: write what the pod mounts."""
    told = cluster.find(kinds.CONFIG_MAP, "turn-eu", namespace=RELAYS)
    secret = cluster.find(kinds.SECRET, "eu-auth", namespace=RELAYS)
    assert told is not None
    assert secret is not None
    agent.put(contract.CONFIG_FILE, told["data"][contract.CONFIG_FILE])
    held = {name: base64.b64decode(value).decode() for name, value in secret["data"].items()}
    for name in (contract.AUTH_PREVIOUS, contract.AUTH_RETIRE_AFTER):
        held.setdefault(name, "")
    # The key that agents are asked with first: none of it counts before the last.
    for name in sorted(held, key=lambda name: name == contract.AUTH_CURRENT):
        agent.put(f"auth/{name}", held[name])


async def keep_nudged(cluster: writing.Cluster, relays: list[agents.Agent]) -> None:
    seen: dict[str, str] = {}
    while True:
        for number, agent in enumerate(relays):
            pod = cluster.find(kinds.POD, f"turn-eu-{number:05}", namespace=RELAYS)
            nudge = (pod or {}).get("metadata", {}).get("annotations", {})
            value = nudge.get(names.ANNOTATION_MOUNTED, "")
            if seen.get(agent.address, "") != value:
                seen[agent.address] = value
                await asyncio.sleep(simulated.REFRESH)
                bring(cluster, agent)
        await asyncio.sleep(0.02)


@pytest_asyncio.fixture
async def fleet(cluster: writing.Cluster, tmp_path: Path) -> AsyncIterator[Fleet]:
    async with contextlib.AsyncExitStack() as stack:
        operator = await stack.enter_async_context(operators.operating_in(cluster, tmp_path))
        for number in range(COUNT):
            await cluster.put(kinds.NODE, simulated.node(number))
        await operator.declare(relays={"replicas": COUNT}, auth={"credentialTTL": "2m"})
        await operator.until(lambda: cluster.find(kinds.REPLICA_SET, "turn-eu", namespace=RELAYS))
        made = cluster.find(kinds.REPLICA_SET, "turn-eu", namespace=RELAYS)
        assert made is not None
        relays = []
        for number in range(COUNT):
            folder = tmp_path / f"relay-{number}"
            folder.mkdir()
            agent = await stack.enter_async_context(agents.prepared(folder))
            pod = simulated.pod(made, number, agent.address)
            stored = await cluster.put(kinds.POD, pod)
            bring(cluster, agent)
            await agent.start(f"--instance={stored['metadata']['uid']}")
            relays.append(agent)
        kubelets = asyncio.create_task(keep_nudged(cluster, relays))
        stack.callback(kubelets.cancel)
        await operator.until(lambda: "region.eu" in operator.signing())
        found = Fleet(operator=operator, relays=relays, kubeconfig=cluster.kubeconfig(tmp_path))
        for agent in relays:
            await opens(agent, found.signed())
        yield found


async def opens(agent: agents.Agent, secret: str) -> None:
    """Wait until a secret opens an allocation."""
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(turn.Failure):
                if await agent.refusal(secret=secret) == 0:
                    return
            await asyncio.sleep(0.1)


async def test_endpoints_never_sign_with_what_a_relay_refuses(fleet: Fleet) -> None:
    before = fleet.signed()
    async with contextlib.AsyncExitStack() as stack:
        calls = [
            await stack.enter_async_context(agent.allocation(secret=before))
            for agent in fleet.relays
        ]
        began = time.monotonic()
        out = io.StringIO()
        command = asyncio.create_task(
            rotating.run(
                "eu",
                rotation.Request(id="r1"),
                kubeconfig=fleet.kubeconfig,
                namespaces=(RELAYS,),
                within=30,
                console=output.Console(out=out, err=out, as_json=False, color=False),
            )
        )
        tried = 0
        while not command.done() or fleet.signed() == before:
            for agent in fleet.relays:
                code = await agent.refusal(secret=fleet.signed(), user=f"client-{tried}")
                assert code in {0, 437}, "437: a local port that another try had"
                tried += 1
            await asyncio.sleep(0.05)
            assert time.monotonic() - began < 30, out.getvalue()
        assert await command == 0, out.getvalue()
        assert fleet.signed() != before
        for agent, call in zip(fleet.relays, calls, strict=True):
            assert await agent.refusal(secret=before) == 0, "good until it expires"
            assert await agent.refusal(secret=fleet.signed()) == 0
            await call.refresh(600)
            assert (await agent.get(contract.PATH_READYZ))[0] == 200
    assert tried >= 2 * COUNT
