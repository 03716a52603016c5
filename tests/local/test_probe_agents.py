"""What the prober makes of relay agents: load, drains, and agents that answer nonsense."""

import asyncio
import contextlib
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from tests.support import coturn, described, watching

from turnfleet.model import fleet
from turnfleet.probe import agents, cadence

KEY = "a key"
HOST = "127.20.3.9"
A = fleet.RelayKey("here", "a")
B = fleet.RelayKey("here", "b")
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Agent:
    """Serves /status with ``document`` to whoever has the key."""

    port: int = 0
    document: Mapping[str, object] = field(
        default_factory=lambda: {"instance": "1", "state": "Ready", "ready": True, "load": 0.3}
    )

    @property
    def address(self) -> fleet.AgentAddress:
        return fleet.AgentAddress(address=HOST, port=self.port)

    async def status(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return web.Response(status=401)
        return web.json_response(self.document)


@contextlib.asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[int]:
    application = web.Application()
    application.router.add_get("/status", answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, HOST, 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@pytest_asyncio.fixture
async def agent() -> AsyncIterator[Agent]:
    made = Agent()
    async with serving(made.status) as port:
        made.port = port
        yield made


@pytest_asyncio.fixture
async def pair(tmp_path: Path) -> AsyncIterator[tuple[coturn.Coturn, coturn.Coturn]]:
    async with (
        coturn.running(tmp_path / "a", "127.20.3.1") as first,
        coturn.running(tmp_path / "b", "127.20.3.2") as second,
    ):
        yield first, second


async def test_load_and_a_drain_reach_the_verdict_within_two_seconds(
    pair: tuple[coturn.Coturn, coturn.Coturn], agent: Agent
) -> None:
    region = described.region(
        [described.relay(pair[0], "a", agent=agent.address), described.relay(pair[1], "b")]
    )
    async with watching.watching(region, agent_key=KEY) as watch:
        await watch.until(lambda: watch.health[A].load == pytest.approx(0.3))
        assert watch.usage == {A: fleet.Usage(load=0.3)}
        agent.document = {"instance": "1", "state": "Draining", "ready": False}
        await watch.until(lambda: watch.reason(A) is fleet.Reason.DRAINING)
        agent.document = {"instance": "1", "state": "Closed", "ready": True}
        await watch.until(lambda: watch.reason(A) is fleet.Reason.CLOSED)
        agent.document = {"instance": "1", "state": "Ready", "ready": True}
        await watch.until(lambda: watch.reason(A) is None)
        assert watch.reason(B) is None


async def test_a_region_that_is_silent_from_here_is_kept_where_its_agent_is_well(
    pair: tuple[coturn.Coturn, coturn.Coturn], agent: Agent, tmp_path: Path
) -> None:
    async with coturn.running(tmp_path / "c", "127.20.3.3", tcp=False) as unseen:
        unseen.stop()
        elsewhere = described.relay(unseen, "c", region="there", agent=agent.address)
        here = described.region([described.relay(pair[0], "a")])
        region = described.region([elsewhere], name="there")
        async with watching.watching(here, region, agent_key=KEY) as watch:
            key = fleet.RelayKey("there", "c")
            await watch.until(lambda: watch.reason(key) is None)
            assert {why for _, why in watch.health[key].failing} == {fleet.Reason.UNVERIFIED}


async def test_a_relay_that_dies_with_its_agent_is_proven_dead(
    pair: tuple[coturn.Coturn, coturn.Coturn],
) -> None:
    nobody = fleet.AgentAddress(address=HOST, port=1)
    region = described.region([described.relay(pair[0], "a", agent=nobody)])
    other = described.region([described.relay(pair[1], "b")], name="other")
    async with watching.watching(region, other, agent_key=KEY) as watch:
        pair[0].kill()
        await watch.until(lambda: watch.reason(A) is fleet.Reason.UNREACHABLE)


async def nonsense(_: web.Request) -> web.StreamResponse:
    return web.Response(text="{{{")


async def nested(_: web.Request) -> web.StreamResponse:
    return web.Response(text="[" * 60_000)


async def folded(_: web.Request) -> web.StreamResponse:
    document = {"instance": "1", "state": "Ready", "ready": True, "load": 0.3}
    body = gzip.compress(json.dumps(document).encode())
    return web.Response(body=body, headers={"Content-Encoding": "gzip"})


async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    with contextlib.suppress(ConnectionError):
        for _ in range(10_000):
            await response.write(b" " * 65_536)
    return response


async def elsewhere(_: web.Request) -> web.StreamResponse:
    raise web.HTTPFound("http://127.0.0.1/")


async def late(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(5)
    return web.Response()


@pytest.mark.parametrize("answer", [nonsense, nested, folded, endless, elsewhere, late])
async def test_an_agent_that_answers_nonsense_says_nothing(answer: Answer) -> None:
    timeout = cadence.Cadence().status_timeout / 4
    async with serving(answer) as port, agents.Agents(key=KEY, timeout=timeout, at_once=2) as all_:
        assert await all_.ask(fleet.AgentAddress(address=HOST, port=port)) is None


async def test_an_agent_that_is_gone_or_refuses_the_key_says_nothing(agent: Agent) -> None:
    async with agents.Agents(key="wrong", timeout=1, at_once=2) as asked:
        assert await asked.ask(agent.address) is None
        assert await asked.ask(fleet.AgentAddress(address=HOST, port=1)) is None
