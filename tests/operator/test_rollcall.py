import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from tests.support import apiservers

from turnfleet.handlers import rollcall, roster
from turnfleet.kube import client, kinds


@pytest.fixture
async def api(server: apiservers.ApiServer, tmp_path: Path) -> AsyncIterator[client.Client]:
    async with client.connected(server.kubeconfig(tmp_path), program="tests") as made:
        yield made


@contextlib.asynccontextmanager
async def _calling(
    api: client.Client, sleep: Callable[[float], Awaitable[None]]
) -> AsyncIterator[rollcall.RollCall]:
    known = roster.Roster(changed=lambda _: None)
    roll = rollcall.RollCall(api, {known: [client.Query(kind=kinds.TURN_REGION)]}, sleep=sleep)
    task = asyncio.create_task(roll.run())
    try:
        await roll.complete.wait()
        yield roll
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_objects_told_one_by_one_are_one_roll_call(
    server: apiservers.ApiServer, api: client.Client
) -> None:
    left = 3

    async def sleep(_: float) -> None:
        nonlocal left
        await asyncio.sleep(0)
        if left:
            left -= 1
            roll.ask()

    async with _calling(api, sleep) as roll:
        roll.ask()
        await server.until(lambda: server.count("list") == 2)
        await asyncio.sleep(0.1)
    assert left == 0
    assert server.count("list") == 2, "one at the start, and one for all that were told"


async def test_who_never_stops_asking_is_answered_nevertheless(
    server: apiservers.ApiServer, api: client.Client
) -> None:
    async def sleep(_: float) -> None:
        await asyncio.sleep(0)
        roll.ask()

    async with _calling(api, sleep) as roll:
        roll.ask()
        await server.until(lambda: server.count("list") == 2)
