"""Places, and which rung of the ladder found one."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Rung(StrEnum):
    """Which source of knowledge placed a client, best first."""

    PINNED = "pinned"
    """The request named a TurnRegion: the client counts as being there."""
    REQUEST = "request"
    """Latitude and longitude (or a country) given by a caller who may give them."""
    HINT = "hint"
    """A country, time zone or cloud region that the client detected."""
    HEADER = "header"
    """Geo headers set by a trusted proxy."""
    CIDR = "cidr"
    """The operator's own table of networks."""
    CITY = "city"
    """A city database."""
    COUNTRY = "country"
    """A country database; the place is the country's population centre."""
    DEFAULT = "default"
    """The declared default: nothing was known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A point on Earth.

    ``latitude`` and ``longitude`` are degrees, WGS 84, north and east positive; ``country`` is an
    ISO 3166-1 alpha-2 code in capitals where known.
    """

    latitude: float
    longitude: float
    country: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """Where a client is taken to be, and how that is known."""

    place: Place
    rung: Rung
    ignored: tuple[str, ...] = ()
    """One sentence for each thing the request said that did not count."""


class Atlas(Protocol):
    """What is known about addresses. Implementations do the I/O; looking up never raises."""

    def by_network(self, address: str, /) -> Place | None:
        """Return the place of the most specific declared network that holds ``address``."""

    def by_city(self, address: str, /) -> Place | None:
        """Return the city database's place of ``address``."""

    def by_country(self, address: str, /) -> Place | None:
        """Return the country database's place of ``address``."""

    def system(self, address: str, /) -> int | None:
        """Return the number of the autonomous system that ``address`` is in, where it is known."""

    def by_name(self, name: str, /) -> Place | None:
        """Return the place that a hint names: ``DE``, ``Europe/Berlin``, ``us-east-1``."""
