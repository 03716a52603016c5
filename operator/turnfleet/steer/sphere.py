"""Distances on the globe, and how long light in glass takes for them."""

import math
from typing import Final

EARTH_RADIUS: Final = 6371.0
"""km, mean (IUGG)."""

FIBRE: Final = 200.0
"""km per ms: light in glass, two thirds of its speed in vacuum."""


def distance(latitude: float, longitude: float, to_latitude: float, to_longitude: float) -> float:
    """Return the great-circle distance of two points given in degrees, km (haversine)."""
    north, to_north = math.radians(latitude), math.radians(to_latitude)
    half_north = math.sin((to_north - north) / 2)
    half_east = math.sin(math.radians(to_longitude - longitude) / 2)
    chord = half_north * half_north + math.cos(north) * math.cos(to_north) * half_east * half_east
    return 2 * EARTH_RADIUS * math.asin(math.sqrt(min(1.0, chord)))


def direction(latitude: float, longitude: float) -> tuple[float, float, float]:
    """Return the unit vector from the middle of the Earth to a point given in degrees."""
    north, east = math.radians(latitude), math.radians(longitude)
    return math.cos(north) * math.cos(east), math.cos(north) * math.sin(east), math.sin(north)


def round_trip(kilometres: float) -> float:
    """Return how long light takes there and back through so much glass, ms."""
    return 2 * kilometres / FIBRE
