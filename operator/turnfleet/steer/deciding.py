"""What choosing by estimates needs: whom to try, when to stay. Pure functions of estimates.

A client's primary is measured each time, and so is its fallback, for free. So the fallback is where
to look for something better: the region that would be the fastest if it turned out ``OPTIMISM``
deviations better than expected. A region measured well has little deviation left, and the next one
gets its turn; one that is hopeless even then never does.
"""

import math
from typing import Final

from turnfleet.model import estimate, selection

OPTIMISM: Final = 2.0
"""Deviations below the estimate at which a region is worth a try."""
MARGIN: Final = 0.5
"""Deviations of the difference by which another region has to be better before a client moves."""
DWELLING: Final = 2.0
"""The same for a client that came a moment ago: only what is clearly so moves it again."""
DWELLING_MS: Final = 5.0
"""ms that are added to that: what is surely a little better can wait."""


def score(found: estimate.Estimate) -> float:
    """Return what a region is ranked by as a fallback, ms: the lowest is worth a try."""
    return found.rtt - OPTIMISM * found.deviation


def margin(held: estimate.Estimate, other: estimate.Estimate, *, dwelling: bool) -> float:
    """Return by how many ms ``other`` has to be better than ``held``.

    Nothing where all is known, unless the client is ``dwelling``.
    """
    apart = math.hypot(held.deviation, other.deviation)
    return DWELLING_MS + DWELLING * apart if dwelling else MARGIN * apart


def moves(held: selection.Ranked, other: selection.Ranked, *, dwelling: bool) -> bool:
    """Tell whether a client leaves the region that it holds for another one.

    Where load or weight make the difference, cost decides alone: they have damping of their own.
    """
    gain = held.cost - other.cost
    if other.estimate >= held.estimate:
        return gain > 0
    return gain > margin(held.expected, other.expected, dwelling=dwelling)
