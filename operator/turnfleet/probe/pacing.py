"""Which relay's turn it is: a queue by time with a budget per second. Pure."""

import heapq
import itertools
import math
from typing import Final

from turnfleet.model import fleet

_CATCH_UP: Final = 0.05
"""Seconds of budget that one tick may use at once."""


class Pacer:
    """Holds one appointment per relay. Times are seconds of any steady clock."""

    def __init__(self, *, per_second: float = math.inf) -> None:
        self._gap = 1.0 / per_second
        self._free_at = -math.inf
        self._queue: list[tuple[float, int, fleet.RelayKey]] = []
        self._appointments: dict[fleet.RelayKey, tuple[float, int]] = {}
        self._serial = itertools.count()

    def schedule(self, key: fleet.RelayKey, due: float) -> None:
        """Set or move a relay's appointment."""
        serial = next(self._serial)
        self._appointments[key] = (due, serial)
        heapq.heappush(self._queue, (due, serial, key))

    def hasten(self, key: fleet.RelayKey, due: float) -> None:
        """Move an appointment forward, never back; a relay without one gets none."""
        appointment = self._appointments.get(key)
        if appointment is not None and due < appointment[0]:
            self.schedule(key, due)

    def drop(self, key: fleet.RelayKey) -> None:
        """Forget a relay."""
        self._appointments.pop(key, None)

    def take(self, now: float) -> fleet.RelayKey | None:
        """Return a relay whose time has come, if the budget allows one, and its appointment ends.

        Waiting never saves up budget: a late caller gets no burst.
        """
        while self._queue and self._queue[0][0] <= now:
            due, serial, key = self._queue[0]
            if self._appointments.get(key) != (due, serial):
                heapq.heappop(self._queue)
                continue
            if now < self._free_at:
                return None
            heapq.heappop(self._queue)
            del self._appointments[key]
            self._free_at = max(self._free_at, now - _CATCH_UP) + self._gap
            return key
        return None
