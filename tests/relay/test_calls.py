"""The soak's own callers on a real coturn: what they must notice, and what they must not invent."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from tests.calls import call, ledger, walking
from tests.support import coturn

ADDRESS = "127.20.7.1"
AUTHORITY = coturn.authority()
OPEN = walking.Client(question={}, network=walking.Network.OPEN)
TCP = walking.Client(question={}, network=walking.Network.TCP)


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[coturn.Coturn]:
    certificate = AUTHORITY.issue(tmp_path, [ADDRESS])
    async with coturn.running(tmp_path, ADDRESS, certificate=certificate) as running:
        yield running


@contextlib.asynccontextmanager
async def _scene(*urls: str, secret: bytes = coturn.SECRET) -> AsyncIterator[call.Scene]:
    """Give a scene whose endpoint always offers these URLs."""
    username, credential = coturn.credential(secret=secret)
    server = {"urls": urls, "username": username, "credential": credential}

    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"iceServers": [server], "refreshAfter": 45})

    application = web.Application()
    application.add_routes([web.post("/api/get-ice-servers", answer)])
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, ADDRESS, 0).start()
    endpoint = walking.Endpoint(f"http://{ADDRESS}:{runner.addresses[0][1]}", key=None)
    told = ledger.Ledger(began=time.monotonic())
    context = ssl.create_default_context(cadata=AUTHORITY.pem)
    try:
        yield call.Scene(endpoint=endpoint, trusted=context, told=told, every=0.02)
    finally:
        await endpoint.close()
        await runner.cleanup()


URLS = (
    f"turn:{ADDRESS}:3478?transport=udp",
    f"turn:{ADDRESS}:3478?transport=tcp",
    f"turns:{ADDRESS}:5349?transport=tcp",
)


@pytest.mark.usefixtures("relay")
async def test_a_call_loses_nothing_and_leaves_nothing() -> None:
    async with _scene(*URLS) as scene:
        await call.hold(scene, (OPEN, TCP), seconds=1.0, restart_after=0.3)
    tally = scene.told.tallies()[ledger.BETWEEN]
    assert scene.told.notes == []
    assert tally.connections == {ledger.Kind.NEW: 2, ledger.Kind.RESTART: 1}
    assert (tally.sent >= 10, tally.lost) == (True, 0)
    assert scene.told.live.total() == 0


async def test_a_relay_that_dies_ends_the_call_early_and_loses_packets(
    relay: coturn.Coturn,
) -> None:
    async with _scene(*URLS) as scene:
        holding = asyncio.create_task(call.hold(scene, (OPEN, TCP), seconds=30.0))
        await asyncio.sleep(0.7)
        relay.kill()
        await holding
    mishaps = scene.told.tallies()[ledger.BETWEEN].mishaps
    assert mishaps[ledger.Mishap.ENDED_EARLY] >= 1
    assert scene.told.live.total() == 0


@pytest.mark.usefixtures("relay")
async def test_a_wrong_credential_is_told_as_401_and_as_no_connection() -> None:
    async with _scene(*URLS, secret=b"another") as scene:
        await call.hold(scene, (OPEN, TCP), seconds=1.0)
    tally = scene.told.tallies()[ledger.BETWEEN]
    assert tally.mishaps == {ledger.Mishap.NO_CONNECTION: 2}
    assert tally.refusals == {"401": 5}


@pytest.mark.usefixtures("relay")
async def test_a_client_goes_on_past_a_url_where_nobody_listens() -> None:
    async with _scene(f"turn:{ADDRESS}:3999?transport=tcp", *URLS) as scene:
        await call.hold(scene, (TCP, TCP), seconds=0.3)
    tally = scene.told.tallies()[ledger.BETWEEN]
    assert scene.told.notes == []
    assert tally.refusals == {"Closed": 2}


async def test_an_endpoint_that_is_not_there_is_no_answer() -> None:
    endpoint = walking.Endpoint(f"http://{ADDRESS}:9", key=None)
    with pytest.raises(walking.NoAnswer):
        await endpoint.ask(OPEN)
    await endpoint.close()
