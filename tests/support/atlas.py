"""A small atlas that tests can read: real places, written down."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field

from turnfleet.model import geo

FRANKFURT = geo.Place(latitude=50.11, longitude=8.68, country="DE")
PARIS = geo.Place(latitude=48.86, longitude=2.35, country="FR")
NEW_YORK = geo.Place(latitude=40.71, longitude=-74.01, country="US")
SINGAPORE = geo.Place(latitude=1.35, longitude=103.82, country="SG")

_NAMES = {
    "DE": FRANKFURT,
    "FR": PARIS,
    "US": NEW_YORK,
    "SG": SINGAPORE,
    "Europe/Berlin": FRANKFURT,
    "America/New_York": NEW_YORK,
    "us-east-1": NEW_YORK,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenAtlas:
    """Knows the names above, and the networks it is given."""

    networks: Mapping[str, geo.Place] = field(default_factory=dict)
    """The operator's table, by CIDR."""
    countries: Mapping[str, geo.Place] = field(default_factory=dict)
    """The country database, by CIDR."""
    systems: Mapping[str, int] = field(default_factory=dict)
    """Autonomous systems, by CIDR."""

    def by_network(self, address: str, /) -> geo.Place | None:
        return _look_up(self.networks, address)

    def by_city(self, _: str, /) -> geo.Place | None:
        return None

    def by_country(self, address: str, /) -> geo.Place | None:
        return _look_up(self.countries, address)

    def system(self, address: str, /) -> int | None:
        return next(
            (system for cidr, system in self.systems.items() if _holds(cidr, address)), None
        )

    def by_name(self, name: str, /) -> geo.Place | None:
        return _NAMES.get(name)


def _look_up(table: Mapping[str, geo.Place], address: str) -> geo.Place | None:
    return next((place for cidr, place in table.items() if _holds(cidr, address)), None)


def _holds(cidr: str, address: str) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_network(cidr)
