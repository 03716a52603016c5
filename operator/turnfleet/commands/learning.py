"""What a program has learned of its clients: in memory, on disk and among replicas, for its life.

The one place that puts these together: the rest of the program sees ``sources`` alone.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from aiohttp import web
from prometheus_client import core

from turnfleet.api import sharing as desk
from turnfleet.commands import together
from turnfleet.learn import page, sources, telling
from turnfleet.learned import keeping, merging, peers, sharing, store

_ANEW: Final = 60.0
"""Seconds until sharing that failed begins anew."""

_log = logging.getLogger("turnfleet.learned")


class Learned:
    """The sources of one program, and what keeps them."""

    def __init__(
        self,
        *,
        state: Path | None,
        clock: Callable[[], float],
        ticks: Callable[[], float],
        every: float = keeping.EVERY,
    ) -> None:
        """``state`` is the folder that has the file; without one, a restart forgets.

        ``every``: seconds between two saves.
        """
        self.sources = sources.Sources()
        self._state = state
        self._file: store.Store | None = None
        self._clock = clock
        self._ticks = ticks
        self._keeper = (
            None
            if state is None
            else keeping.Keeper(
                known=self.sources, kept=lambda: self._file, warn=_log.warning, every=every
            )
        )

    def rekey(self, fleet_key: bytes) -> None:
        """Take the fleet's key, or another one: what was learned under one goes with it."""
        self.sources.clear()
        if self._state is not None:
            self._file = store.Store(self._state, fleet_key=fleet_key)

    @contextlib.asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Keep what is known on disk until the block ends. Waits for no disk at its start."""
        if self._keeper is None:
            yield
            return
        async with self._keeper.running(clock=self._clock, ticks=self._ticks):
            yield

    def measured(self) -> Iterator[core.Metric]:
        """Yield what a scrape sees."""
        yield core.GaugeMetricFamily(
            "turnfleet_learned_facts", "Round trips that are known.", self.sources.facts
        )
        if self._keeper is not None:
            yield from self._keeper.measured()


class Shared:
    """The same among the replicas of a fleet."""

    def __init__(
        self,
        learned: Learned,
        *,
        named: Sequence[peers.Peers],
        fleet_key: Callable[[], bytes | None],
        clock: Callable[[], float],
        ticks: Callable[[], float],
        token: Callable[[int], bytes],
        anew: float = _ANEW,
    ) -> None:
        """``fleet_key`` gives the key as it is now; none before it is known."""
        self._anew = anew
        teller = telling.Teller(learned.sources, epoch=token(page.EPOCH_SIZE))
        taker = merging.Taker(learned.sources, clock=clock, ticks=ticks)
        self._desk = desk.Desk(taker=taker, teller=teller, fleet_key=fleet_key, clock=clock)
        self._sharing = sharing.Sharing(
            known=learned.sources,
            taker=taker,
            teller=teller,
            named=named,
            fleet_key=fleet_key,
            tell=together.News(_log).tell,
            clock=clock,
            ticks=ticks,
            entropy=token,
            rng=random.Random(token(16)),  # noqa: S311 - spreads requests, guards nothing
        )

    def routes(self) -> tuple[web.RouteDef, ...]:
        """Return the routes of an application that tells other replicas."""
        return self._desk.routes()

    @contextlib.asynccontextmanager
    async def parting(self) -> AsyncIterator[None]:
        """Tell others, once the block has ended, what only this program knows."""
        try:
            yield
        finally:
            try:
                await self._sharing.part()
            except Exception:  # noqa: BLE001 - it is a convenience, and must not hold up the end
                _log.exception("What clients taught last may be lost: nobody could be told")

    async def run(self) -> None:
        """Go on for ever: what is wrong with sharing must not end an endpoint that answers."""
        while True:
            try:
                await self._sharing.run()
            except Exception:  # noqa: BLE001 - whatever it is, answers go on
                _log.exception("Sharing what is learned failed; it begins anew in %g s", self._anew)
            await asyncio.sleep(self._anew)

    def measured(self) -> Iterator[core.Metric]:
        """Yield what a scrape sees."""
        yield from self._sharing.measured()
        yield from self._desk.measured()
