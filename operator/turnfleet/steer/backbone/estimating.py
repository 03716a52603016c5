"""Estimates from the map: what the shortest path says, and what the way by the gateways says.

Between two countries both happen, and which share of the traffic does which is a constant of the
world (``tuning``): the estimate is the mean of the two, its deviation how far they are apart, and
what any path is wrong by. Within a country the shortest path is what networks take. Where the map
knows nothing, the great circle answers.

A region is compiled once, when it is first asked for (some 2 ms), into a table of every node's
round trip; so is a client's place into the few hubs and gateways that it goes by. A look-up is two
short minima.
"""

import functools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from turnfleet.model import estimate, geo, region
from turnfleet.steer import estimating
from turnfleet.steer.backbone import access, attaching, graph, tuning

REGIONS_KEPT: Final = 512
"""Tables, some 20 kB each."""
PLACES_KEPT: Final = 8192
"""Places whose hubs and gateways are remembered, 2 kB each."""
_SAME: Final = 1e-6
"""ms: sums of the same stretches in another order differ by less."""


class _Region(NamedTuple):
    """A region's whereabouts, and how far it is, ms."""

    country: str | None
    area: access.Area
    toll: float
    """What the country's border costs."""
    direct: tuple[float, ...]
    """From every node, by the shortest path."""
    around: Mapping[int, float]
    """From every gateway of the world, by one of the region's area."""


class _Client(NamedTuple):
    """A client's whereabouts, and the nodes that its paths go by."""

    country: str | None
    area: access.Area
    toll: float
    ways: tuple[attaching.Way, ...]
    """To its hubs."""
    gateways: tuple[attaching.Way, ...]
    """Where its area meets the world, by the shortest path."""
    exchanges: tuple[attaching.Way, ...]
    """Where networks of its area meet each other, those too."""


class Backbone:
    """The estimator that knows how the internet is wired. Not for use by several threads."""

    def __init__(self, tuned: tuning.Tuning = tuning.STANDARD) -> None:
        self._tuned = tuned
        self._graph = graph.build(tuned)
        self._attacher = attaching.Attacher(self._graph, detour=tuned.access)
        self._between = _between_meetings(tuned)
        self._region = functools.lru_cache(REGIONS_KEPT)(self._compile)
        self._client = functools.lru_cache(PLACES_KEPT)(self._attach)
        self._unmapped = estimating.GreatCircle()
        self._place: geo.Place | None = None
        self._asking: _Client | None = None

    def estimate(self, place: geo.Place, spec: region.RegionSpec, /) -> estimate.Estimate:
        """Return the expected RTT from ``place`` to the region, and how sure that is."""
        if place is not self._place:  # all regions are asked for one place after another
            self._place, self._asking = place, self._client(place)
        client, there = self._asking, self._region(spec.latitude, spec.longitude)
        if client is None or there is None:
            return self._unmapped.estimate(place, spec)
        direct = _least(client.ways, there.direct)
        if client.country is not None and client.country == there.country:
            return _told(self._tuned, direct, direct, share=0.0, toll=0.0)
        toll = client.toll + there.toll
        if client.area is there.area:
            around = _least(client.exchanges, there.direct)
            return _told(self._tuned, direct, around, share=self._tuned.within, toll=toll)
        around = _least(client.gateways, there.around)
        return _told(self._tuned, direct, around, share=self._tuned.between, toll=toll)

    def _compile(self, latitude: float, longitude: float) -> _Region | None:
        at = self._attacher.attach(geo.Place(latitude=latitude, longitude=longitude))
        if at is None:
            return None
        direct = self._graph.reach(dict(at.ways))
        own = [attaching.Way(g, direct[g]) for g in self._numbers(at.area.gateways)]
        return _Region(
            country=at.country,
            area=at.area,
            toll=_toll(at.country),
            direct=direct,
            around={meeting: _least(own, reach) for meeting, reach in self._between.items()},
        )

    def _attach(self, place: geo.Place) -> _Client | None:
        at = self._attacher.attach(place)
        if at is None:
            return None
        return _Client(
            country=at.country,
            area=at.area,
            toll=_toll(at.country),
            ways=at.ways,
            gateways=self._first(at, at.area.gateways),
            exchanges=self._first(at, (*at.area.gateways, *at.area.exchanges)),
        )

    def _first(self, at: attaching.Attachment, names: Iterable[str]) -> tuple[attaching.Way, ...]:
        """Return the ways to those of the cities that are not reached through another of them.

        Whatever passes a city that is reached through another passes that one, too.
        """
        reach = {number: self._between[number] for number in self._numbers(names)}
        costs = {number: _least(at.ways, found) for number, found in reach.items()}
        first: list[attaching.Way] = []
        for number in sorted(costs, key=costs.__getitem__):
            cost = costs[number]
            if all(way.cost + reach[way.node][number] > cost + _SAME for way in first):
                first.append(attaching.Way(number, cost))
        return tuple(first)

    def _numbers(self, names: Iterable[str]) -> list[int]:
        return [self._graph.numbers[name] for name in names]


@functools.lru_cache(maxsize=4)
def _between_meetings(tuned: tuning.Tuning) -> Mapping[int, tuple[float, ...]]:
    """Return how far every node is from each gateway and exchange of the world, ms."""
    whole = graph.build(tuned)
    names = {name for area in access.AREAS for name in (*area.gateways, *area.exchanges)}
    numbers = sorted(whole.numbers[name] for name in names)
    return {number: whole.reach({number: 0.0}) for number in numbers}


def _least(ways: Iterable[attaching.Way], reach: Sequence[float] | Mapping[int, float]) -> float:
    """Return the shortest round trip by one of the ``ways``, ms."""
    return min([cost + reach[node] for node, cost in ways])


def _toll(country: str | None) -> float:
    return access.TOLLS.get(country, 0.0) if country is not None else 0.0


def _told(
    tuned: tuning.Tuning, direct: float, around: float, *, share: float, toll: float
) -> estimate.Estimate:
    """Weigh two ways, ms each; ``share`` of the traffic goes around. A toll may not be due."""
    path = direct + share * (around - direct)
    either = math.sqrt(share * (1 - share)) * (around - direct)
    always = tuned.doubt + tuned.doubt_share * path
    return estimate.Estimate(
        rtt=estimating.ACCESS + path + toll, deviation=math.hypot(always, either, toll)
    )
