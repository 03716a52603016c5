"""Which cells a client is in, from its country to its own network. Knows no estimate.

A token carries a client's cell as text (``ice.rid.cell_of``): ``DE/50/8`` or, where a database of
networks is given, ``DE/50/8/64500``: country, two-degree square, autonomous system. Of it come the
shared cells, widest first:

    ``DE``  the country
    ``DE/AS64500``  the network within the country
    ``DE/50/8``  the square within the country

There is none for the whole world: what clients near a region find says little of those far from
it, and between regions that are equally good it would choose by chance. So a client of a country
that nobody has reported from has the prior, and nothing else.

Below them is the source: an IPv4 /24 or an IPv6 /48, which is the least that one customer of a
provider gets, so that one customer is one source. A source is known by a keyed hash alone.
"""

import functools
import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from turnfleet.model import geo


class Level(StrEnum):
    """How wide a shared cell is."""

    COUNTRY = "country"
    """Clients of one country."""
    NETWORK = "network"
    """Clients of one autonomous system in one country."""
    SQUARE = "square"
    """Clients within some 200 km in one country."""


TEXT_MAX: Final = 32
"""Bytes of a cell's text, as in a token."""

_IPV4_PREFIX: Final = 24
_IPV6_PREFIX: Final = 48
_TEXT = re.compile(r"([A-Z]{2}|-)/(-?[0-9]{1,2})/(-?[0-9]{1,3})(?:/([0-9]{1,10}))?", re.ASCII)
_POLE: Final = 90
_DATE_LINE: Final = 180


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """What a cell's text says."""

    shared: tuple[str, ...]
    """The shared cells that the client is in, widest first."""
    centre: geo.Place
    """The middle of the square: what the prior is asked for where no better place is known."""


NOWHERE: Final = Cells(shared=(), centre=geo.Place(latitude=0.0, longitude=0.0))
"""Of a client of whom nothing is known."""


@functools.lru_cache(4096)
def parse(text: str) -> Cells | None:
    """Return what a cell's text says; nothing if it is no cell. Total: takes any text."""
    found = _TEXT.fullmatch(text)
    if found is None or len(text) > TEXT_MAX:
        return None
    country, north, east, network = found.groups()
    if abs(int(north)) > _POLE or abs(int(east)) > _DATE_LINE:
        return None
    shared = [] if country == "-" else [country]
    if network is not None:
        shared.append(f"{country}/AS{int(network)}")
    shared.append(f"{country}/{int(north)}/{int(east)}")
    centre = geo.Place(
        latitude=float(north),
        longitude=float(east),
        country=None if country == "-" else country,
    )
    return Cells(shared=tuple(shared), centre=centre)


def level(shared: str) -> Level:
    """Return how wide a shared cell is."""
    rest = shared.partition("/")[2]
    if not rest:
        return Level.COUNTRY
    return Level.NETWORK if rest.startswith("AS") else Level.SQUARE


def prefix(address: str) -> str:
    """Return the network that counts as one source with an address: its /24, or its /48.

    IPv4 in IPv6's clothes is IPv4. What is no address stands for itself.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    length = _IPV4_PREFIX if parsed.version == 4 else _IPV6_PREFIX  # noqa: PLR2004 - IPv4
    return str(ipaddress.ip_network((parsed, length), strict=False))
