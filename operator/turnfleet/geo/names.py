"""What a client's hint means: a country, a time zone, a cloud region, or a part of the world.

Decides what a name means and nothing else: which hints count is the business of ``steer``. Any
string is a fair question, and an unknown one is answered by ``None``.

Understood, in any case of letters: ``DE``, ``Germany``, ``Europe/Berlin`` (and what browsers still
call by its old name, ``Asia/Calcutta``), ``us-east-1``, ``europe-west3-b``, ``West Europe``,
``asia``. Not understood on purpose: ``UTC`` and ``en-US``, which say nothing about a place.
"""

import re
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Final

from turnfleet.geo import clouds, countries
from turnfleet.model import geo

_LONGEST: Final = 64
"""Characters of the longest name that is looked at."""

_ALIASES: Final[Mapping[str, str]] = {
    "america": "US", "czech republic": "CZ", "england": "GB", "great britain": "GB",
    "holland": "NL", "hong kong": "HK", "ivory coast": "CI", "korea": "KR", "macau": "MO",
    "myanmar": "MM", "palestine": "PS", "scotland": "GB", "south korea": "KR", "swaziland": "SZ",
    "the netherlands": "NL", "turkiye": "TR", "türkiye": "TR", "uae": "AE", "uk": "GB",
    "united kingdom": "GB", "united states of america": "US", "usa": "US", "wales": "GB",
}  # fmt: skip

# Parts of the world and the usual names of fleets' regions: where most of their people are near.
_AREAS: Final[Mapping[str, tuple[float, float]]] = {
    "africa": (4.0, 20.0), "ap": (14.0, 105.0), "ap-northeast": (35.7, 139.7),
    "ap-south": (19.1, 72.9), "ap-southeast": (1.3, 103.8), "asia": (25.0, 95.0),
    "asia-pacific": (14.0, 105.0), "emea": (47.0, 12.0),
    "eu": (49.0, 10.0), "eu-central": (50.1, 8.7), "eu-north": (59.3, 18.1),
    "eu-south": (43.0, 12.0), "eu-west": (51.0, 1.0), "europe": (49.0, 10.0),
    "latin america": (-5.0, -65.0), "middle east": (28.0, 45.0), "north america": (38.5, -92.0),
    "oceania": (-33.0, 148.0), "sa-east": (-23.5, -46.6), "south america": (-15.0, -58.0),
    "us-central": (39.0, -95.0), "us-east": (39.5, -77.0), "us-west": (39.0, -121.5),
}  # fmt: skip

_ZONE_OF_REGION: Final = re.compile(r"(?P<region>.+[0-9])-?[a-f]")
"""``us-east-1a``, ``europe-west3-b``: an availability zone is where its region is."""
_POINT: Final = re.compile(
    r"(?P<north>[+-]\d{2})(?P<north_minutes>\d{2})(?:\d{2})?"
    r"(?P<east>[+-]\d{3})(?P<east_minutes>\d{2})(?:\d{2})?"
)
"""ISO 6709 as tzdata writes it: ±DDMM[SS]±DDDMM[SS]."""


class Gazetteer:
    """Every name by its folded form; some 1,600 of them, read once."""

    def __init__(self) -> None:
        self._places: dict[str, geo.Place] = {
            name: geo.Place(latitude=latitude, longitude=longitude)
            for name, (latitude, longitude) in _AREAS.items()
        }
        self._places |= clouds.PLACES
        self._places |= _zones()
        self._places |= _country_names()
        self._places |= {code.casefold(): place for code, place in countries.PLACES.items()}

    def find(self, name: str) -> geo.Place | None:
        """Return the place that a name means, or ``None``."""
        if len(name) > _LONGEST:
            return None
        folded = _fold(name)
        spaced = folded.replace("_", " ").replace("-", " ")
        for spelling in (folded, *(spaced.replace(" ", joint) for joint in (" ", "-", "_", ""))):
            if (place := self._places.get(spelling)) is not None:
                return place
        if zone := _ZONE_OF_REGION.fullmatch(folded):
            return clouds.PLACES.get(zone["region"])
        return None


def _fold(name: str) -> str:
    return name.strip().casefold().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")


def _country_names() -> Iterator[tuple[str, geo.Place]]:
    for code, name in _rows("iso3166.tab"):
        for spelling in {name, name.replace("&", "and"), name.partition(" (")[0]}:
            yield _fold(spelling), countries.PLACES[code]
    for alias, code in _ALIASES.items():
        yield alias, countries.PLACES[code]


def _zones() -> dict[str, geo.Place]:
    # zone.tab rather than zone1970.tab: Réunion's row there is Dubai's, 4,000 km away.
    zones = {name.casefold(): _point(point, code) for code, point, name, *_ in _rows("zone.tab")}
    for line in _lines("tzdata.zi"):
        match line.split():
            # Without a slash it is an abbreviation: EST would be in Panama.
            case ["L", target, old] if "/" in old and (place := zones.get(target.casefold())):
                zones.setdefault(old.casefold(), place)
    return zones


def _point(text: str, country: str) -> geo.Place:
    point = _POINT.fullmatch(text)
    if point is None:
        raise ValueError(f"tzdata has a point that is not ISO 6709: {text!r}")
    north, east = float(point["north_minutes"]) / 60, float(point["east_minutes"]) / 60
    return geo.Place(
        latitude=float(point["north"]) + (-north if point["north"][0] == "-" else north),
        longitude=float(point["east"]) + (-east if point["east"][0] == "-" else east),
        country=country,
    )


def _rows(table: str) -> Iterator[list[str]]:
    return (line.split("\t") for line in _lines(table) if line and not line.startswith("#"))


def _lines(table: str) -> list[str]:
    folder = resources.files("tzdata").joinpath("zoneinfo")
    return folder.joinpath(table).read_text(encoding="utf-8").splitlines()
