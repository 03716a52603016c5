"""Fleets of any size for measuring: regions at the world's cities, relays with changing load."""

import ipaddress
import itertools
import random
from collections.abc import Mapping, Sequence

from turnfleet.geo import clouds
from turnfleet.model import fleet, region
from turnrelay import contract

_EVERY_TRANSPORT = frozenset(region.Transport)
_LISTENERS = region.Listeners(udp=3478, tcp=3478, tls=5349, tls_secret_name="turn-tls")


def regions(count: int, *, relays: int) -> tuple[fleet.Published, ...]:
    """Return ``count`` regions of ``relays`` relays each, at distinct cities as far as they go."""
    cities = itertools.cycle(sorted({(c.latitude, c.longitude) for c in clouds.CITIES}))
    return tuple(
        _region(number, at=city, relays=relays)
        for number, city in zip(range(count), cities, strict=False)
    )


def _region(number: int, *, at: tuple[float, float], relays: int) -> fleet.Published:
    name = f"region-{number:03}"
    return fleet.Published(
        spec=region.RegionSpec(
            name=name,
            latitude=at[0],
            longitude=at[1],
            realm="turn.example.com",
            residency="eu" if number % 4 == 0 else None,
            listeners=_LISTENERS,
        ),
        relays=tuple(_relay(name, region_number=number, number=n) for n in range(relays)),
        secret=fleet.Secret(f"the secret of {name}".encode()),
    )


def _relay(name: str, *, region_number: int, number: int) -> fleet.Relay:
    address = ipaddress.IPv4Address("198.18.0.0") + (region_number << 8) + number
    return fleet.Relay(
        region=name,
        name=f"{name}-{number}",
        instance="first",
        node=f"node-{number}",
        zone="abc"[number % 3],
        addresses=(str(address),),
        hostname=f"{name}-{number}.turn.example.com",
        listeners=_LISTENERS,
        agent=None,
        state=contract.State.READY,
        since=0.0,
    )


def health(
    fleet_regions: Sequence[fleet.Published], *, rng: random.Random
) -> Mapping[fleet.RelayKey, fleet.Health]:
    """Return a prober's verdict on a working fleet: loads differ, and every fiftieth is full."""
    verdicts = {}
    for index, key in enumerate(r.key for declared in fleet_regions for r in declared.relays):
        full = index % 50 == 49
        verdicts[key] = fleet.Health(
            working=frozenset() if full else _EVERY_TRANSPORT,
            reason=fleet.Reason.FULL if full else None,
            load=1.0 if full else round(rng.uniform(0.05, 0.7), 2),
        )
    return verdicts
