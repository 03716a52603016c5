"""How far a region is from a client, as a round trip in milliseconds. Decides nothing."""

from typing import Final, NamedTuple, Protocol

from turnfleet.model import estimate, geo, region
from turnfleet.steer import sphere

DETOUR: Final = 1.5
"""How much longer than the great circle a route is. Land routes average 2.1, the best possible ones
in the ground would be 1.3 (Bozkurt et al., Dissecting Latency in the Internet's Fiber
Infrastructure, 2018); sea cables are straighter, and it is between continents that regions differ.
"""

ACCESS: Final = 5.0
"""ms, both directions: the last mile and the first switch. The same for every region, so it never
changes an order; it keeps figures honest for clients next door."""

DOUBT: Final = 0.35
"""Share of the path's round trip that a distance is wrong by: where the routes go is not asked."""


class Estimator(Protocol):
    """Anything that guesses round trips. Guesses depend on the arguments alone."""

    def estimate(self, place: geo.Place, spec: region.RegionSpec, /) -> estimate.Estimate:
        """Return the expected RTT from ``place`` to the region, and how sure that is."""


class View(Protocol):
    """How far regions are from one client. Hashable; equal views say the same."""

    @property
    def explores(self) -> bool:
        """Whether anybody near measures: then a fallback is worth choosing for what it teaches."""

    def prior(self, spec: region.RegionSpec, /) -> estimate.Estimate:
        """Return what was expected before anybody measured."""

    def estimate(self, spec: region.RegionSpec, /) -> estimate.Estimate:
        """Return the expected RTT to a region, and how sure that is."""


class At(NamedTuple):
    """What an estimator says of a place, and nobody has measured."""

    place: geo.Place
    estimator: Estimator

    @property
    def explores(self) -> bool:
        """Return that nothing would be learned."""
        return False

    def prior(self, spec: region.RegionSpec, /) -> estimate.Estimate:
        """Return the same."""
        return self.estimate(spec)

    def estimate(self, spec: region.RegionSpec, /) -> estimate.Estimate:
        """Return the estimator's estimate."""
        return self.estimator.estimate(self.place, spec)


class GreatCircle:
    """The first estimator: distance decides.

    Right for some four clients in five; wrong where cables make a detour of their own (the Levant
    to Mumbai, West Africa to Cape Town). Learned estimates replace it behind the same protocol.
    """

    def estimate(self, place: geo.Place, spec: region.RegionSpec, /) -> estimate.Estimate:
        """Return the RTT of a fibre of ``DETOUR`` times the distance, plus ``ACCESS``."""
        kilometres = sphere.distance(place.latitude, place.longitude, spec.latitude, spec.longitude)
        path = sphere.round_trip(DETOUR * kilometres)
        return estimate.Estimate(rtt=ACCESS + path, deviation=ACCESS + DOUBT * path)
