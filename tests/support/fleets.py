"""Fleets in any state, for properties: what a source and a prober could ever come up with."""

import functools
from collections.abc import Iterable, Sequence

from hypothesis import settings, strategies

from turnfleet.model import fleet, geo, region, selection
from turnrelay import contract

EVERY_TRANSPORT = frozenset(region.Transport)
LISTENERS = region.Listeners(udp=3478, tcp=3478, tls=5349, tls_secret_name="turn-tls")
GROUPS = ("eu", "us")
_ANYCAST = "198.51.100.1"

few = settings(max_examples=50, deadline=None)
"""For properties of whole fleets, which take a while to make up."""


latitudes = strategies.floats(-90, 90)
longitudes = strategies.floats(-180, 180)
places = strategies.builds(geo.Place, latitude=latitudes, longitude=longitudes)
users = strategies.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", min_size=1, max_size=16)


def a_member(
    name: str,
    *,
    of: str = "here",
    node: str | None = None,
    zone: str | None = None,
    addresses: Sequence[str] = ("203.0.113.7",),
    hostname: str | None = None,
    listeners: region.Listeners = LISTENERS,
    state: contract.State = contract.State.READY,
    working: Iterable[region.Transport] = EVERY_TRANSPORT,
    reason: fleet.Reason | None = None,
    load: float = 0.0,
    silent: Iterable[str] = (),
    anycast: bool = False,
) -> fleet.Member:
    """Return a relay that may be offered, but for what is given; on a node of its own."""
    return fleet.Member(
        relay=fleet.Relay(
            region=of,
            name=name,
            instance="first",
            node=node if node is not None else f"node-of-{name}",
            zone=zone,
            addresses=tuple(addresses),
            hostname=hostname,
            listeners=listeners,
            agent=None,
            state=state,
            since=0.0,
            anycast=anycast,
        ),
        health=fleet.Health(
            working=frozenset(working), reason=reason, load=load, silent=frozenset(silent)
        ),
    )


def a_region(
    name: str,
    *members: fleet.Member,
    at: tuple[float, float] = (50.0, 8.0),
    residency: str | None = None,
    weight: int = 100,
    secret: bytes | None = b"secret",
    credential_ttl: int = 3600,
) -> fleet.Region:
    """Return a region of these relays."""
    return fleet.Region(
        spec=region.RegionSpec(
            name=name,
            latitude=at[0],
            longitude=at[1],
            realm="turn.example.com",
            residency=residency,
            weight=weight,
            auth=region.Auth(credential_ttl=credential_ttl),
        ),
        members=members,
        secret=None if secret is None else fleet.Secret(secret),
    )


def a_fleet(*regions: fleet.Region, version: int = 1) -> fleet.Fleet:
    """Return a fleet of these regions."""
    return fleet.Fleet(version=version, regions={found.spec.name: found for found in regions})


def a_client(
    place: geo.Place,
    user: str = "somebody",
    *,
    pin: str | None = None,
    residency: str | None = None,
) -> selection.Client:
    """Return a client at a place."""
    located = geo.Located(place=place, rung=geo.Rung.CITY)
    return selection.Client(located=located, user=user, pin=pin, residency=residency)


# Drawn thousands of times, and most of the time of a small strategy is to make it.
_nodes = strategies.sampled_from(["n1", "n2", "n3", "n4"])
_zones = strategies.sampled_from([None, "a", "b"])
_listeners = strategies.sampled_from(
    [
        LISTENERS,
        region.Listeners(udp=3478),
        region.Listeners(tls=443, tls_secret_name="turn-tls"),
        region.Listeners(udp=53, tcp=80),
    ]
)
_states = strategies.sampled_from([*contract.State, *[contract.State.READY] * 6])
_working = strategies.frozensets(strategies.sampled_from(region.Transport))
_reasons = strategies.sampled_from([None, None, None, fleet.Reason.FULL])
_loads = strategies.floats(0, 1.2)
_counts = strategies.integers(0, 6)
_groups = strategies.sampled_from([None, *GROUPS])
_weights = strategies.sampled_from([0, 1, 50, 100, 100, 1000])
_secrets = strategies.sampled_from([None, b"one", b"two", b"two"])
_ttls = strategies.integers(60, 86400)
_names = strategies.lists(strategies.sampled_from("vwxyz"), unique=True, max_size=5)
_pins = strategies.sampled_from([None, None, "v", "w"])


@functools.cache
def _addresses(of: str, number: int) -> strategies.SearchStrategy[tuple[str, ...]]:
    ipv4, ipv6 = f"203.0.{ord(of[0])}.{number}", f"2001:db8:{of[0].encode().hex()}::{number}"
    return strategies.sampled_from([(ipv4,), (ipv6,), (ipv4, ipv6), (_ANYCAST,)])


@functools.cache
def _hostnames(of: str, number: int) -> strategies.SearchStrategy[str | None]:
    return strategies.sampled_from([None, f"{of}-{number}.turn.example.com"])


@strategies.composite
def members(draw: strategies.DrawFn, of: str, number: int) -> fleet.Member:
    """Return a relay in any state; nodes, zones and anycast addresses are shared now and then."""
    addresses = draw(_addresses(of, number))
    return a_member(
        f"{of}-{number}",
        of=of,
        node=draw(_nodes),
        zone=draw(_zones),
        addresses=addresses,
        hostname=draw(_hostnames(of, number)),
        listeners=draw(_listeners),
        state=draw(_states),
        working=draw(_working),
        reason=draw(_reasons),
        load=draw(_loads),
        anycast=addresses == (_ANYCAST,),
    )


_members = functools.cache(members)


@strategies.composite
def regions(draw: strategies.DrawFn, name: str) -> fleet.Region:
    """Return a region in any state."""
    count = draw(_counts)
    return a_region(
        name,
        *(draw(_members(name, number)) for number in range(1, count + 1)),
        at=(draw(latitudes), draw(longitudes)),
        residency=draw(_groups),
        weight=draw(_weights),
        secret=draw(_secrets),
        credential_ttl=draw(_ttls),
    )


_regions = functools.cache(regions)


@strategies.composite
def fleets(draw: strategies.DrawFn) -> fleet.Fleet:
    """Return a fleet in any state."""
    return a_fleet(*(draw(_regions(name)) for name in draw(_names)))


@strategies.composite
def clients(draw: strategies.DrawFn) -> selection.Client:
    """Return a client anywhere, pinned or not; the pin may be to a region that is not there."""
    return a_client(draw(places), draw(users), pin=draw(_pins), residency=draw(_groups))
