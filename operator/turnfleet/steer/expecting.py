"""Which allocations answers will turn into before any report shows them. Chooses nobody.

A report is some seconds old, and answers given since then go on to where it said there was room.
So they count as load from the second they are given in, until a report that is younger. How many
allocations become of a URL handed out is learned from what agents count: clients try not all of
them, some on two networks, and other endpoints hand out URLs that this one knows nothing of, about
as many as they are endpoints. One figure for the whole fleet is all that is kept of that.

Seconds are those of any clock; if it goes back, what is expected is forgotten.
"""

from collections import deque
from collections.abc import Collection, Mapping
from typing import Final

from turnfleet.model import fleet
from turnfleet.steer import loading

UNDER_WAY: Final = 2
"""Seconds from an answer until its allocations are in a report: the client's, and the agent's."""
HORIZON: Final = 30
"""Seconds after which an answer is no news, whether there was a report or not."""
STALE: Final = 300
"""Seconds after which a report is an old one: agents of the largest fleets are asked every 100."""
MEMORY: Final = 60.0
"""Seconds after which what was learned counts half."""
PRIOR: Final = 100.0
"""URLs as sure as the first guess is, of one allocation each."""
YIELD_MAX: Final = 16.0
"""Allocations of a URL at most: eight endpoints, each client on two networks."""
PENDING_MAX: Final = 0.5
"""Load that expectations alone may add: they are guesses."""
FEW: Final = 20
"""Allocations below which a relay's load says nothing about what one of them adds."""


class Expecting:
    """Keeps the answers of the last seconds, by relay."""

    def __init__(self) -> None:
        self._relays: dict[fleet.RelayKey, _Relay] = {}
        self._second = 0
        self._urls = 0.0
        self._begun = 0.0

    @property
    def yielded(self) -> float:
        """Return how many allocations are expected of one URL handed out."""
        return min((self._begun + PRIOR) / (self._urls + PRIOR), YIELD_MAX)

    def handed_out(self, urls: Mapping[fleet.RelayKey, int], *, second: int) -> None:
        """Take how many URLs of relays were handed out in a second: each of them once."""
        if second < self._second:
            self._relays.clear()
        elif second > self._second:
            kept = 0.5 ** ((second - self._second) / MEMORY)
            self._urls, self._begun = self._urls * kept, self._begun * kept
        self._second = second
        for key, count in urls.items():
            known = self._relays.get(key)
            if known is None:
                known = self._relays[key] = _Relay()
            known.add(count, second)

    def heard(self, key: fleet.RelayKey, usage: fleet.Usage, *, second: int) -> None:
        """Take what an agent has counted by a second: what came of answers before is in it."""
        known = self._relays.get(key)
        if known is None:
            known = self._relays[key] = _Relay()
        known.forget(second - UNDER_WAY)
        before, known.usage, known.heard = known.usage, usage, second
        if before is None or before.begun is None or usage.begun is None:
            known.urls = 0
        elif usage.begun >= before.begun:  # else it began anew
            # Not more than could be believed of a relay: one agent's nonsense is not the fleet's.
            most = YIELD_MAX * (known.urls + FEW)
            self._begun += min(usage.begun - before.begun, most)
            self._urls += known.urls
            known.urls = 0

    def reported(self, key: fleet.RelayKey) -> float | None:
        """Return the load that a relay's agent said last, if it ever did."""
        known = self._relays.get(key)
        if known is None or known.usage is None:
            return None
        if self._second - known.heard > STALE:
            return min(known.usage.load, loading.UNSURE)
        return known.usage.load

    def pending(self, key: fleet.RelayKey, *, capacity: int) -> float:
        """Return the load that answers will add to a relay of a capacity."""
        known = self._relays.get(key)
        if known is None or not known.recent:
            return 0.0
        known.forget(self._second - HORIZON)
        return min(known.unreported * self.yielded * known.each(capacity), PENDING_MAX)

    def keep(self, keys: Collection[fleet.RelayKey]) -> None:
        """Forget all other relays."""
        for key in self._relays.keys() - keys:
            del self._relays[key]


class _Relay:
    """One relay's answers that no report shows yet, and its last report."""

    __slots__ = ("heard", "recent", "unreported", "urls", "usage")

    def __init__(self) -> None:
        self.recent: deque[tuple[int, int]] = deque()
        """Second, and URLs handed out in it; oldest first."""
        self.unreported = 0
        """URLs in ``recent``."""
        self.urls = 0
        """URLs since the last report, however long ago that is."""
        self.usage: fleet.Usage | None = None
        self.heard = 0
        """Second of ``usage``."""

    def add(self, count: int, second: int) -> None:
        self.recent.append((second, count))
        self.unreported += count
        self.urls += count

    def forget(self, before: int) -> None:
        recent = self.recent
        while recent and recent[0][0] < before:
            self.unreported -= recent.popleft()[1]

    def each(self, capacity: int) -> float:
        """Return the load that one allocation adds, more where traffic is what is scarce."""
        if self.usage is None or self.usage.allocations < FEW:
            return 1 / capacity
        return max(1 / capacity, self.usage.load / self.usage.allocations)
