"""Regions as a source would publish them, and the health that probes would report."""

from collections.abc import Mapping

from turnfleet.model import fleet, region
from turnrelay import contract

EVERY_TRANSPORT = frozenset(region.Transport)
WELL = fleet.Health(working=EVERY_TRANSPORT, reason=None)


def a_region(
    name: str,
    *,
    at: tuple[float, float],
    residency: str | None = None,
    relays: int = 2,
    octet: int = 1,
    credential_ttl: int = 3600,
    secret: bytes | None = b"region-secret",
) -> fleet.Published:
    """Return a region with its relays on 192.0.2.x-like addresses, one node and zone each."""
    listeners = region.Listeners(udp=3478, tcp=3478, tls=5349, tls_secret_name="turn-tls")
    return fleet.Published(
        spec=region.RegionSpec(
            name=name,
            latitude=at[0],
            longitude=at[1],
            realm="turn.example.com",
            residency=residency,
            listeners=listeners,
            auth=region.Auth(credential_ttl=credential_ttl),
        ),
        relays=tuple(
            fleet.Relay(
                region=name,
                name=f"{name}-{number}",
                instance="first",
                node=f"node-{number}",
                zone="ab"[number % 2],
                addresses=(f"203.0.{octet}.{number}",),
                hostname=None,
                listeners=listeners,
                agent=None,
                state=contract.State.READY,
                since=0.0,
            )
            for number in range(1, relays + 1)
        ),
        secret=None if secret is None else fleet.Secret(f"{name}:".encode() + secret),
    )


def three_regions() -> tuple[fleet.Published, ...]:
    """Return the shipped example's shape: Frankfurt (residency eu), Virginia, Singapore."""
    return (
        a_region("eu-central", at=(50.11, 8.68), residency="eu", octet=1),
        a_region("us-east", at=(38.95, -77.45), octet=2),
        a_region("ap-southeast", at=(1.35, 103.82), octet=3),
    )


def all_well(regions: tuple[fleet.Published, ...]) -> Mapping[fleet.RelayKey, fleet.Health]:
    """Return the verdict of a prober that found nothing wrong."""
    return {relay.key: WELL for published in regions for relay in published.relays}
