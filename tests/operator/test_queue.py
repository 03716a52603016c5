import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from turnfleet.handlers import queue

Handle = Callable[[str], Awaitable[queue.Outcome]]


@contextlib.asynccontextmanager
async def _working(handle: Handle, *, workers: int = 4) -> AsyncIterator[queue.Queue[str]]:
    waiting: queue.Queue[str] = queue.Queue(clock=time.monotonic, chance=lambda: 0.0)
    task = asyncio.create_task(waiting.work(handle, workers=workers))
    try:
        yield waiting
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_key_is_worked_on_by_one_at_a_time() -> None:
    at_once, most, times = 0, 0, 0

    async def handle(_: str) -> queue.Outcome:
        nonlocal at_once, most, times
        at_once, times = at_once + 1, times + 1
        most = max(most, at_once)
        await asyncio.sleep(0.02)
        at_once -= 1
        return queue.Outcome()

    async with _working(handle) as waiting:
        for _ in range(20):
            waiting.mark("eu")
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.1)
    assert most == 1
    assert 2 <= times < 20


async def test_no_more_than_the_workers_are_busy() -> None:
    at_once, most = 0, 0

    async def handle(_: str) -> queue.Outcome:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.01)
        at_once -= 1
        return queue.Outcome()

    async with _working(handle, workers=3) as waiting:
        for number in range(30):
            waiting.mark(str(number))
        await asyncio.sleep(0.3)
    assert most == 3


async def test_a_bug_in_one_region_stops_no_other() -> None:
    done = []

    async def handle(key: str) -> queue.Outcome:
        if key == "bad":
            raise ZeroDivisionError
        done.append(key)
        return queue.Outcome()

    async with _working(handle, workers=1) as waiting:
        waiting.mark("bad")
        waiting.mark("good")
        await asyncio.sleep(0.05)
    assert done == ["good"]


async def test_a_failure_is_tried_again() -> None:
    outcomes = [queue.Outcome(failure="no"), queue.Outcome()]
    seen = asyncio.Event()

    async def handle(_: str) -> queue.Outcome:
        outcome = outcomes.pop(0)
        if not outcomes:
            seen.set()
        return outcome

    async with _working(handle) as waiting:
        waiting.mark("eu")
        await asyncio.wait_for(seen.wait(), 2)


async def test_closing_lets_what_is_under_way_end() -> None:
    ended = []

    async def handle(key: str) -> queue.Outcome:
        await asyncio.sleep(0.05)
        ended.append(key)
        return queue.Outcome()

    waiting: queue.Queue[str] = queue.Queue(clock=time.monotonic, chance=lambda: 0.0)
    task = asyncio.create_task(waiting.work(handle, workers=1))
    waiting.mark("first")
    waiting.mark("second")
    await asyncio.sleep(0.01)
    waiting.close()
    await asyncio.wait_for(task, 1)
    assert ended == ["first"]


@pytest.mark.parametrize("turns", range(8))
async def test_news_that_come_with_a_cancellation_do_not_undo_it(turns: int) -> None:
    async def handle(_: str) -> queue.Outcome:
        return queue.Outcome()

    waiting: queue.Queue[str] = queue.Queue(clock=time.monotonic, chance=lambda: 0.0)
    task = asyncio.create_task(waiting.work(handle, workers=1))
    waiting.mark("later", after=60.0)
    for _ in range(5):
        await asyncio.sleep(0)
    waiting.mark("now")
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task}, timeout=1.0)
    assert task.cancelled()


async def test_a_failure_that_stays_the_same_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    failures = ["full", "full", "gone", ""]

    async def handle(_: str) -> queue.Outcome:
        return queue.Outcome(failure=failures.pop(0), progressed=True)

    async with _working(handle) as waiting:
        waiting.mark("eu")
        async with asyncio.timeout(10):
            while failures:  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.01)
    warned = [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]
    assert [said.split(";")[0] for said in warned] == ["eu: full", "eu: gone"]
