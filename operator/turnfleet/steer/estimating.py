"""How far a region is from a client, as a round trip in milliseconds. Decides nothing."""

import math
from typing import Final, Protocol

from turnfleet.model import geo, region

EARTH_RADIUS: Final = 6371.0
"""km, mean (IUGG)."""

FIBRE: Final = 200.0
"""km per ms: light in glass, two thirds of its speed in vacuum."""

DETOUR: Final = 1.5
"""How much longer than the great circle a route is. Land routes average 2.1, the best possible ones
in the ground would be 1.3 (Bozkurt et al., Dissecting Latency in the Internet's Fiber
Infrastructure, 2018); sea cables are straighter, and it is between continents that regions differ.
"""

ACCESS: Final = 5.0
"""ms, both directions: the last mile and the first switch. The same for every region, so it never
changes an order; it keeps figures honest for clients next door."""


class Estimator(Protocol):
    """Anything that guesses round trips. Guesses depend on the arguments alone."""

    def estimate(self, place: geo.Place, spec: region.RegionSpec, /) -> float:
        """Return the expected RTT from ``place`` to the region, ms."""


class GreatCircle:
    """The first estimator: distance decides.

    Right for some four clients in five; wrong where cables make a detour of their own (the Levant
    to Mumbai, West Africa to Cape Town). Learned estimates replace it behind the same protocol.
    """

    def estimate(self, place: geo.Place, spec: region.RegionSpec, /) -> float:
        """Return the RTT of a fibre of ``DETOUR`` times the distance, plus ``ACCESS``; ms."""
        kilometres = distance(place.latitude, place.longitude, spec.latitude, spec.longitude)
        return ACCESS + 2 * DETOUR * kilometres / FIBRE


def distance(latitude: float, longitude: float, to_latitude: float, to_longitude: float) -> float:
    """Return the great-circle distance of two points given in degrees, km (haversine)."""
    north, to_north = math.radians(latitude), math.radians(to_latitude)
    half_north = math.sin((to_north - north) / 2)
    half_east = math.sin(math.radians(to_longitude - longitude) / 2)
    chord = half_north * half_north + math.cos(north) * math.cos(to_north) * half_east * half_east
    return 2 * EARTH_RADIUS * math.asin(math.sqrt(min(1.0, chord)))
