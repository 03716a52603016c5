"""Hears from a fleet's other replicas what their clients taught, and goes on doing so.

Each replica asks a few others, by chance, for what changed since it last asked them. What it takes
over counts as changed here, so that it goes on to those who ask this one. As merging is in any
order the same, all replicas come to know the same, over lost pages, repeated ones, restarts, and
any way between clusters that are named to each other. Nobody leads and nobody counts replicas.

A replica that ends cannot wait to be asked: it tells some others what nobody has taken from it.
"""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from prometheus_client import core

from turnfleet.learn import page, sources, telling
from turnfleet.learned import backing_off, cursors, merging, peers, pulling, vouching

EVERY: Final = 30.0
"""Seconds between two rounds, more or less: how old news are when they come, per replica passed."""
FEW: Final = 4
"""Replicas that are asked in a round: in the largest fleets news need a round or two more."""
PAGES: Final = 256
"""Pages of one peer in a round: more than all facts fill, and an end with one that has no end."""
LONGEST: Final = 120.0
"""Seconds with one peer in a round: the rest comes in the next one, and others are asked again."""
PARTING: Final = 4.0
"""Seconds that an end takes to tell others, at most: a peer merges 2,000 sources meanwhile."""
LAST: Final = 5 * page.RECORDS_MAX
"""Changes that are told at an end, at most: the last ones. More than half a minute's."""

_SOON: Final = 2.0
"""Seconds until the first round, at most; and between two looks for a key."""
_OFTEN: Final = 1.0
"""Seconds between two notes of what changed."""


class Sharing:
    """Asks the peers. ``tell`` gets all sentences that are true of them, after each round."""

    def __init__(
        self,
        *,
        known: sources.Sources,
        taker: merging.Taker,
        teller: telling.Teller,
        named: Sequence[peers.Peers],
        fleet_key: Callable[[], bytes | None],
        tell: Callable[[Sequence[str]], None],
        clock: Callable[[], float],
        ticks: Callable[[], float],
        entropy: Callable[[int], bytes],
        rng: random.Random,
        every: float = EVERY,
    ) -> None:
        """``clock`` gives Unix seconds, ``ticks`` seconds since some moment."""
        self._known = known
        self._taker = taker
        self._teller = teller
        self._named = named
        self._fleet_key = fleet_key
        self._tell = tell
        self._clock = clock
        self._ticks = ticks
        self._rng = rng
        self._every = every
        self._entropy = entropy
        self._puller = pulling.Puller(entropy=entropy)
        self._cursors = cursors.Cursors(teller.epoch)
        self._failing = backing_off.Peers(first=every)
        self._lapses = 0
        self._selves: set[str] = set()
        self._pages: Counter[str] = Counter()
        self._new = 0
        self._found = 0

    async def run(self) -> None:
        """Go on for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen(), name="listen to what is learned")
            group.create_task(self._ask(), name="ask other replicas")

    async def _listen(self) -> None:
        while True:
            await asyncio.sleep(_OFTEN)
            self._teller.hear()

    async def _ask(self) -> None:
        async with self._puller:
            wait = min(_SOON, self._every)
            while True:
                await asyncio.sleep(wait * self._rng.uniform(0.5, 1))
                wait = self._every * 1.3
                key = self._fleet_key()
                if key is None:
                    wait = min(_SOON, self._every)
                else:
                    await self.round(key)

    async def part(self) -> None:
        """Tell a few peers what nobody has taken. Call it when nothing comes any more."""
        key = self._fleet_key()
        cursor = self._teller.untaken(most=LAST)
        if key is None or not self._teller.tell({self._teller.epoch: cursor}).records:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PARTING), pulling.Puller(entropy=self._entropy) as puller:
                # Of all: one that failed before may be back.
                found = await self._find()
                bases = iter(self._rng.sample(found, len(found)))
                voucher = vouching.Voucher(key)
                await asyncio.gather(
                    *(self._tell_one(puller, bases, cursor, voucher) for _ in range(FEW))
                )

    async def _tell_one(
        self,
        puller: pulling.Puller,
        bases: Iterator[str],
        cursor: int,
        voucher: vouching.Voucher,
    ) -> None:
        """Tell one peer all after a cursor: the next one that takes it."""
        for base in bases:
            if await self._tell_rest(puller, base, cursor, voucher):
                return

    async def _tell_rest(
        self, puller: pulling.Puller, base: str, cursor: int, voucher: vouching.Voucher
    ) -> bool:
        """Tell a peer all after a cursor, page by page, and return whether it took all."""
        more = True
        while more:
            told = self._teller.tell({self._teller.epoch: cursor})
            if await puller.tell(base, told, voucher=voucher, now=self._clock()) is not None:
                return False
            cursor, more = told.cursor, told.more
        return True

    async def round(self, key: bytes) -> None:
        """Ask a few peers for all that they have to tell."""
        if self._known.lapses != self._lapses:
            # What a clock that was ahead took for too old was heard, and is not known any more.
            self._lapses = self._known.lapses
            self._cursors.forget()
        found = await self._find()
        due = [base for base in found if self._failing.may_ask(base, now=self._ticks())]
        chosen = self._rng.sample(due, min(FEW, len(due)))
        await asyncio.gather(*(self._hear(base, key) for base in chosen))
        self._tell(self._failing.complaints)

    def measured(self) -> Iterator[core.Metric]:
        """Yield what is counted."""
        pages = core.CounterMetricFamily(
            "turnfleet_learned_pages",
            "Pages asked of other replicas, by what became of it.",
            labels=("result",),
        )
        for result in ("Told", *(trouble.name.title() for trouble in pulling.Trouble)):
            pages.add_metric((result,), self._pages[result])
        yield pages
        yield core.CounterMetricFamily(
            "turnfleet_learned_news",
            "Sources of which another replica told something new.",
            value=self._new,
        )
        yield core.GaugeMetricFamily(
            "turnfleet_learned_peers",
            "Other replicas and clusters that were found when they were last looked for.",
            value=self._found,
        )

    async def _find(self) -> tuple[str, ...]:
        """Return where others are."""
        found: dict[str, peers.Peers] = {}
        unresolved = []
        for named in self._named:
            try:
                bases = await peers.find(named)
            except (OSError, UnicodeError):
                unresolved.append(str(named))
                self._failing.failed(str(named), "has no address", now=self._ticks())
            else:
                found.update(dict.fromkeys(bases, named))
        self._selves &= found.keys()
        others = tuple(
            base
            for base, named in found.items()
            # Behind a URL somebody else may answer the next time.
            if base not in self._selves or isinstance(named, peers.Url)
        )
        self._failing.keep_only({*others, *unresolved})
        self._found = len(others)
        return others

    async def _hear(self, base: str, key: bytes) -> None:
        """Take what one peer has to tell, page by page, for as long as the key is this one."""
        until, voucher = self._ticks() + LONGEST, vouching.Voucher(key)

        def ended() -> bool:
            return self._fleet_key() != key

        for _ in range(PAGES):
            query = self._cursors.query()
            told = await self._puller.ask(base, query, voucher=voucher, now=self._clock())
            if isinstance(told, page.Page) and told.epoch == self._teller.epoch:
                self._selves.add(base)
                return
            if isinstance(told, page.Page) and told.more and not told.records:
                told = pulling.Trouble.ODD  # it would have no end
            if isinstance(told, pulling.Trouble):
                self._pages[told.name.title()] += 1
                self._failing.failed(base, told.value, now=self._ticks())
                return
            self._pages["Told"] += 1
            self._failing.worked(base)
            self._new += await self._taker.take(told.records, ended=ended)
            # Only now: what is lost before is told again.
            self._cursors.move(told.epoch, told.cursor)
            if not told.more or self._ticks() > until or ended():
                return
