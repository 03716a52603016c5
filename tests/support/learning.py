"""A small world to learn in: three regions, a prior that knows only distance, and sources."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

from turnfleet.ice import rid
from turnfleet.learn import cells, convert, learning, report, sites
from turnfleet.model import estimate, geo, region

REGIONS: Final[Mapping[str, tuple[float, float]]] = {
    "frankfurt": (50.1, 8.7),
    "dubai": (25.2, 55.3),
    "pune": (18.5, 73.9),
}
NAMES: Final = tuple(REGIONS)
SITES: Final = tuple(sites.Site(name, *place) for name, place in REGIONS.items())
NUMBERS: Final = {site.name: sites.number(site) for site in SITES}
NOW: Final = 1_763_730_000.0
DAY: Final = 86400.0
SIGNER: Final = rid.Signer(b"fleet key")

AMMAN: Final = geo.Place(latitude=31.9, longitude=35.9, country="JO")
AQABA: Final = geo.Place(latitude=29.5, longitude=35.0, country="JO")
OSLO: Final = geo.Place(latitude=59.9, longitude=10.8, country="NO")
MUSCAT: Final = geo.Place(latitude=23.6, longitude=58.4, country="OM")

CABLES: Final[Mapping[str, float]] = {"frankfurt": 55.0, "dubai": 140.0, "pune": 190.0}
"""What clients in Jordan really measure, ms: cables to Europe, and none to the Gulf."""


def prior(place: geo.Place) -> Sequence[estimate.Estimate]:
    """Return what distance says, and that it is off by a quarter."""
    found = []
    for latitude, longitude in REGIONS.values():
        rtt = 5 + 3 * _kilometres(place, latitude, longitude) / 200
        found.append(estimate.Estimate(rtt=rtt, deviation=0.25 * (rtt + 30)))
    return found


def _kilometres(place: geo.Place, latitude: float, longitude: float) -> float:
    north, south = math.radians(place.latitude), math.radians(latitude)
    east = math.radians(longitude - place.longitude)
    cosine = math.sin(north) * math.sin(south) + math.cos(north) * math.cos(south) * math.cos(east)
    return 6371 * math.acos(max(-1.0, min(1.0, cosine)))


def learner() -> learning.Learner:
    """Return one that has heard nothing."""
    return learning.Learner(regions=SITES, prior=prior)


def source(address: str) -> bytes:
    """Return the source that an address belongs to."""
    return SIGNER.source(cells.prefix(address))


def cell(place: geo.Place) -> str:
    """Return the cell of a place as tokens have it."""
    return rid.cell_of(place).decode()


def url(name: str, *, transport: str = "udp") -> str:
    """Return the URL of a region's relay by UDP or TLS."""
    scheme = "turns" if transport == "tcp" else "turn"
    return f"{scheme}:192.0.2.{1 + NAMES.index(name)}:3478?transport={transport}"


ROUTES: Final[Mapping[str, convert.Route]] = {
    url(name): convert.Route(region=name, transport=region.Transport.UDP, named=False)
    for name in NAMES
}


def measure(
    learner: learning.Learner,
    address: str,
    rtts: Mapping[str, float],
    *,
    place: geo.Place,
    now: float,
    nonce: int = 0,
) -> learning.Taken:
    """Let a client at an address report the round trips that it measured."""
    origin = learning.Origin(
        time=int(now),
        nonce=nonce.to_bytes(4, "big"),
        source=source(address),
        cell=cell(place),
    )
    times = [report.Time(url=url(name), ms=2 * rtt) for name, rtt in rtts.items()]
    return learner.take(times, origin=origin, routes=ROUTES, now=now)


def estimates(
    learner: learning.Learner, address: str, *, place: geo.Place, now: float
) -> dict[str, estimate.Estimate]:
    """Return what a client at an address is told to expect of each region."""
    found = learner.posterior.estimates(
        expected=prior(place), cell=cell(place), source=source(address), now=now
    )
    return dict(zip(NAMES, found, strict=True))


def best(learner: learning.Learner, address: str, *, place: geo.Place, now: float) -> str:
    """Return the region that a client at an address is sent to."""
    found = estimates(learner, address, place=place, now=now)
    return min(found, key=lambda name: found[name].rtt)
