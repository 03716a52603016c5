"""Merges what is large in pieces, so that answers between them wait no more than some ms."""

import asyncio
import itertools
from collections.abc import Callable, Mapping
from typing import Final

from turnfleet.learn import sources

PIECE: Final = 50
"""Sources that are merged in one go: some 5 ms."""
SHARE: Final = 0.2
"""Of the processor, which merging takes at most."""


async def merge(
    known: sources.Sources,
    told: Mapping[bytes, sources.Record],
    *,
    clock: Callable[[], float],
    ticks: Callable[[], float],
    ended: Callable[[], bool] = lambda: False,
) -> int:
    """Take what is told, until ``ended``, and return of how many sources something was new.

    ``clock`` gives Unix seconds, ``ticks`` seconds since some moment.
    """
    new = 0
    waiting = iter(told.items())
    while not ended() and (piece := dict(itertools.islice(waiting, PIECE))):
        began = ticks()
        new += len(known.merge(piece, now=clock()))
        await asyncio.sleep((ticks() - began) * (1 / SHARE - 1))
    return new
