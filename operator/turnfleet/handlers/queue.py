"""The work queue: several workers, each key on one at a time. ``schedule`` decides who is due."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic

from turnfleet.handlers import schedule

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of working on a key."""

    failure: str = ""
    """A sentence; empty: it worked. A failure is tried again, later each time."""
    wait: float | None = None
    """Least seconds until the next attempt after a failure, where the server asked for that."""
    progressed: bool = False
    """Whether a failed attempt did part of what there was to do."""
    again: float | None = None
    """Seconds after which a key that worked wants to be looked at again; ``None``: never."""


class Queue(Generic[schedule.Key]):
    """Keys that are to be worked on. ``clock`` gives monotonic seconds."""

    def __init__(self, *, clock: Callable[[], float], chance: Callable[[], float]) -> None:
        self._clock = clock
        self._schedule: schedule.Schedule[schedule.Key] = schedule.Schedule(chance=chance)
        self._news = asyncio.Event()
        self._told: dict[schedule.Key, str] = {}
        self._closed = False

    @property
    def depth(self) -> int:
        """Return how many keys are overdue."""
        return self._schedule.waiting(self._clock())

    @property
    def idle(self) -> bool:
        """Return whether nothing is worked on."""
        return self._schedule.idle

    def mark(self, key: schedule.Key, *, after: float = 0.0, afresh: bool = False) -> None:
        """Have a key worked on in ``after`` seconds; marks of one key become one."""
        self._schedule.mark(key, at=self._clock() + after, afresh=afresh)
        self._news.set()

    def close(self) -> None:
        """Take on nothing more; ``work`` returns once what is being worked on is done."""
        self._closed = True
        self._news.set()

    def forget(self, key: schedule.Key) -> None:
        """Take a key away that is gone for good."""
        self._schedule.forget(key)
        self._told.pop(key, None)

    async def work(
        self, handle: Callable[[schedule.Key], Awaitable[Outcome]], *, workers: int
    ) -> None:
        """Work until closed on what is due, on ``workers`` keys at most at a time."""
        slots = asyncio.Semaphore(workers)
        async with asyncio.TaskGroup() as group:
            while True:
                await slots.acquire()
                key = await self._take()
                if key is None:
                    return
                group.create_task(self._attempt(key, handle, slots))

    async def _attempt(
        self,
        key: schedule.Key,
        handle: Callable[[schedule.Key], Awaitable[Outcome]],
        slots: asyncio.Semaphore,
    ) -> None:
        try:
            outcome = await handle(key)
        except Exception:  # noqa: BLE001 - see below
            # A bug in one region must not end the reconciling of all others.
            _log.exception("Reconciling %s failed in a way that nobody foresaw", key)
            outcome = Outcome(failure="an error that nobody foresaw")
        finally:
            slots.release()
        self._finish(key, outcome)

    def _finish(self, key: schedule.Key, outcome: Outcome) -> None:
        now = self._clock()
        if outcome.failure:
            delay = self._schedule.failed(
                key, now=now, wait=outcome.wait, progressed=outcome.progressed
            )
            level = logging.DEBUG if self._told.get(key) == outcome.failure else logging.WARNING
            self._told[key] = outcome.failure
            _log.log(level, "%s: %s; tried again in %.1f s", key, outcome.failure, delay)
        else:
            self._told.pop(key, None)
            again = None if outcome.again is None else now + max(outcome.again, 0.0)
            self._schedule.done(key, now=now, again=again)
        self._news.set()

    async def _take(self) -> schedule.Key | None:
        """Return who is due next, when that is; ``None``: closed meanwhile."""
        while not self._closed:
            self._news.clear()
            key = self._schedule.take(self._clock())
            if key is not None:
                return key
            due = self._schedule.next_due()
            delay = None if due is None else max(due - self._clock(), 0.0)
            # Not wait_for: in Python 3.11 news that come with a cancellation swallow it.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._news.wait()
        return None
