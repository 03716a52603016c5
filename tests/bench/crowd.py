"""Ten relays, their agents and the clients of a few endpoints, in time that is only counted.

What answers are made with is the real thing: board, selector, drafts, tally. What is played is what
surrounds it: calls that begin some time after their answer and last, and reports that are late.
"""

import heapq
import math
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from tests.bench import fleets

from turnfleet.api import board, drafts, metrics
from turnfleet.ice import profiles
from turnfleet.model import fleet, geo, region, selection
from turnfleet.steer import estimating, rendezvous, selecting

_HERE = geo.Place(latitude=50.11, longitude=8.68)
_REGULARS = 0.5
_STEP = 0.1
"""Seconds of played time between two looks at what is due."""
_TRIED = 0.7
"""Of the URLs handed out, how many become allocations."""
_NEEDED = 0.5
"""Of the primary's first URLs, how many carry the call."""
_CALL, _UNUSED = 180.0, 30.0
"""Seconds that an allocation lasts: of a call, on average, and of one that is not needed."""
_BEGINS = (0.1, 1.5)
_AGENT_LOOKS = 1.0


class Answer(NamedTuple):
    """Who was named in an answer: the primary, and allocations by relay."""

    slot: int
    primary: fleet.RelayKey
    offered: tuple[tuple[fleet.RelayKey, int], ...]


@dataclass(slots=True, kw_only=True)
class Relay:
    """What one relay carries, and what its agent has counted of it."""

    capacity: int
    live: int = 0
    begun: int = 0
    counted: deque[tuple[float, fleet.Usage]] = field(default_factory=deque)

    def count(self, now: float) -> None:
        """Let the agent look."""
        usage = fleet.Usage(
            load=round(self.live / self.capacity, 6), allocations=self.live, begun=self.begun
        )
        self.counted.append((now, usage))
        while len(self.counted) > 1 and self.counted[1][0] <= now - _AGENT_LOOKS:
            self.counted.popleft()

    @property
    def usage(self) -> fleet.Usage:
        """Return what the agent would report, which is up to a second old."""
        return self.counted[0][1]


class Replica:
    """One endpoint: it hears reports of its own, and knows of no other."""

    def __init__(self, rng: random.Random) -> None:
        self.board = board.Board()
        self._tally = metrics.Tally()
        self._batch = self._tally.batch(geo.Rung.COUNTRY, "")
        self._drafts = drafts.Drafts(rng.randbytes)
        self._selector = selecting.Selector(estimating.GreatCircle())
        self._health: dict[fleet.RelayKey, fleet.Health] = {}

    def hear(self, key: fleet.RelayKey, usage: fleet.Usage, *, now: float) -> None:
        """Take a report, as the prober does."""
        self.board.heard(key, usage, at=now)
        self._health[key] = fleet.Health(
            working=frozenset(region.Transport), reason=None, load=round(usage.load * 50) / 50
        )

    def turn(self, second: int) -> None:
        """Begin a second."""
        self.board.publish_health(self._health)
        self.board.handed_out(self._tally.urls(), second=second)

    def answer(self, slot: int) -> Answer | None:
        """Answer a user of a slot."""
        place = geo.Located(place=_HERE, rung=geo.Rung.COUNTRY)
        anyone = selection.Client(located=place, user="")
        ranked = self._selector.rank(self.board.fleet, anyone)
        template = self._drafts.template(
            ranked, slot, profiles.Profile.BALANCED, profiles.Connection.ANY
        )
        if not template.pieces:
            return None
        self._batch.add(template)
        return Answer(
            slot,
            template.pieces[0].relay,
            tuple((piece.relay, piece.allocations) for piece in template.pieces),
        )


class Crowd:
    """The whole of it."""

    def __init__(
        self,
        capacities: Sequence[int],
        *,
        rng: random.Random,
        replicas: int,
        every: tuple[float, float],
    ) -> None:
        """``every``: seconds between two reports of a relay that reach an endpoint."""
        self._rng = rng
        self._every = every
        self.now = 1_000_000.0
        self._published = _region(capacities)
        self.relays = {
            relay.key: Relay(capacity=capacity)
            for relay, capacity in zip(self._published.relays, capacities, strict=True)
        }
        self._joined: dict[fleet.RelayKey, float] = {}
        """Since when."""
        self.replicas = [Replica(rng) for _ in range(replicas)]
        self._due: list[tuple[float, fleet.RelayKey, int]] = []
        self._reports: list[tuple[float, int, fleet.RelayKey]] = []
        self._owed = 0.0

    def join(self, *keys: fleet.RelayKey, load: float = 0.0) -> None:
        """Put relays into the fleet: new ones, or some that have carried calls for long."""
        since = 0.0 if load else self.now
        for key in keys:
            relay = self.relays[key]
            relay.live = int(relay.capacity * load)
            for _ in range(relay.live):
                self._end(key, self.now, _CALL)
            self._joined[key] = since
            relay.count(self.now)
            for number in range(len(self.replicas)):
                heapq.heappush(self._reports, (self.now, number, key))
        relays = tuple(
            replace(relay, since=self._joined[relay.key])
            for relay in self._published.relays
            if relay.key in self._joined
        )
        for replica in self.replicas:
            replica.board.publish_regions((replace(self._published, relays=relays),))

    def run(self, *, seconds: float, rate: float, users: Sequence[int] = ()) -> list[Answer]:
        """Let time pass and clients ask, so many a second; return their answers.

        Half of the clients are one of ``users``, which are slots; the others are strangers.
        """
        answers: list[Answer] = []
        end = self.now + seconds
        while self.now < end - _STEP / 2:
            before, self.now = self.now, self.now + _STEP
            self._pass()
            if math.floor(self.now) != math.floor(before):
                for replica in self.replicas:
                    replica.turn(math.floor(self.now))
            self._owed += rate * _STEP
            while self._owed >= 1:
                self._owed -= 1
                slot = self._rng.randrange(rendezvous.SLOTS)
                if users and self._rng.random() < _REGULARS:
                    slot = self._rng.choice(users)
                given = self._rng.choice(self.replicas).answer(slot)
                if given is not None:
                    answers.append(given)
                    self._call(given)
        return answers

    def _pass(self) -> None:
        while self._due and self._due[0][0] <= self.now:
            _, key, change = heapq.heappop(self._due)
            self.relays[key].live += change
            self.relays[key].begun += max(change, 0)
        for key in self._joined:
            self.relays[key].count(self.now)
        while self._reports and self._reports[0][0] <= self.now:
            _, number, key = heapq.heappop(self._reports)
            self.replicas[number].hear(key, self.relays[key].usage, now=self.now)
            again = self.now + self._rng.uniform(*self._every)
            heapq.heappush(self._reports, (again, number, key))

    def _call(self, given: Answer) -> None:
        for role, (key, urls) in enumerate(given.offered):
            for url in range(urls):
                if self._rng.random() < _TRIED:
                    needed = role == url == 0 and self._rng.random() < _NEEDED
                    began = self.now + self._rng.uniform(*_BEGINS)
                    self._begin(key, began, _CALL if needed else _UNUSED)

    def _begin(self, key: fleet.RelayKey, at: float, mean: float) -> None:
        heapq.heappush(self._due, (at, key, 1))
        self._end(key, at, mean)

    def _end(self, key: fleet.RelayKey, at: float, mean: float) -> None:
        heapq.heappush(self._due, (at + self._rng.expovariate(1 / mean), key, -1))


def _region(capacities: Sequence[int]) -> fleet.Published:
    (bare,) = fleets.regions(1, relays=len(capacities))
    sized = zip(bare.relays, capacities, strict=True)
    return replace(
        bare, relays=tuple(replace(relay, capacity=capacity) for relay, capacity in sized)
    )
