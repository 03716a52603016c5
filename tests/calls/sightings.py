"""Which relays the replicas of an endpoint named, and when. Pure."""

import bisect
from array import array
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Final

_LATELY: Final = 5.0
"""Seconds before a decision within which a replica has to have named a relay."""


class Sightings:
    """Every replica's answers, each of which could have named any relay."""

    def __init__(self) -> None:
        self._named: defaultdict[tuple[str, str], array[float]] = defaultdict(lambda: array("d"))
        self._asked: defaultdict[str, array[float]] = defaultdict(lambda: array("d"))

    def answered(self, replica: str, relays: Collection[str], *, asked: float) -> None:
        """Take what a replica named in an answer to a question of ``asked``."""
        _insert(self._asked[replica], asked)
        for relay in relays:
            _insert(self._named[replica, relay], asked)

    def named_for(self, relay: str, *, since: float, until: float) -> Mapping[str, float]:
        """Return for how many seconds a relay was still named, by the replicas that had named it.

        A replica that had not, or was not asked any more, says nothing.
        """
        found = {}
        for replica, asked in tuple(self._asked.items()):
            named = self._named[replica, relay]
            before = _last(named, since - _LATELY, since)
            if before is not None and _last(asked, since, until) is not None:
                found[replica] = (_last(named, since, until) or since) - since
        return found


def _insert(times: "array[float]", at: float) -> None:
    """Keep times in order: answers come back in another order than they were asked for."""
    times.insert(bisect.bisect_right(times, at), at)


def _last(times: "array[float]", since: float, until: float) -> float | None:
    index = bisect.bisect_left(times, until) - 1
    return times[index] if index >= 0 and times[index] >= since else None
