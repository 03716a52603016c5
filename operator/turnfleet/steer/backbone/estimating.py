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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from turnfleet.model import estimate, geo, region
from turnfleet.steer import estimating
from turnfleet.steer.backbone import access, attaching, graph, tuning

REGIONS_KEPT: Final = 512
"""Tables, some 20 kB each."""
PLACES_KEPT: Final = 8192
"""Places whose hubs and gateways are remembered, 2 kB each."""


class _Region(NamedTuple):
    """A region's whereabouts, and how far it is, ms."""

    country: str | None
    area: access.Area
    direct: tuple[float, ...]
    """From every node, by the shortest path."""
    around: Mapping[int, float]
    """From every gateway of the world, by one of the region's area."""


class _Client(NamedTuple):
    """A client's whereabouts, and the nodes that its paths go by."""

    at: attaching.Attachment
    gateways: tuple[attaching.Way, ...]
    """Where its area meets the world, from it by the shortest path."""
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

    def estimate(self, place: geo.Place, spec: region.RegionSpec, /) -> estimate.Estimate:
        """Return the expected RTT from ``place`` to the region, and how sure that is."""
        tuned = self._tuned
        there = self._region(spec.latitude, spec.longitude)
        client = self._client(place)
        if there is None or client is None:
            return self._unmapped.estimate(place, spec)
        direct = _least(client.at.ways, there.direct)
        if client.at.country is not None and client.at.country == there.country:
            return _told(direct, direct, share=0.0, toll=0.0, tuned=tuned)
        toll = _toll(client.at.country) + _toll(there.country)
        if client.at.area is there.area:
            around = _least(client.exchanges, there.direct)
            return _told(direct, around, share=tuned.within, toll=toll, tuned=tuned)
        around = _least(client.gateways, there.around)
        return _told(direct, around, share=tuned.between, toll=toll, tuned=tuned)

    def _compile(self, latitude: float, longitude: float) -> _Region | None:
        at = self._attacher.attach(geo.Place(latitude=latitude, longitude=longitude))
        if at is None:
            return None
        direct = self._graph.reach(dict(at.ways))
        own = [attaching.Way(g, direct[g]) for g in self._numbers(at.area.gateways)]
        return _Region(
            country=at.country,
            area=at.area,
            direct=direct,
            around={meeting: _least(own, reach) for meeting, reach in self._between.items()},
        )

    def _attach(self, place: geo.Place) -> _Client | None:
        at = self._attacher.attach(place)
        if at is None:
            return None
        gateways = tuple(self._ways(at, at.area.gateways))
        return _Client(at, gateways, (*gateways, *self._ways(at, at.area.exchanges)))

    def _ways(self, at: attaching.Attachment, names: Iterable[str]) -> Iterator[attaching.Way]:
        for number in self._numbers(names):
            yield attaching.Way(number, _least(at.ways, self._between[number]))

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
    direct: float, around: float, *, share: float, toll: float, tuned: tuning.Tuning
) -> estimate.Estimate:
    """Weigh two ways, ms each; ``share`` of the traffic goes around. A toll may be paid or not."""
    path = direct + share * (around - direct)
    either = math.sqrt(share * (1 - share)) * (around - direct)
    always = tuned.doubt + tuned.doubt_share * path
    return estimate.Estimate(
        rtt=estimating.ACCESS + path + toll, deviation=math.hypot(always, either, toll)
    )
