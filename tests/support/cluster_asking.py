"""Asks an endpoint over and over while something happens, and judges every answer."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from typing import Final

from tests.support import cluster_fleet

from turnfleet.commands import asking

Offers = tuple[asking.Offer, ...]
Judgement = Callable[[Offers], bool]

_IN_A_ROW: Final = 8
"""Answers that have to agree: the service spreads them over the endpoint's replicas."""


async def until(back_end: cluster_fleet.BackEnd, good: Judgement, *, within: float) -> float:
    """Return the seconds until the first of many answers in a row that are good."""
    began = time.monotonic()
    since, agreed = began, 0
    while agreed < _IN_A_ROW:
        asked = time.monotonic()
        if good(offers := await back_end.ask()):
            since, agreed = (since if agreed else asked), agreed + 1
        else:
            agreed = 0
        assert time.monotonic() - began < within, offers
        await asyncio.sleep(0.05)
    return since - began


@contextlib.asynccontextmanager
async def always(back_end: cluster_fleet.BackEnd, good: Judgement) -> AsyncIterator[None]:
    """Ask all the while that the block lasts; every single answer has to be good."""
    bad: list[Offers] = []

    async def watch() -> None:
        while True:
            offers = await back_end.ask()
            if not good(offers):
                bad.append(offers)
            await asyncio.sleep(0.2)

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.wait([watching])
    assert not bad, f"{len(bad)} answers, the first: {bad[0]}"
