"""What runs between hubs: cables, fibre on land, and which of it carries little. Facts only.

A route is who built it and the hubs and turns that it passes, in order. ``SEA`` and ``LAND`` are
used by whoever is near; ``THIN`` exists, but transit between its ends mostly goes around; ``SKY``
is a satellite.
"""

from enum import StrEnum
from typing import Final

from turnfleet.steer.backbone.links import (
    africa,
    americas,
    asia_east,
    asia_west,
    atlantic,
    europe,
    pacific,
)


class Kind(StrEnum):
    """What a route is made of, and how much of the traffic between its ends takes it."""

    SEA = "sea"
    """A cable on the ground of the sea."""
    LAND = "land"
    """Fibre along roads, railways, pipelines and power lines."""
    THIN = "thin"
    """Either, where little transit is sold: most traffic between the ends goes around."""
    SKY = "sky"
    """A satellite."""


Route = tuple[str, str]
"""Who, and the places in order with `` - `` between them."""
_ALL: Final = (africa, americas, asia_east, asia_west, atlantic, europe, pacific)
ROUTES: Final[dict[Kind, tuple[Route, ...]]] = {
    Kind.SEA: tuple(route for area in _ALL for route in area.SEA),
    Kind.LAND: tuple(route for area in _ALL for route in area.LAND),
    Kind.THIN: tuple(route for area in _ALL for route in area.THIN),
    Kind.SKY: tuple(route for area in _ALL for route in area.SKY),
}
