"""Estimates of a client's round trips: the prior, moved by what sources measured.

From the widest cell to the source itself, each level believes what the one above it does, plus a
doubt of its own: a share of the prior's variance. Evidence of a level then moves it as far as that
doubt is large beside the evidence's own (``belief``). So where nothing was measured the estimate is
the prior; a square with many sources hardly looks at its country; and a source that measured often
goes by itself.

A source's facts count in the next estimate. What a crowd says is worked out again when an eighth
of it has news, or after an hour, so its cost is a few sources per report however large it is.
"""

import heapq
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

from turnfleet.learn import belief, cells, crowd, sites
from turnfleet.learn import sources as records
from turnfleet.model import estimate, geo

DRIFT: Final = 0.07
"""How far round trips wander from what was measured, in the unit of beliefs after one day, growing
with the root of time. It makes estimates no other, only less sure: so a region that was left when
it got worse is measured again in time, as a fallback."""
SHARES: Final[Mapping[cells.Level, float]] = {
    cells.Level.COUNTRY: 0.3,
    cells.Level.NETWORK: 0.1,
    cells.Level.SQUARE: 0.2,
}
"""What each level has of the prior's variance. The source has the rest."""
LEAST: Final = 0.05
MOST: Final = 0.6
"""Bounds of the prior's deviation in the unit of beliefs, whatever it says of itself."""
FLOOR: Final = 0.2
"""The least part of the prior that an estimate can be; see ``convert``."""
CROWD: Final = 100
"""Sources of a cell that are asked: those lowest by their keyed hash, which nobody can choose."""
PATIENCE: Final = 3600.0
"""Seconds until a crowd with any news is asked again; it was asked before if much is new."""

_DAY: Final = 86400.0
_WANDERING: Final = 28.0
"""Days after which it is no less sure."""
_NEWS: Final = 8
_MEDIAN: Final = math.pi / 2
"""Variance of a median of normal values, beside that of their mean."""
_REMEMBERED: Final = 100_000
"""Estimates of cells whose beliefs and priors are kept: 30 MB. A cell has one for each region."""
_LEAST: Final = 512
"""Cells, however many regions there are."""

_Value = TypeVar("_Value")

Prior = Callable[[geo.Place], Sequence[estimate.Estimate]]
"""Returns the estimate of each region for a place, in the order of the regions' names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """How one region's estimate came about."""

    region: str
    prior: estimate.Estimate
    learned: estimate.Estimate
    samples: int
    """Of the client's own source."""
    sources: int
    """That agree in the narrowest cell that has a word on it."""


class _Heard(NamedTuple):
    """What a crowd said when it was last asked."""

    words: Mapping[int, crowd.Word]
    changes: int
    at: float


class Shared(NamedTuple):
    """What is believed of a cell's clients, and what that rests on."""

    heard: tuple[_Heard, ...]
    held: belief.Belief
    """Of a source of which nothing is known but its cell."""


_SILENCE: Final = _Heard({}, 0, -math.inf)


class Posterior:
    """Estimates for one set of regions; make another one when it changes."""

    def __init__(
        self, *, sources: records.Sources, regions: Sequence[sites.Site], prior: Prior
    ) -> None:
        self._sources = sources
        self._names = tuple(site.name for site in regions)
        self._regions = {
            number: index for index, site in enumerate(regions) for number in sites.numbers(site)
        }
        self._prior = prior
        self._priors: dict[str, Sequence[estimate.Estimate]] = {}
        self._heard: dict[str, _Heard] = {}
        self._kept: dict[str, Shared] = {}

    def estimates(
        self, *, expected: Sequence[estimate.Estimate], cell: str, source: bytes, now: float
    ) -> tuple[estimate.Estimate, ...]:
        """Return the estimate of each region for a client.

        ``expected`` is what the prior says of its place, which takes longest of all that is asked
        here, so whoever needs it, too, asks once. ``cell`` is as in tokens; one that makes no sense
        counts as nowhere in particular.
        """
        shared = self.shared(cell, now)
        held = shared.held
        record = self._sources.get(source)
        if record is not None:
            held = self._own(held, expected, record, _changes(shared.heard), now)
        return tuple(map(_estimate, expected, held.means, held.variances))

    def expected(self, place: geo.Place) -> Sequence[estimate.Estimate]:
        """Return the prior's estimate of each region for a place."""
        return self._prior(place)

    def expected_in(self, cell: str) -> Sequence[estimate.Estimate]:
        """Return the same for the middle of a cell, as in tokens."""
        expected = self._priors.get(cell)
        if expected is None:
            expected = self._prior((cells.parse(cell) or cells.NOWHERE).centre)
            self._remember(self._priors, cell, expected)
        return expected

    def explain(
        self, *, place: geo.Place, cell: str, source: bytes, now: float
    ) -> tuple[Learned, ...]:
        """Return how the estimate of each region came about."""
        expected = self._prior(place)
        found = self.estimates(expected=expected, cell=cell, source=source, now=now)
        record = self._sources.get(source)
        own = self._measured(record, now) if record is not None else {}
        narrowest: dict[int, int] = {}
        for heard in self.shared(cell, now).heard:
            narrowest |= {index: word.sources for index, word in heard.words.items()}
        return tuple(
            Learned(
                region=name,
                prior=prior,
                learned=learned,
                samples=own[index].samples if index in own else 0,
                sources=narrowest.get(index, 0),
            )
            for index, (name, prior, learned) in enumerate(
                zip(self._names, expected, found, strict=True)
            )
        )

    def _own(
        self,
        held: belief.Belief,
        expected: Sequence[estimate.Estimate],
        record: records.Record,
        changes: Mapping[int, crowd.Change],
        now: float,
    ) -> belief.Belief:
        evidence: dict[int, belief.Evidence] = {}
        drift: dict[int, float] = {}
        for index, said in self._measured(record, now).items():
            value = belief.ratio(said.rtt, expected[index].rtt)
            if index in changes:
                value += changes[index].of(said)
            evidence[index] = belief.Evidence(value, said.variance)
            drift[index] = DRIFT * DRIFT * min(said.age / _DAY, _WANDERING)
        found = belief.by_source(held, evidence)
        variances = [
            variance + drift.get(index, 0.0) for index, variance in enumerate(found.variances)
        ]
        return found._replace(variances=tuple(variances))

    def _measured(self, record: records.Record, now: float) -> Mapping[int, crowd.Measured]:
        return crowd.measured(record.facts, regions=self._regions, now=now)

    def shared(self, cell: str, now: float) -> Shared:
        """Return what is believed of a cell before any source of its own is looked at.

        The same object for as long as that is the same.
        """
        parsed = cells.parse(cell) or cells.NOWHERE
        heard = tuple(self._listen(shared, now) for shared in parsed.shared)
        kept = self._kept.get(cell)
        if kept is not None and all(a is b for a, b in zip(kept.heard, heard, strict=True)):
            return kept
        expected = self.expected_in(cell)
        scales = tuple(map(_variance, expected))
        held = belief.nothing([part.rtt for part in expected])
        below = 1.0
        for shared, said in zip(parsed.shared, heard, strict=True):
            share = SHARES[cells.level(shared)]
            below -= share
            held = belief.loosened(held, [share * scale for scale in scales])
            evidence = {
                index: belief.Evidence(
                    word.value,
                    _MEDIAN * (below * scales[index] + crowd.NOISE * crowd.NOISE) / word.weight,
                )
                for index, word in said.words.items()
            }
            held = belief.by_crowd(held, evidence)
        kept = Shared(heard, belief.loosened(held, [below * scale for scale in scales]))
        self._remember(self._kept, cell, kept)
        return kept

    def _listen(self, shared: str, now: float) -> _Heard:
        changes = self._sources.changes(shared)
        if not changes:
            self._heard.pop(shared, None)
            return _SILENCE
        heard = self._heard.get(shared)
        members = self._sources.members(shared)
        if heard is not None and 0 <= now - heard.at < PATIENCE:
            news = changes - heard.changes
            if not news or news * _NEWS < len(members):
                return heard
        # In order, since sums of floats depend on it, and replicas have to come to the same.
        asked = heapq.nsmallest(CROWD, members)
        words = crowd.listen(
            (self._sources[source] for source in asked),
            regions=self._regions,
            prior=self.expected_in,
            now=now,
        )
        heard = self._heard[shared] = _Heard(words, changes, now)
        return heard

    def _remember(self, kept: dict[str, _Value], cell: str, value: _Value) -> None:
        if len(kept) >= max(_LEAST, _REMEMBERED // max(1, len(self._names))):
            del kept[next(iter(kept))]
        kept[cell] = value


def _changes(heard: Sequence[_Heard]) -> dict[int, crowd.Change]:
    """Return what networks did of late, by the narrowest cell that has a word on a region."""
    narrowest: dict[int, crowd.Word] = {}
    for each in heard:
        narrowest |= each.words
    return {index: word.change for index, word in narrowest.items() if word.change is not None}


def _variance(expected: estimate.Estimate) -> float:
    """Return a prior's variance in the unit of beliefs."""
    scale = expected.deviation / (expected.rtt + belief.OFFSET)
    return min(max(scale, LEAST), MOST) ** 2


def _estimate(expected: estimate.Estimate, mean: float, variance: float) -> estimate.Estimate:
    rtt = max(belief.round_trip(mean, expected.rtt), FLOOR * expected.rtt)
    return estimate.Estimate(rtt=rtt, deviation=(rtt + belief.OFFSET) * math.sqrt(variance))
