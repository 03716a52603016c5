"""A replica that ends tells others what nobody has taken from it."""

import asyncio
import time

import pytest
from tests.support import odd_peers, sharers

from turnfleet.learned import sharing


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
