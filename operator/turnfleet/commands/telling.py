"""What simulated clients measure, and what they say of it: noise, and sources that lie.

Who lies, how, and what noise there is depend on the seed and on names alone, whatever else is
asked in between, so that two runs differ only where their arguments do.
"""

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final


class Habit(StrEnum):
    """What a source makes of what it measured."""

    HONEST = "honest"
    """It says so."""
    TENTH = "tenth"
    """It says a tenth."""
    TENFOLD = "tenfold"
    """It says ten times as much."""
    SWAPPED = "swapped"
    """It says of each region what another one is, always the same."""


_LIES: Final = (Habit.TENTH, Habit.TENFOLD, Habit.SWAPPED)
_FACTORS: Final = {Habit.HONEST: 1.0, Habit.TENTH: 0.1, Habit.TENFOLD: 10.0, Habit.SWAPPED: 1.0}


def habits(sources: Iterable[str], *, share: float, seed: int) -> dict[str, Habit]:
    """Return the liars among sources, a ``share`` of them: of each kind as many, by chance whom."""
    names = sorted(set(sources))
    _chance(seed, "liars").shuffle(names)
    return {
        name: _LIES[position % len(_LIES)]
        for position, name in enumerate(names[: round(share * len(names))])
    }


class Teller:
    """Says what clients report of their round trips."""

    def __init__(self, *, liars: Mapping[str, Habit], noise: float, seed: int) -> None:
        """``noise``: deviation of the logarithm of a measured round trip."""
        self._liars = liars
        self._noise = noise
        self._seed = seed

    def tell(
        self, regions: Iterable[str], *, source: str, true: Mapping[str, float], answer: int
    ) -> dict[str, float]:
        """Return the ms that a client says of those of ``regions`` that it can measure.

        ``true`` has its round trip to every region that it can, ``answer`` the number of the
        answer.
        """
        chance = _chance(self._seed, f"answer {answer}")
        habit = self._liars.get(source, Habit.HONEST)
        swapped = self._swapped(source, sorted(true)) if habit is Habit.SWAPPED else {}
        told = {}
        for region in regions:
            if region in true:
                rtt = true[swapped.get(region, region)] * _FACTORS[habit]
                told[region] = rtt * math.exp(chance.gauss(0.0, self._noise))
        return told

    def _swapped(self, source: str, regions: Sequence[str]) -> dict[str, str]:
        """Return for each region the one whose values a source has for it: never its own."""
        ring = list(regions)
        _chance(self._seed, f"swaps {source}").shuffle(ring)
        return dict(zip(ring, (*ring[1:], *ring[:1]), strict=True))


def _chance(seed: int, what: str) -> random.Random:
    """Return chance that is the same in every process; text seeds it by a hash of its own."""
    return random.Random(f"{seed}/{what}")  # noqa: S311 - a simulation
