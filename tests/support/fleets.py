"""Fleets in any state, for properties: what a source and a prober could ever come up with."""

from collections.abc import Iterable, Sequence

from hypothesis import settings, strategies

from turnfleet.model import fleet, geo, region, selection
from turnrelay import contract

EVERY_TRANSPORT = frozenset(region.Transport)
LISTENERS = region.Listeners(udp=3478, tcp=3478, tls=5349, tls_secret_name="turn-tls")
GROUPS = ("eu", "us")

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


@strategies.composite
def members(draw: strategies.DrawFn, of: str, number: int) -> fleet.Member:
    """Return a relay in any state; nodes, zones and anycast addresses are shared now and then."""
    ipv4, ipv6 = f"203.0.{ord(of[0])}.{number}", f"2001:db8:{of[0].encode().hex()}::{number}"
    addresses = draw(
        strategies.sampled_from(
            [
                (ipv4,),
                (ipv6,),
                (ipv4, ipv6),
                ("198.51.100.1",),
            ]
        )
    )
    return a_member(
        f"{of}-{number}",
        of=of,
        node=draw(strategies.sampled_from(["n1", "n2", "n3", "n4"])),
        zone=draw(strategies.sampled_from([None, "a", "b"])),
        addresses=addresses,
        hostname=draw(strategies.sampled_from([None, f"{of}-{number}.turn.example.com"])),
        listeners=draw(
            strategies.sampled_from(
                [
                    LISTENERS,
                    region.Listeners(udp=3478),
                    region.Listeners(tls=443, tls_secret_name="turn-tls"),
                    region.Listeners(udp=53, tcp=80),
                ]
            )
        ),
        state=draw(strategies.sampled_from([*contract.State, *[contract.State.READY] * 6])),
        working=draw(strategies.frozensets(strategies.sampled_from(region.Transport))),
        reason=draw(strategies.sampled_from([None, None, None, fleet.Reason.FULL])),
        load=draw(strategies.floats(0, 1.2)),
        anycast=addresses == ("198.51.100.1",),
    )


@strategies.composite
def regions(draw: strategies.DrawFn, name: str) -> fleet.Region:
    """Return a region in any state."""
    count = draw(strategies.integers(0, 6))
    return a_region(
        name,
        *(draw(members(name, number)) for number in range(1, count + 1)),
        at=(draw(latitudes), draw(longitudes)),
        residency=draw(strategies.sampled_from([None, *GROUPS])),
        weight=draw(strategies.sampled_from([0, 1, 50, 100, 100, 1000])),
        secret=draw(strategies.sampled_from([None, b"one", b"two", b"two"])),
        credential_ttl=draw(strategies.integers(60, 86400)),
    )


@strategies.composite
def fleets(draw: strategies.DrawFn) -> fleet.Fleet:
    """Return a fleet in any state."""
    names = draw(strategies.lists(strategies.sampled_from("vwxyz"), unique=True, max_size=5))
    return a_fleet(*(draw(regions(name)) for name in names))


@strategies.composite
def clients(draw: strategies.DrawFn) -> selection.Client:
    """Return a client anywhere, pinned or not; the pin may be to a region that is not there."""
    return a_client(
        draw(places),
        draw(users),
        pin=draw(strategies.sampled_from([None, None, "v", "w"])),
        residency=draw(strategies.sampled_from([None, *GROUPS])),
    )
