"""A replica that ends tells others what nobody has taken from it."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from http import HTTPStatus

import pytest
from tests.support import odd_peers, sharers

from turnfleet.api import sharing as desk
from turnfleet.learn import sources
from turnfleet.learned import merging, peers, sharing


async def test_one_that_ends_tells_what_nobody_has_taken_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sharing, "PARTING", 60.0)  # a busy machine takes longer for so many
    async with sharers.replica() as stays, sharers.replica([stays.url], every=3600) as ends:
        ends.known.merge(sharers.records(20), now=time.time())
        async with sharers.replica([ends.url]) as asks:
            # The second round says that the first has arrived.
            await sharers.until(
                lambda: asks.counted("turnfleet_learned_pages_total", result="Told") > 1
            )
            assert len(asks.known) == 20
        ends.known.merge(sharers.records(2500, start=100), now=time.time())
        await ends.sharing.part()
        assert stays.learned.keys() == sharers.records(2500, start=100).keys()
        assert stays.counted("turnfleet_learned_left_total") == 2500
        await ends.sharing.part()


async def test_one_that_ends_is_held_up_by_nobody() -> None:
    slow = odd_peers.Odd()
    slow.waits = 3600
    async with (
        slow.running() as url,
        sharers.replica() as stays,
        sharers.replica([url, stays.url], every=3600) as ends,
    ):
        ends.known.merge(sharers.records(20), now=time.time())
        async with asyncio.timeout(3 * sharing.PARTING):
            await ends.sharing.part()
        assert len(stays.known) == 20


async def test_pages_that_come_together_are_a_few_and_the_others_are_sent_on() -> None:
    body, hold = odd_peers.a_page(), asyncio.Event()
    reading = asyncio.Semaphore(0)

    async def held() -> AsyncIterator[bytes]:
        reading.release()
        await hold.wait()
        yield body

    async with sharers.replica() as stays, asyncio.TaskGroup() as group:
        url = stays.url.base
        slow = [
            group.create_task(sharers.post(url, held(), signed=body, nonce=bytes([n]) * 16))
            for n in range(desk.AT_ONCE)
        ]
        for _ in slow:
            await reading.acquire()
        refused = await sharers.post(url, body, signed=body, nonce=b"x" * 16)
        assert refused == HTTPStatus.SERVICE_UNAVAILABLE
        assert len(stays.known) == 0
        hold.set()
        assert await asyncio.gather(*slow) == [HTTPStatus.OK] * desk.AT_ONCE
        assert await sharers.post(url, body, signed=body, nonce=b"y" * 16) == HTTPStatus.OK


async def test_pages_are_merged_one_after_the_other() -> None:
    known = sources.Sources()
    taker = merging.Taker(known, clock=time.time, ticks=lambda: 0.0)
    pieces = ""

    def piece_of(page: str) -> bool:
        nonlocal pieces
        pieces += page
        return False

    await asyncio.gather(
        taker.take(sharers.records(120), ended=lambda: piece_of("a")),
        taker.take(sharers.records(120, start=500), ended=lambda: piece_of("b")),
    )
    assert pieces == "aaaabbbb"
    assert len(known) == 240


async def test_one_that_ends_goes_on_from_peers_that_do_not_take_its_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sharing, "FEW", 1)
    busy = odd_peers.Odd()
    busy.status = HTTPStatus.SERVICE_UNAVAILABLE
    async with contextlib.AsyncExitStack() as stack:
        named: list[peers.Peers] = [
            await stack.enter_async_context(busy.running()) for _ in range(8)
        ]
        stays = await stack.enter_async_context(sharers.replica())
        ends = await stack.enter_async_context(sharers.replica([*named, stays.url], every=3600))
        ends.known.merge(sharers.records(20), now=time.time())
        await ends.sharing.part()
        assert stays.learned == ends.learned
