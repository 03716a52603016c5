"""Merges what is large in pieces, so that answers between them wait no more than some ms."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Final, NamedTuple

from turnfleet.learn import sources

PIECE: Final = 50
"""Sources that are merged in one go: some 5 ms."""
SHARE: Final = 0.2
"""Of the processor, which merging takes at most."""


class Piece(NamedTuple):
    """What was merged in one go."""

    told: Mapping[bytes, sources.Record]
    new: frozenset[bytes]
    """Those of which something was new."""


async def merge(
    known: sources.Sources,
    told: Mapping[bytes, sources.Record],
    *,
    clock: Callable[[], float],
    ticks: Callable[[], float],
    ended: Callable[[], bool] = lambda: False,
) -> AsyncIterator[Piece]:
    """Take what is told, until ``ended``, and yield each piece as it is known.

    ``clock`` gives Unix seconds, ``ticks`` seconds since some moment.
    """
    waiting = iter(told.items())
    while not ended() and (piece := dict(itertools.islice(waiting, PIECE))):
        began = ticks()
        yield Piece(piece, known.merge(piece, now=clock()))
        await asyncio.sleep((ticks() - began) * (1 / SHARE - 1))


class Taker:
    """Takes what replicas tell, one page after the other: several would each take their share."""

    def __init__(
        self,
        known: sources.Sources,
        *,
        clock: Callable[[], float],
        ticks: Callable[[], float],
    ) -> None:
        """``clock`` gives Unix seconds, ``ticks`` seconds since some moment."""
        self._known = known
        self._clock = clock
        self._ticks = ticks
        self._taking = asyncio.Lock()

    async def take(self, told: Mapping[bytes, sources.Record], *, ended: Callable[[], bool]) -> int:
        """Take a page, until ``ended``, and return of how many sources something was new."""
        new = 0
        async with self._taking:
            async for piece in merge(
                self._known, told, clock=self._clock, ticks=self._ticks, ended=ended
            ):
                new += len(piece.new)
        return new
