"""What the sources of one shared cell say together of each region, and how far they agree.

One source has one voice: the median of what it measured. The crowd's word is the median of these,
each counting less the older it is. Where most of those that measured last find their newest value
off from their own median alike, the network has changed: then the newest values count, and sources
that have not measured since are taken to be off as much. It is heard only where ``QUORUM`` sources
are within ``ACCORD`` of it, and only those that are count for how sure it is: one liar among a few
keeps the crowd silent at worst, and fewer than half of many (a quarter, where a change is told)
move its word no farther than honest sources are apart.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from turnfleet.learn import belief, facts
from turnfleet.learn import sources as records
from turnfleet.model import estimate

QUORUM: Final = 3
"""Sources that have to agree."""
ACCORD: Final = 0.3
"""How far from the median an agreeing source is, in the unit of beliefs: a third."""
NOISE: Final = 0.12
"""Standard deviation of one measured value, in the unit of beliefs: a tenth of the round trip, and
what converting times leaves."""
STEP: Final = 0.3
"""How far the newest value of a source is off from its median where a network has changed."""
LATEST: Final = 5
"""Sources that say so, of a small crowd; of a large one half of it, so that a few that measure all
the time are not those that are asked."""
HALF_LIFE: Final = 14 * 86400.0
"""Seconds after which a fact counts half."""

_FAINT: Final = 100.0
"""Half-lives after which a fact counts no less. A clock that was decades behind when it was
measured would else make it count nothing, and whatever is divided by that fail."""
_TELLING: Final = 3
"""Facts from which on the newest can be told from the others."""
_ALIKE: Final = 0.5
"""Part of a change from which on a source has seen it."""
_MEDIANS: Final = (1.0, 0.5, 0.449, 0.298, 0.287)
"""The variance of the median of one to five standard normal values."""


class Measured(NamedTuple):
    """What one source says of one region."""

    rtt: float
    """The median, ms."""
    weight: float
    """Facts that it rests on; old ones count for less."""
    samples: int
    """Facts, whatever their age."""
    age: float
    """Seconds since the newest."""
    spread: float
    """Variance of the facts, in the unit of beliefs."""
    newest: int
    """When the newest was measured, Unix seconds."""
    step: float | None
    """How far the newest fact is off from the median, in the unit of beliefs, if there are enough
    to tell."""

    @property
    def variance(self) -> float:
        """The median's own, in the unit of beliefs; more where facts are old, or do not agree."""
        number = min(self.samples, len(_MEDIANS))
        return max(NOISE * NOISE, self.spread) * _MEDIANS[number - 1] * number / self.weight


class Change(NamedTuple):
    """A network that is not what it was."""

    step: float
    """What is added to values from before, in the unit of beliefs."""
    since: int
    """When it was first seen, Unix seconds."""

    def of(self, said: Measured) -> float:
        """Return what is to be added to the median of a source."""
        return self.step if said.newest < self.since else said.step or 0.0


class Word(NamedTuple):
    """What a crowd says of one region."""

    value: float
    """In the unit of beliefs."""
    weight: float
    """Sources that agree; old ones count for less."""
    sources: int
    """Sources that agree, whatever their age."""
    change: Change | None = None
    """What the network did of late."""


class _Voice(NamedTuple):
    value: float
    weight: float
    said: Measured


def measured(packed: bytes, *, regions: Mapping[int, int], now: float) -> dict[int, Measured]:
    """Return, by region's index, what a source's packed facts say.

    ``regions`` has the index of each number that is a region's.
    """
    by_region: dict[int, list[facts.Fact]] = {}
    for fact in facts.unpack(packed):
        index = regions.get(fact.region)
        if index is not None:
            by_region.setdefault(index, []).append(fact)
    # Of a region whose place was corrected there are facts by two numbers.
    return {index: _measured(found[: facts.EACH], now) for index, found in by_region.items()}


def _measured(found: Sequence[facts.Fact], now: float) -> Measured:
    ages = [max(0.0, now - fact.time) for fact in found]
    weights = [0.5 ** min(age / HALF_LIFE, _FAINT) for age in ages]
    rtt = _median([(fact.rtt, weight) for fact, weight in zip(found, weights, strict=True)])
    return Measured(
        rtt=rtt,
        weight=sum(weights),
        samples=len(found),
        age=min(ages),
        spread=_spread([belief.ratio(fact.rtt, found[0].rtt) for fact in found]),
        newest=found[0].time,
        step=belief.ratio(found[0].rtt, rtt) if len(found) >= _TELLING else None,
    )


def listen(
    told: Iterable[records.Record],
    *,
    regions: Mapping[int, int],
    prior: Callable[[str], Sequence[estimate.Estimate]],
    now: float,
) -> dict[int, Word]:
    """Return the crowd's word by region's index, where it has one.

    ``regions`` as in ``measured``; ``prior`` has the estimates of a cell's text.
    """
    voices: dict[int, list[_Voice]] = {}
    for record in told:
        expected = prior(record.cell)
        for index, said in measured(record.facts, regions=regions, now=now).items():
            value = belief.ratio(said.rtt, expected[index].rtt)
            voice = _Voice(value, min(1.0, said.weight), said)
            voices.setdefault(index, []).append(voice)
    words = ((index, _word(heard)) for index, heard in voices.items())
    return {index: word for index, word in words if word is not None}


def _word(voices: Sequence[_Voice]) -> Word | None:
    if len(voices) < QUORUM:
        return None
    change = _change([voice.said for voice in voices])
    values = [
        (voice.value + change.of(voice.said) if change else voice.value, voice.weight)
        for voice in voices
    ]
    middle = _median(values)
    agreeing = [weight for value, weight in values if abs(value - middle) <= ACCORD]
    if len(agreeing) < QUORUM:
        return None
    return Word(middle, sum(agreeing), len(agreeing), change)


def _change(told: Sequence[Measured]) -> Change | None:
    """Return what the network did of late, if most of those that measured last say the same."""
    ordered = sorted(told, key=lambda said: (-said.newest, said.rtt))
    latest = ordered[: max(LATEST, len(ordered) // 2)]
    steps = [(said.step, said.newest) for said in latest if said.step is not None]
    if len(steps) < QUORUM:
        return None
    # Who cannot tell yet has seen nothing, or a few who can would speak for all the others.
    step = _median([(said.step or 0.0, 1.0) for said in latest])
    if abs(step) < STEP:
        return None
    return Change(step, min(newest for each, newest in steps if each / step >= _ALIKE))


def _spread(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values) / len(values)


def _median(pairs: Sequence[tuple[float, float]]) -> float:
    """Return the weighted median of values and weights; between two that share the middle, both."""
    ordered = sorted(pairs)
    half = sum(weight for _, weight in ordered) / 2
    below = 0.0
    for position, (value, weight) in enumerate(ordered):
        below += weight
        if below > half or position == len(ordered) - 1:
            return value
        if below == half:
            return (value + ordered[position + 1][0]) / 2
    raise ValueError("the median of nothing")
