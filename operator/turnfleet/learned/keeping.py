"""Keeps a replica's sources on disk while it runs, from a thread of its own.

What changed is saved every ``EVERY`` seconds and once more at the end. A save that fails is tried
again with what changed since; a file that broke is written anew with all there is.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent import futures
from typing import Final, TypeVar

from turnfleet.learn import sources
from turnfleet.learned import store

EVERY: Final = 10.0
"""Seconds between two saves: what a crash may cost."""
RETRY: Final = 60.0
"""Seconds until a save that failed is tried again."""

_DROPPED_MAX: Final = 10_000
"""Sources that were dropped and are not yet off the disk: with more, all is written anew."""

_Result = TypeVar("_Result")


class Keeper:
    """Loads what was learned and saves what changes. ``warn`` gets a sentence per new trouble."""

    def __init__(
        self,
        *,
        known: sources.Sources,
        kept: store.Store,
        warn: Callable[[str], None],
        every: float = EVERY,
        retry: float = RETRY,
    ) -> None:
        self._known = known
        self._store = kept
        self._warn = warn
        self._news = known.follow()
        self._every = every
        self._retry = retry
        self._unsaved: set[bytes] = set()
        self._anew = False
        self.trouble: str | None = None
        """Why nothing is saved at present, if so."""

    @contextlib.asynccontextmanager
    async def running(self, *, clock: Callable[[], float]) -> AsyncIterator[None]:
        """Load, save while the block runs, and save at its end. ``clock``: Unix seconds."""
        with futures.ThreadPoolExecutor(max_workers=1, thread_name_prefix="learned") as thread:
            await self._load(thread, clock())
            ending = asyncio.Event()
            saving = asyncio.create_task(self._save_until(ending, thread))
            try:
                yield
            finally:
                ending.set()
                await saving
                await self._attempt(thread, self._store.close)

    async def _load(self, thread: futures.Executor, now: float) -> None:
        loaded = await self._attempt(thread, self._store.load)
        if loaded is not None:
            # What came meanwhile is not on disk yet; of what is, only what merging made another.
            self._unsaved |= self._news.take()
            self._known.merge(loaded, now=now)
            self._news.take()
            self._unsaved |= {s for s, record in loaded.items() if self._known.get(s) != record}

    async def _save_until(self, ending: asyncio.Event, thread: futures.Executor) -> None:
        ended = False
        while not ended:  # so that there is a save after the end, too
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._retry if self.trouble else self._every):
                    await ending.wait()
            ended = ending.is_set()
            await self._save(thread)

    async def _save(self, thread: futures.Executor) -> None:
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
        if await self._attempt(thread, lambda: self._written(told, anew=anew)):
            self._unsaved -= told.keys()
            self._anew = False

    def _written(self, told: Mapping[bytes, sources.Record | None], *, anew: bool) -> bool:
        self._store.save(told, anew=anew)
        return True

    async def _attempt(
        self, thread: futures.Executor, act: Callable[[], _Result]
    ) -> _Result | None:
        try:
            result = await asyncio.get_running_loop().run_in_executor(thread, act)
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
