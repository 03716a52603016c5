"""Clients of a table, sent through the code that answers real ones: located, then ranked.

Every region has one relay, idle and sound, and weighs the same: what ranks them is the estimate
alone. There is no endpoint and no network.
"""

import hashlib
import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from turnfleet.commands import crowds
from turnfleet.model import fleet, geo, region, selection
from turnfleet.steer import estimating, locating, selecting
from turnrelay import contract

_REALM: Final = "turn.example.com"
_LISTENERS: Final = region.Listeners(udp=3478)
_DOCUMENTATION: Final = bytes.fromhex("20010db8")


class Placed(NamedTuple):
    """A client, and where the endpoint takes it to be."""

    client: crowds.Client
    located: geo.Located


class Unplaceable(NamedTuple):
    """A client of which nothing is known."""

    client: crowds.Client
    sentence: str


Ranked = tuple[Placed, tuple[selection.Ranked, ...]]
"""A client, and all regions, best first."""


def fleet_of(rows: Iterable[crowds.Region], *, relays: int = 1) -> fleet.Fleet:
    """Return a fleet of some relays in each region, each on a node of its own."""
    return fleet.Fleet(version=1, regions={row.name: _region(row, relays) for row in rows})


def place(client: crowds.Client, *, atlas: geo.Atlas, by_address: bool) -> Placed | Unplaceable:
    """Locate a client as an endpoint does that may be told where it is.

    By latitude and longitude; where they are blank by its address, if there is a database
    (``by_address``) that knows it; else by its country.
    """
    facts = [_facts(client, country=client.country)]
    if client.latitude is None and by_address and client.ip:
        facts.insert(0, locating.Facts(may_place=True, client_ip=client.ip))
    for found in (_locate(each, atlas) for each in facts):
        if found.rung is not geo.Rung.DEFAULT:
            return Placed(client, found)
    unknown = "it has no lat and lon, and neither ip nor country is known"
    without = "it has neither lat and lon nor a country; to place it by its ip takes --geo"
    return Unplaceable(
        client, "; ".join(found.ignored) or (unknown if by_address or not client.ip else without)
    )


def rank(
    now: fleet.Fleet, placed: Iterable[Placed], estimator: estimating.Estimator
) -> Iterator[Ranked]:
    """Yield for each client all regions, best first."""
    selector = selecting.Selector(estimator)
    for one in placed:
        client = selection.Client(located=one.located, user=one.client.name)
        yield one, selector.rank(now, client).ranked


def _facts(client: crowds.Client, *, country: str) -> locating.Facts:
    return locating.Facts(
        may_place=True,
        country=country or None,
        latitude=client.latitude,
        longitude=client.longitude,
    )


def _locate(facts: locating.Facts, atlas: geo.Atlas) -> geo.Located:
    no_regions: Mapping[str, fleet.Region] = {}
    found = locating.locate(
        facts,
        atlas=atlas,
        regions=no_regions,
        residencies=frozenset(),
        default=geo.Place(latitude=0.0, longitude=0.0),
    )
    # An unknown residency is the only other outcome, and none was asked for.
    assert isinstance(found, locating.Whereabouts)  # noqa: S101 - see above
    return found.located


def _region(row: crowds.Region, relays: int) -> fleet.Region:
    spec = region.RegionSpec(
        name=row.name,
        latitude=row.place.latitude,
        longitude=row.place.longitude,
        realm=_REALM,
        listeners=_LISTENERS,
    )
    members = tuple(_member(row.name, number) for number in range(relays))
    return fleet.Region(spec=spec, members=members, secret=fleet.Secret(b"simulated"))


def _member(of: str, number: int) -> fleet.Member:
    relay = fleet.Relay(
        region=of,
        name=f"{of}-{number}",
        instance="simulated",
        node=f"simulated-{number}",
        zone=None,
        addresses=(_address(f"{of}/{number}"),),
        hostname=None,
        listeners=_LISTENERS,
        agent=None,
        state=contract.State.READY,
        since=0.0,
    )
    health = fleet.Health(working=frozenset({region.Transport.UDP}), reason=None)
    return fleet.Member(relay=relay, health=health)


def _address(of: str) -> str:
    """Return an address of nobody else's (RFC 3849): relays at one address are on one machine."""
    digest = hashlib.sha256(of.encode()).digest()
    return str(ipaddress.IPv6Address(_DOCUMENTATION + digest[: 16 - len(_DOCUMENTATION)]))
