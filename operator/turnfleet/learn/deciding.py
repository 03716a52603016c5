"""What choosing by estimates needs: whom to try, when to stay. Pure functions of estimates.

A client's primary is measured each time, and so is its fallback, for free. So the fallback is where
to look for something better: the region that would be the fastest if it turned out ``OPTIMISM``
deviations better than expected. A region measured well has little deviation left, and the next one
gets its turn; one that is hopeless even then never does.
"""

import math
from typing import Final

from turnfleet.model import estimate

OPTIMISM: Final = 2.0
"""Deviations below the estimate at which a region is worth a try."""
MARGIN: Final = 0.5
"""Deviations of the difference by which another region has to be better before a client moves."""
DWELL: Final = 3600.0
"""Seconds that a client stays where it is, unless it cannot."""


def score(found: estimate.Estimate) -> float:
    """Return what a region is ranked by as a fallback, ms: the lowest is worth a try."""
    return found.rtt - OPTIMISM * found.deviation


def margin(held: estimate.Estimate, other: estimate.Estimate) -> float:
    """Return by how many ms ``other`` has to be better than ``held``; none where all is known."""
    return MARGIN * math.hypot(held.deviation, other.deviation)


def moves(held: estimate.Estimate, other: estimate.Estimate, *, since: float, now: float) -> bool:
    """Tell whether a client that has been at ``held`` ``since`` then moves to ``other`` now.

    Estimates include whatever else a region costs. Seconds of any clock; one that went back does
    not hold a client for ever.
    """
    if 0 <= now - since < DWELL:
        return False
    return held.rtt - other.rtt > margin(held, other)
