"""How long choosing takes, without HTTP: in a fleet of 100 regions with 100 relays each."""

import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.bench import fleets

from turnfleet.api import board
from turnfleet.geo import countries
from turnfleet.model import geo, selection
from turnfleet.steer import selecting
from turnfleet.steer.backbone import estimating

_SEED = 4711


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Medians of processor time, in microseconds."""

    new_fleet: float
    """The first selection after a change of the fleet."""
    new_place: float
    """The first selection for a place, the fleet being known."""
    new_slot: float
    """The first selection for one slot of users, its place being known."""
    known: float
    """Any other."""


def measure(*, regions: int, relays: int, clients: int = 2_000) -> Times:
    """Return the time of a selection in four states of knowledge."""
    rng = random.Random(_SEED)  # noqa: S311 - where pretended clients are
    current = board.Board()
    declared = fleets.regions(regions, relays=relays)
    current.publish_regions(declared)
    current.publish_health(fleets.health(declared, rng=rng))
    places = list(countries.PLACES.values())
    estimator = estimating.Backbone()
    selector = selecting.Selector(estimator)

    def fresh(client: selection.Client) -> None:
        selecting.select(current.fleet, client, estimator)

    def kept(client: selection.Client) -> None:
        selector.select(current.fleet, client)

    new_places = [_client(place, rng) for place in places]
    users = [_client(rng.choice(places), rng) for _ in range(clients)]
    return Times(
        new_fleet=_median(fresh, [_client(place, rng) for place in places[:30]]),
        new_place=_median(kept, new_places),
        new_slot=_median(kept, users),
        known=_median(kept, users),
    )


def _client(place: geo.Place, rng: random.Random) -> selection.Client:
    located = geo.Located(place=place, rung=geo.Rung.COUNTRY)
    return selection.Client(located=located, user=f"{rng.getrandbits(60):012x}")


def _median(select: Callable[[selection.Client], None], clients: list[selection.Client]) -> float:
    times = []
    for client in clients:
        start = time.process_time_ns()
        select(client)
        times.append(time.process_time_ns() - start)
    return statistics.median(times) / 1000
