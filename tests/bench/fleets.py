"""Fleets of any size for measuring: regions at the world's cities, relays with changing load."""

import itertools
import random
from collections.abc import Mapping, Sequence

from tests.support import published

from turnfleet.geo import clouds
from turnfleet.model import fleet


def regions(count: int, *, relays: int) -> tuple[fleet.Published, ...]:
    """Return ``count`` regions of ``relays`` relays each, at distinct cities as far as they go."""
    cities = itertools.cycle(sorted({(c.latitude, c.longitude) for c in clouds.CITIES}))
    return tuple(
        published.a_region(
            f"region-{number:03}",
            at=city,
            residency="eu" if number % 4 == 0 else None,
            relays=relays,
            octet=number % 256,
        )
        for number, city in zip(range(count), cities, strict=False)
    )


def health(
    fleet_regions: Sequence[fleet.Published], *, rng: random.Random
) -> Mapping[fleet.RelayKey, fleet.Health]:
    """Return a prober's verdict on a working fleet: loads differ, and every fiftieth is full."""
    verdicts = {}
    for index, key in enumerate(r.key for region in fleet_regions for r in region.relays):
        full = index % 50 == 49
        verdicts[key] = fleet.Health(
            working=frozenset() if full else published.EVERY_TRANSPORT,
            reason=fleet.Reason.FULL if full else None,
            load=1.0 if full else round(rng.uniform(0.05, 0.7), 2),
        )
    return verdicts
