"""Estimates from the map: what the shortest path says, and what the way by the gateways says.

Between two countries both happen, and which share of the traffic does which is a constant of the
world (``tuning``): the estimate is the mean of the two, its deviation how far they are apart, and
what any path is wrong by. Within a country the shortest path is what networks take. Where the map
knows nothing, the great circle answers.

A region is compiled once, when it is first asked for, into a table of every node's round trip; so
is a client's place into the few hubs and gateways that it goes by. A look-up is two short minima.
"""

import functools
import math
from typing import Final, NamedTuple

from turnfleet.model import estimate, geo, region
from turnfleet.steer import estimating
from turnfleet.steer.backbone import access, attaching, graph, tuning

REGIONS_KEPT: Final = 512
"""Tables, 60 kB each."""
PLACES_KEPT: Final = 8192
"""Places whose hubs and gateways are remembered, 2 kB each."""


class _Region(NamedTuple):
    """A region's whereabouts, and how far every node is from it, ms."""

    country: str | None
    area: access.Area
    direct: tuple[float, ...]
    """By the shortest path."""
    by_exchange: tuple[float, ...]
    """By a city where networks of the region's area meet each other."""
    by_gateway: tuple[float, ...]
    """By a city where they meet the world."""


class _Client(NamedTuple):
    """A client's whereabouts, and the nodes that its paths go by."""

    at: attaching.Attachment
    gateways: tuple[attaching.Way, ...]
    """Of its area, from it by the shortest path."""


class Backbone:
    """The estimator that knows how the internet is wired. Not for use by several threads."""

    def __init__(self, tuned: tuning.Tuning = tuning.STANDARD) -> None:
        self._tuned = tuned
        self._graph = graph.build(tuned)
        self._attacher = attaching.Attacher(self._graph, detour=tuned.access)
        self._region = functools.lru_cache(REGIONS_KEPT)(self._compile)
        self._client = functools.lru_cache(PLACES_KEPT)(self._attach)
        self._from = functools.cache(self._reach_from)
        self._unmapped = estimating.GreatCircle()

    def estimate(self, place: geo.Place, spec: region.RegionSpec, /) -> estimate.Estimate:
        """Return the expected RTT from ``place`` to the region, and how sure that is."""
        tuned = self._tuned
        there = self._region(spec.latitude, spec.longitude)
        client = self._client(place)
        if there is None or client is None:
            return self._unmapped.estimate(place, spec)
        direct = _least(client.at.ways, there.direct)
        if client.at.country is not None and client.at.country == there.country:
            return _told(direct, direct, share=0.0, tuned=tuned)
        if client.at.area is there.area:
            around = _least(client.at.ways, there.by_exchange)
            return _told(direct, around, share=tuned.within, tuned=tuned)
        around = _least(client.gateways, there.by_gateway)
        return _told(direct, around, share=tuned.between, tuned=tuned)

    def _compile(self, latitude: float, longitude: float) -> _Region | None:
        at = self._attacher.attach(geo.Place(latitude=latitude, longitude=longitude))
        if at is None:
            return None
        direct = self._graph.reach(dict(at.ways))

        def by(*names: str) -> tuple[float, ...]:
            numbers = (self._graph.numbers[name] for name in names)
            return self._graph.reach({number: direct[number] for number in numbers})

        return _Region(
            country=at.country,
            area=at.area,
            direct=direct,
            by_exchange=by(*at.area.gateways, *at.area.exchanges),
            by_gateway=by(*at.area.gateways),
        )

    def _attach(self, place: geo.Place) -> _Client | None:
        at = self._attacher.attach(place)
        if at is None:
            return None
        numbers = [self._graph.numbers[name] for name in at.area.gateways]
        gateways = (attaching.Way(n, _least(at.ways, self._from(n))) for n in numbers)
        return _Client(at, tuple(gateways))

    def _reach_from(self, number: int) -> tuple[float, ...]:
        return self._graph.reach({number: 0.0})


def _least(ways: tuple[attaching.Way, ...], reach: tuple[float, ...]) -> float:
    """Return the shortest round trip by one of the ``ways``, ms."""
    return min([cost + reach[node] for node, cost in ways])


def _told(direct: float, around: float, *, share: float, tuned: tuning.Tuning) -> estimate.Estimate:
    """Weigh two ways, ms each; ``share`` of the traffic goes around."""
    path = direct + share * (around - direct)
    either = math.sqrt(share * (1 - share)) * (around - direct)
    return estimate.Estimate(
        rtt=estimating.ACCESS + path,
        deviation=math.hypot(tuned.doubt + tuned.doubt_share * path, either),
    )
