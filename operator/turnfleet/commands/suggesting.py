"""Where the next region would help most: the place that lowers the mean, and the one for p95.

Places are the metropolitan areas where clouds have regions, and the cities of the backbone. Greedy:
a second suggestion takes the first for granted. What is judged is how far clients are from their
best region. To those that exist that is what was measured, where it was, else what is estimated;
to a new one what the prior says, and what the client is late to every region, which is its own
access and stays.
"""

import random
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from turnfleet.commands import replaying
from turnfleet.geo import clouds
from turnfleet.model import fleet, geo, region
from turnfleet.steer import estimating, regret, sphere
from turnfleet.steer.backbone import hubs

ASKED: Final = 3000
"""Clients that are looked at, by chance if there are more: it is places times clients."""
APART: Final = 100.0
"""km: nearer places are one."""

_P95: Final = 0.95


class Spot(NamedTuple):
    """A place where a region could be."""

    name: str
    place: geo.Place


class Figures(NamedTuple):
    """Round trips of clients to their best region, ms."""

    mean: float
    p95: float


class Step(NamedTuple):
    """A suggestion, and what is left after it."""

    spot: Spot
    after: Figures


class Advice(NamedTuple):
    """What to build, in this order."""

    before: Figures
    for_mean: tuple[Step, ...]
    for_p95: tuple[Step, ...]


class Demand(NamedTuple):
    """A client that is to be served."""

    place: geo.Place
    best: float
    """The round trip to its best region, ms."""
    late: float
    """ms more than the prior expects to whatever region was measured: the least of them."""


class Survey:
    """Collects what is demanded, client by client as they are ranked."""

    def __init__(
        self,
        clients: Sequence[str],
        *,
        measured: Mapping[str, Mapping[str, float]],
        regions: Mapping[str, fleet.Region],
        estimator: estimating.Estimator,
        seed: int,
    ) -> None:
        """``measured``: ms by region, by client."""
        chance = random.Random(f"{seed}/suggest")  # noqa: S311 - a simulation
        self._asked = frozenset(chance.sample(clients, min(ASKED, len(clients))))
        self._measured = measured
        self._regions = regions
        self._estimator = estimator
        self.demands: list[Demand] = []

    def note(self, ranked: replaying.Ranked) -> None:
        """Take a client with its regions."""
        one, regions = ranked
        if one.client.name not in self._asked:
            return
        place = one.located.place
        measured = self._measured.get(one.client.name, {})
        late = [
            rtt - self._estimator.estimate(place, self._regions[name].spec).rtt
            for name, rtt in measured.items()
        ]
        self.demands.append(
            Demand(
                place=place,
                best=min(measured.get(found.region, found.estimate) for found in regions),
                late=max(0.0, min(late, default=0.0)),
            )
        )


def suggest(
    demands: Sequence[Demand],
    taken: Iterable[geo.Place],
    *,
    estimator: estimating.Estimator,
    number: int,
) -> Advice:
    """Return the ``number`` best places for each aim, beside the regions that are ``taken``."""
    spots = tuple(_spots(taken))
    reach = [_reach(spot, demands, estimator) for spot in spots]
    best = [found.best for found in demands]

    def steps(aim: Callable[[Figures], tuple[float, float]]) -> tuple[Step, ...]:
        return tuple(_greedy(spots, reach, best, aim=aim, number=number))

    return Advice(
        before=_figures(best),
        for_mean=steps(lambda found: (found.mean, found.p95)),
        for_p95=steps(lambda found: (found.p95, found.mean)),
    )


def _greedy(
    spots: Sequence[Spot],
    reach: Sequence[Sequence[float]],
    best: Sequence[float],
    *,
    aim: Callable[[Figures], tuple[float, float]],
    number: int,
) -> Iterator[Step]:
    left = list(range(len(spots)))
    now = aim(_figures(best))
    for _ in range(number):
        found = {index: _figures(list(map(min, best, reach[index]))) for index in left}
        if not found:
            return
        first = min(left, key=lambda index: (*aim(found[index]), spots[index].name))
        if aim(found[first]) >= now:
            return  # nothing helps any more
        now = aim(found[first])
        best = list(map(min, best, reach[first]))
        left.remove(first)
        yield Step(spots[first], found[first])


def _reach(
    spot: Spot, demands: Sequence[Demand], estimator: estimating.Estimator
) -> tuple[float, ...]:
    spec = region.RegionSpec(
        name="new", latitude=spot.place.latitude, longitude=spot.place.longitude, realm="new"
    )
    return tuple([estimator.estimate(of.place, spec).rtt + of.late for of in demands])


def _figures(best: Sequence[float]) -> Figures:
    return Figures(statistics.fmean(best), regret.quantile(sorted(best), _P95))


def _spots(taken: Iterable[geo.Place]) -> Iterator[Spot]:
    """Yield all places that are none of those taken, and no two that are one."""
    cities = [Spot(name, _place(north, east, country)) for name, country, north, east in hubs.HUBS]
    metros = (_metro(city, cities) for city in clouds.CITIES)
    near = list(taken)
    for spot in (*metros, *cities):
        if all(_apart(spot.place, other) > APART for other in near):
            near.append(spot.place)
            yield spot


def _metro(city: clouds.City, cities: Iterable[Spot]) -> Spot:
    """Return a cloud's place, by the name of the city that it is at if there is one."""
    place = _place(city.latitude, city.longitude, city.country)
    nearest = min(cities, key=lambda spot: _apart(spot.place, place))
    named = _apart(nearest.place, place) <= APART
    return Spot(nearest.name if named else city.names.split()[0], place)


def _place(latitude: float, longitude: float, country: str) -> geo.Place:
    return geo.Place(latitude=latitude, longitude=longitude, country=country)


def _apart(one: geo.Place, other: geo.Place) -> float:
    return sphere.distance(one.latitude, one.longitude, other.latitude, other.longitude)
