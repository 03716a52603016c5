"""What is believed of one client's round trips to all regions, and how evidence moves it.

The unit is the logarithm of the ratio to the prior, both with ``OFFSET`` ms added: a prior is off
by a share of a long way and by some ms of a short one. An error has two parts. One is *common* to
all regions: a slow access, a detour on the first miles, a browser that starts late. That is some ms
more to each of them, so the nearer a region is expected, the more of the unit (``loads``). The
other part is a region's *own*. Both are normal, so conditioning on what was measured has a closed
form, linear in the number of regions. The common part is what makes half a measurement worth
something: who is slower than expected to the one region measured is probably slower to the others,
too, and is not sent away for it.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

OFFSET: Final = 30.0
"""ms. Errors of priors have the same spread near and far with some tens of ms, not with none."""
COMMON: Final = 0.5
"""The part of an error's variance that is common to all regions, on average."""


DISCORD: Final = 9.0
"""Square, in expected variances, above which most of a source's values contradict each other."""
_DISTRUST: Final = 4.0
"""Variances of a region that are added to values which do."""
_FEW: Final = 3
"""Regions below which values cannot be said to contradict each other."""


class Evidence(NamedTuple):
    """One region's measured value, in the unit of beliefs, and its variance."""

    value: float
    variance: float


class Belief(NamedTuple):
    """Means by region, the variance of their common part and of each one's own, and the whole."""

    loads: tuple[float, ...]
    """What the common part weighs in each region."""
    means: tuple[float, ...]
    common: float
    own: tuple[float, ...]
    variances: tuple[float, ...]
    """Of each mean. Not the sum of the two parts where a measured value ties them together."""


def nothing(expected: Sequence[float]) -> Belief:
    """Return the belief that all regions are exactly as expected, ms."""
    noughts = (0.0,) * len(expected)
    return Belief(loads(expected), noughts, 0.0, noughts, noughts)


def loads(expected: Sequence[float]) -> tuple[float, ...]:
    """Return what the same ms more come to in the unit of each region; squares are 1 on average."""
    parts = [1 / (rtt + OFFSET) for rtt in expected]
    whole = math.sqrt(sum(part * part for part in parts) / max(1, len(parts)))
    return tuple([part / whole for part in parts])


def ratio(rtt: float, expected: float) -> float:
    """Return a round trip in the unit of beliefs; both in ms."""
    return math.log((rtt + OFFSET) / (expected + OFFSET))


def round_trip(value: float, expected: float) -> float:
    """Return the ms that a value in the unit of beliefs stands for; may be below nought."""
    return (expected + OFFSET) * math.exp(value) - OFFSET


def loosened(held: Belief, variances: Sequence[float]) -> Belief:
    """Return a belief for a narrower cell, which differs from the wider one by ``variances``.

    Near by it gets less sure than these say, and far away surer, as the common part has it.
    """
    more = COMMON * sum(variances) / max(1, len(variances))
    new = [(1 - COMMON) * variance for variance in variances]
    own = [had + mine for had, mine in zip(held.own, new, strict=True)]
    whole = [
        had + load * load * more + mine
        for had, load, mine in zip(held.variances, held.loads, new, strict=True)
    ]
    return Belief(held.loads, held.means, held.common + more, tuple(own), tuple(whole))


def moved(held: Belief, evidence: Mapping[int, Evidence]) -> Belief:
    """Return a belief after evidence by region's index: the normal posterior of both parts."""
    if not evidence or not held.common:
        return held
    precision = 1 / held.common
    pull = 0.0
    for index, found in evidence.items():
        weight = held.loads[index] / (held.own[index] + found.variance)
        precision += weight * held.loads[index]
        pull += weight * (found.value - held.means[index])
    common, shift = 1 / precision, pull / precision
    learned = held.common - common
    means = [mean + load * shift for mean, load in zip(held.means, held.loads, strict=True)]
    own = list(held.own)
    whole = [
        max(mine, had - load * load * learned)
        for load, mine, had in zip(held.loads, own, held.variances, strict=True)
    ]
    for index, found in evidence.items():
        left = found.variance / (held.own[index] + found.variance)
        means[index] += (1 - left) * (found.value - means[index])
        own[index] = left * held.own[index]
        # The sum of the parts may be above what a wider cell's measured values left.
        part = left * held.loads[index]
        whole[index] = min(whole[index], own[index] + part * part * common)
    return Belief(held.loads, tuple(means), common, tuple(own), tuple(whole))


def by_source(held: Belief, evidence: Mapping[int, Evidence]) -> Belief:
    """Return a belief after what one source measured, which may say that the prior is bad there.

    As for a crowd; but what is common may be a factor instead of some ms, as of a clock that runs
    wrong, if that fits better. And where most values are wild even so it is the source that is not
    believed: a liar, or clients far apart behind one address.
    """
    if not evidence or not held.common:
        return held
    common, squares = _surprise(held, evidence)
    if len(evidence) > 1:
        flat = held._replace(loads=(1.0,) * len(held.loads))
        scaled = _surprise(flat, evidence)
        if sum(scaled[1].values()) < sum(squares.values()):
            held, (common, squares) = flat, scaled
    typical = statistics.median(squares.values())
    if len(evidence) >= _FEW and typical > DISCORD:
        doubt = _DISTRUST * typical / DISCORD
        evidence = {
            i: Evidence(found.value, found.variance + doubt * held.own[i])
            for i, found in evidence.items()
        }
        squares = {}
    return moved(_doubted(held, common, squares), evidence)


def by_crowd(held: Belief, evidence: Mapping[int, Evidence]) -> Belief:
    """Return a belief after what a crowd agrees on, which may say that the prior is bad there.

    How unsure the prior is at a place is a guess, too, and those who measure show it. What their
    values are off by alike raises the common variance to that; how far they are off beside it
    raises that of every region, measured or not, so that more of them are worth a try.
    """
    if not evidence or not held.common:
        return held
    common, squares = _surprise(held, evidence)
    return moved(_doubted(held, common, squares), evidence)


def _surprise(held: Belief, evidence: Mapping[int, Evidence]) -> tuple[float, dict[int, float]]:
    """Return the common variance that evidence tells of, and how far each value is off beside it.

    The latter is the square, in expected variances.
    """
    weights = {i: 1 / (held.own[i] + found.variance) for i, found in evidence.items()}
    apart = {i: found.value - held.means[i] for i, found in evidence.items()}
    loads = held.loads
    whole = sum(weights[i] * loads[i] ** 2 for i in evidence)
    alike = sum(weights[i] * loads[i] * apart[i] for i in evidence) / whole
    common = max(held.common, alike * alike - 1 / whole)
    shift = alike * whole / (whole + 1 / common)
    return common, {i: weights[i] * (apart[i] - loads[i] * shift) ** 2 for i in evidence}


def _doubted(held: Belief, common: float, squares: Mapping[int, float]) -> Belief:
    """Return a belief that is as unsure as surprises make it; one value surprises nobody."""
    own = held.own
    if len(squares) > 1:
        surprise = max(1.0, sum(squares.values()) / len(squares))
        own = tuple(surprise * variance for variance in own)
    more = common - held.common
    variances = tuple(
        variance + load * load * more + mine - had
        for load, variance, mine, had in zip(held.loads, held.variances, own, held.own, strict=True)
    )
    return Belief(held.loads, held.means, common, own, variances)
