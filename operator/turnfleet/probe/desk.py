"""Runs one kind of probe as tasks: so many at once, one per relay, a bug in one hurts no other."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Final

from turnfleet.model import fleet
from turnfleet.probe import pacing, stats

_log = logging.getLogger(__name__)

_AGAIN: Final = 0.1
"""Seconds that an appointment waits for the errand before it."""


class Desk:
    """Starts errands of one kind when their time has come."""

    def __init__(
        self,
        errand: Callable[[fleet.RelayKey], Coroutine[None, None, None]],
        *,
        name: str,
        group: asyncio.TaskGroup,
        queue: pacing.Pacer,
        at_once: int,
        counts: stats.Stats,
    ) -> None:
        self.queue = queue
        self._errand = errand
        self._name = name
        self._group = group
        self._at_once = at_once
        self._counts = counts
        self._under_way: set[fleet.RelayKey] = set()

    def start_due(self, now: float) -> None:
        """Start what is due, as far as there is room."""
        while len(self._under_way) < self._at_once and (key := self.queue.take(now)):
            if key in self._under_way:
                self.queue.schedule(key, now + _AGAIN)
                continue
            self._under_way.add(key)
            self._group.create_task(self._run(key), name=f"{self._name} {key}")

    async def _run(self, key: fleet.RelayKey) -> None:
        try:
            await self._errand(key)
        except Exception:  # noqa: BLE001 - a bug in one probe must not end all others; it is logged
            self._counts.errors += 1
            _log.exception("%s of %s failed unexpectedly", self._name, key)
        finally:
            self._under_way.discard(key)
