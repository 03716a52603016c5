"""Keeps a replica's sources on disk while it runs, from threads of its own.

What was saved is loaded while answers go on. What changed is saved every ``EVERY`` seconds and once
more at the end. A save that fails is tried again with what changed since; a file that broke, or is
of another fleet key, is written anew with all there is. A disk that does not answer holds up
nothing, the end neither.
"""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent import futures
from typing import Final, TypeVar

from prometheus_client import core

from turnfleet.learn import sources
from turnfleet.learned import merging, store

EVERY: Final = 10.0
"""Seconds between two saves: what a crash may cost."""
RETRY: Final = 60.0
"""Seconds until a save that failed is tried again."""
PATIENCE: Final = 5.0
"""Seconds that the disk has to answer. Longer is worth a sentence, and at the end the end."""

_DROPPED_MAX: Final = 10_000
"""Sources that were dropped and are not yet off the disk: with more, all is written anew."""

_SOON: Final = 0.2
"""Seconds between two looks for the file of the first key."""

_Result = TypeVar("_Result")


class Keeper:
    """Loads what was learned and saves what changes. ``warn`` gets a sentence per new trouble."""

    def __init__(
        self,
        *,
        known: sources.Sources,
        kept: Callable[[], store.Store | None],
        warn: Callable[[str], None],
        every: float = EVERY,
        retry: float = RETRY,
        patience: float = PATIENCE,
    ) -> None:
        """``kept`` gives the file of the fleet's key as it is now; none before that is known."""
        self._known = known
        self._kept = kept
        self._warn = warn
        self._news = known.follow()
        self._every = every
        self._retry = retry
        self._patience = patience
        self._unsaved: set[bytes] = set()
        self._anew = False
        self._bytes = 0
        self.trouble: str | None = None
        """Why nothing is saved at present, if so."""

    @contextlib.asynccontextmanager
    async def running(
        self, *, clock: Callable[[], float], ticks: Callable[[], float]
    ) -> AsyncIterator[None]:
        """Load and save while the block runs, and save at its end.

        ``clock`` gives Unix seconds, ``ticks`` seconds since some moment.
        """
        ending = asyncio.Event()
        keeping = asyncio.create_task(self._keep(ending, clock, ticks), name="keep what is learned")
        try:
            yield
        finally:
            ending.set()
            try:
                async with asyncio.timeout(self._patience):
                    await keeping
            except TimeoutError:
                self._warn(
                    f"what clients taught last may be lost: not saved in {self._patience:g} s"
                )

    def measured(self) -> Iterator[core.Metric]:
        """Yield what is counted."""
        yield core.GaugeMetricFamily(
            "turnfleet_learned_file_in_use",
            "1 while what clients taught is kept on disk, too; 0: a restart would forget it.",
            value=float(self.trouble is None),
        )
        yield core.GaugeMetricFamily(
            "turnfleet_learned_file_bytes",
            "What the file took when it was last written.",
            value=self._bytes,
        )

    async def _keep(
        self, ending: asyncio.Event, clock: Callable[[], float], ticks: Callable[[], float]
    ) -> None:
        while (kept := self._kept()) is None:
            if ending.is_set():
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_SOON):
                    await ending.wait()
        await self._load(kept, ending, clock, ticks)
        ended = False
        while not ended:  # so that there is a save after the end, too
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._retry if self.trouble else self._every):
                    await ending.wait()
            ended = ending.is_set()
            kept = await self._current(kept)
            await self._save(kept)
        await self._attempt(kept.close)

    async def _current(self, kept: store.Store) -> store.Store:
        """Return the file of the key as it is now; another one is begun with all there is."""
        while (current := self._kept()) is not None and current is not kept:
            await self._attempt(kept.close)
            kept, self._anew = current, True
        return kept

    async def _load(
        self,
        kept: store.Store,
        ending: asyncio.Event,
        clock: Callable[[], float],
        ticks: Callable[[], float],
    ) -> None:
        loaded = await self._attempt(kept.load)

        def ended() -> bool:
            return ending.is_set() or self._kept() is not kept

        if loaded is None:
            return
        merged: set[bytes] = set()
        async for piece in merging.merge(
            self._known, loaded, clock=clock, ticks=ticks, ended=ended
        ):
            merged |= piece.told.keys()
            # On disk there is what came from it and stayed as it was.
            looked_at = self._news.take() | piece.told.keys()
            self._unsaved |= {s for s in looked_at if self._known.get(s) != loaded.get(s)}
        if self._kept() is not kept:
            return
        # What is about to be written must not take the place of what an early end left there.
        left = self._unsaved & (loaded.keys() - merged)
        self._known.merge({source: loaded[source] for source in left}, now=clock())

    async def _save(self, kept: store.Store) -> None:
        self._unsaved |= self._news.take()
        if len(self._unsaved) > len(self._known) + _DROPPED_MAX:
            self._unsaved, self._anew = set(), True
        if not self._unsaved and not self._anew:
            return
        anew = self._anew
        told: dict[bytes, sources.Record | None]
        if anew:
            told = dict(self._known.items())
        else:
            told = {source: self._known.get(source) for source in self._unsaved}
        if await self._attempt(lambda: self._written(kept, told, anew=anew)):
            self._unsaved -= told.keys()
            self._anew = False

    def _written(
        self, kept: store.Store, told: Mapping[bytes, sources.Record | None], *, anew: bool
    ) -> bool:
        kept.save(told, anew=anew)
        self._bytes = kept.size()
        return True

    async def _attempt(self, act: Callable[[], _Result]) -> _Result | None:
        acting = asyncio.ensure_future(_in_thread(act))
        if not (await asyncio.wait((acting,), timeout=self._patience))[0]:
            self._complain(f"the disk has not answered for {self._patience:g} s")
        try:
            result = await acting
        except store.Unusable as trouble:
            self._complain(str(trouble))
            self._anew = self._anew or isinstance(trouble, store.Broken)
            return None
        self.trouble = None
        return result

    def _complain(self, sentence: str) -> None:
        if sentence != self.trouble:
            self._warn(f"what clients taught is kept in memory alone: {sentence}")
        self.trouble = sentence


async def _in_thread(act: Callable[[], _Result]) -> _Result:
    """Return what a call that may block for ever returns, from a thread that the end leaves behind.

    An executor's threads are waited for at the end of the program, whoever holds them up.
    """
    result: futures.Future[_Result] = futures.Future()

    def run() -> None:
        result.set_running_or_notify_cancel()
        try:
            result.set_result(act())
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            result.set_exception(error)

    threading.Thread(target=run, name="learned", daemon=True).start()
    return await asyncio.wrap_future(result)
