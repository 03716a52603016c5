"""The few constants of the backbone model. They hold for the whole world; no place has its own."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """Detours are lengths of fibre over the great circle; costs are round trips in ms.

    The values are round, since they matter little: a quarter more or less of any of them moves the
    mean regret by 5 % at most (docs/bench-prior.md).
    """

    sea: float = 1.3
    land: float = 1.5
    access: float = 1.6
    """Detour between a client or region and its hub."""
    hop: float = 1.0
    """Each hub on the way: switches, and the way through the city."""
    border: float = 2.0
    """Each border that is crossed on land: another carrier, met where both are."""
    thin: float = 30.0
    """A thin route: what going around costs, times how often that happens."""
    sky: float = 500.0
    """A satellite."""
    within: float = 0.6
    """Share of the traffic between countries of one area that goes by the area's gateways."""
    between: float = 0.8
    """Share of the traffic between areas that goes by the gateways of both."""
    doubt: float = 8.0
    """Standard deviation of what any estimate is wrong by, ms; to it comes"""
    doubt_share: float = 0.12
    """this share of the round trip."""


STANDARD: Final = Tuning()
