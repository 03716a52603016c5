"""Makes round trips of the times that a report has.

What a browser takes to get a relay candidate is a number of round trips: 2 by UDP (Allocate, and
again with the credential), 3 by TCP, 4 or 5 by TLS (1.3 or 1.2); and before them the name's
resolution and what the browser has to do first. So:

* a URL whose name was not resolved yet says nothing;
* regions are compared by like transports. The reference is the region measured by the transport
  that has the fewest round trips. Another one's round trip, where it was not measured by the same
  transport, is the reference's times the ratio of their times by a transport that both have; so it
  does not matter which TLS version that was, nor how slow the client's processor is;
* what is less than ``LEAST`` or more than ``MOST`` times the prior is refused. For the upper bound,
  a prior counts as ``NEAR`` at least, since near by a detour is many times the distance; and as
  what is estimated for the source already, or a client with a bad prior could be sent for ever to
  a region whose bad values nobody believes.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from turnfleet.learn import report
from turnfleet.model import fleet, region

LEAST: Final = 0.2
MOST: Final = 5.0
NEAR: Final = 50.0
"""ms."""
ROUND_TRIPS: Final[Mapping[region.Transport, float]] = {
    region.Transport.UDP: 2.0,
    region.Transport.TCP: 3.0,
    region.Transport.TLS: 4.5,
}
"""Until a candidate, fewest first; TLS is between its two versions."""


class Route(NamedTuple):
    """What a URL leads to."""

    region: str
    transport: region.Transport
    named: bool
    """By a name that has to be resolved, not by an address."""
    anycast: bool = False
    """Wherever the network takes the client."""
    name: str = ""
    """Of the relay, within its region."""
    ipv6: bool = False
    """By that family alone."""

    @property
    def relay(self) -> fleet.RelayKey:
        """Return which relay of the fleet it is."""
        return fleet.RelayKey(self.region, self.name)


class Converted(NamedTuple):
    """What a report's times come to."""

    round_trips: Mapping[str, float]
    """ms, by region."""
    refused: int
    """Regions whose value was out of bounds."""


_Times = dict[str, dict[region.Transport, float]]
"""By region and transport, ms."""


def convert(
    times: Iterable[report.Time],
    *,
    routes: Mapping[str, Route],
    prior: Mapping[str, float],
    estimates: Mapping[str, float],
) -> Converted:
    """Return the round trip to each region that a report tells of.

    ``routes`` has the URLs that were offered, but for those that nothing is to be learned from;
    ``prior`` the round trip to each region that the prior expects, ``estimates`` what is estimated
    for the source; ms. What is in neither of the first two is passed over.
    """
    found = _round_trips(_by_region(times, routes))
    known = {name: rtt for name, rtt in found.items() if name in prior}
    kept = {name: rtt for name, rtt in known.items() if credible(rtt, prior[name], estimates[name])}
    return Converted(kept, len(known) - len(kept))


def credible(rtt: float, prior: float, estimated: float) -> bool:
    """Tell whether a round trip is within bounds of what was expected; all in ms."""
    near = max(prior, NEAR)
    return LEAST * prior <= rtt <= MOST * max(near, min(estimated, MOST * near))


def _by_region(times: Iterable[report.Time], routes: Mapping[str, Route]) -> _Times:
    least: _Times = {}
    for time in times:
        route = routes.get(time.url)
        if route is None or not time.ms or (route.named and time.cold is not False):
            continue
        taken = least.setdefault(route.region, {})
        taken[route.transport] = min(time.ms, taken.get(route.transport, time.ms))
    return least


def _round_trips(times: _Times) -> dict[str, float]:
    if not times:
        return {}
    reference = min(times, key=lambda name: (*_standing(times[name]), name))
    transport, _ = _best_of(times[reference])
    known = times[reference][transport] / ROUND_TRIPS[transport]
    return {
        name: _round_trip(taken, transport, times[reference], known)
        for name, taken in times.items()
    }


def _round_trip(
    taken: Mapping[region.Transport, float],
    transport: region.Transport,
    reference: Mapping[region.Transport, float],
    known: float,
) -> float:
    """Return a region's round trip, given the reference's times and its round trip ``known``."""
    if transport in taken:
        return taken[transport] / ROUND_TRIPS[transport]
    for shared in ROUND_TRIPS:
        if shared in taken and shared in reference:
            return known * taken[shared] / reference[shared]
    alone, ms = _best_of(taken)
    return ms / ROUND_TRIPS[alone]


def _best_of(taken: Mapping[region.Transport, float]) -> tuple[region.Transport, float]:
    return next((kind, taken[kind]) for kind in ROUND_TRIPS if kind in taken)


def _standing(taken: Mapping[region.Transport, float]) -> tuple[float, float]:
    transport, ms = _best_of(taken)
    return ROUND_TRIPS[transport], ms
