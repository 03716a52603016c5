"""Which relays are tested out of turn because somebody asked for it. Pure.

Whoever asks may be lying and may do it all day, so what comes of it is bounded: one such test per
relay and ``extra_interval``, ``extras_per_second`` over the whole fleet. Nor do they come on top of
the tests that relays get anyway: the next one is only moved forward.
"""

import math

from turnfleet.model import fleet
from turnfleet.probe import cadence, pacing


class Extras:
    """Holds one wish per relay at the most. Times are seconds of any steady clock."""

    def __init__(self, rhythm: cadence.Cadence) -> None:
        self._interval = rhythm.extra_interval
        self._queue = pacing.Pacer(per_second=rhythm.extras_per_second)
        self._again: dict[fleet.RelayKey, float] = {}
        """When a relay may be asked for again; it is never while a wish for it waits."""

    def ask(self, key: fleet.RelayKey, now: float) -> bool:
        """Ask for a test of a relay; return whether there will be one that would not be else."""
        if now < self._again.get(key, -math.inf):
            return False
        self._again[key] = math.inf
        self._queue.schedule(key, now)
        return True

    def take(self, now: float) -> fleet.RelayKey | None:
        """Return a relay whose turn it is, if the budget allows one."""
        key = self._queue.take(now)
        if key is not None:
            self._again[key] = now + self._interval
        return key

    def drop(self, key: fleet.RelayKey) -> None:
        """Forget a relay."""
        self._queue.drop(key)
        self._again.pop(key, None)
