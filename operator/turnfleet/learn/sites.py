"""Which region a fact is of: a name at a place. A region that moves is another one.

What was measured to the old place says nothing of the new one; but coordinates are corrected, too,
by some km. So a fact carries the number of a name and of the whole degrees nearest to the region,
and a region has the facts of its name at all four corners of the square of whole degrees that it is
in. Half a degree of latitude or longitude (some 50 km) thus forgets nothing wherever it begins, and
one and a half forget everything. With the nearest whole degrees alone a correction of a few metres
across the middle between two of them would forget all.

Numbers follow from the TurnRegion alone, so replicas and clusters come to the same, and two
clusters' regions of one name at two places are told apart. The numbers of names alone that earlier
versions had are no region's: their facts are passed over, and forgotten in time.
"""

import math
import zlib
from typing import Final, NamedTuple

_CIRCLE: Final = 360


class Site(NamedTuple):
    """A region's name and place: all that estimates of it depend on."""

    name: str
    latitude: float
    longitude: float


def number(site: Site) -> int:
    """Return the number that new facts of a region carry."""
    return _number(site.name, math.floor(site.latitude + 0.5), math.floor(site.longitude + 0.5))


def numbers(site: Site) -> frozenset[int]:
    """Return the numbers of the facts that are a region's."""
    south, west = math.floor(site.latitude), math.floor(site.longitude)
    return frozenset(
        _number(site.name, north, east) for north in (south, south + 1) for east in (west, west + 1)
    )


def _number(name: str, north: int, east: int) -> int:
    """Return 32 bits of a name and whole degrees, alike on either side of the date line."""
    return zlib.crc32(f"{name}/{north}/{east % _CIRCLE}".encode())
