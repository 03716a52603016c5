"""Hands reports to the learner, and counts what came of them for a scrape.

A relay behind an anycast address is wherever the network takes the client, so its times say nothing
of its region.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from prometheus_client import Histogram, core

from turnfleet.api import reporting, whose
from turnfleet.learn import convert, learning

_SECONDS: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0)
_LOST: Final = (0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)


class Lessons:
    """A sink for reports that count (``reporting.Sink``)."""

    def __init__(self, learner: learning.Learner) -> None:
        self._learner = learner
        self._nameless = 0
        self._refused = 0
        self._reported = _histogram(
            "turnfleet_reported_rtt_seconds",
            "Round trips to a region that clients reported.",
            _SECONDS,
            "region",
        )
        self._estimated = _histogram(
            "turnfleet_estimated_rtt_seconds",
            "What was estimated of each of these round trips before it was reported.",
            _SECONDS,
            "region",
        )
        self._off = _histogram(
            "turnfleet_estimate_error_seconds",
            "How far each of these estimates was off, either way.",
            _SECONDS,
            "region",
        )
        self._regret = _histogram(
            "turnfleet_regret_seconds",
            "How much farther the primary's region was than the nearest that the client measured.",
            _LOST,
        )

    def take(self, accepted: reporting.Accepted, /, *, now: float) -> None:
        """Learn from a report. ``now`` in Unix seconds."""
        token = accepted.token
        if token.source == whose.NOBODY:
            self._nameless += 1
            return
        routes = {url: route for url, route in accepted.routes.items() if not route.anycast}
        taken = self._learner.take(
            accepted.times,
            origin=learning.Origin(
                time=token.time, nonce=token.nonce, source=token.source, cell=token.cell
            ),
            routes=routes,
            now=now,
        )
        self._refused += taken.refused
        self._count(taken, routes)

    def _count(self, taken: learning.Taken, routes: Mapping[str, convert.Route]) -> None:
        for region, rtt in taken.round_trips.items():
            estimated = taken.estimates[region]
            self._reported.labels(region).observe(rtt / 1000)
            self._estimated.labels(region).observe(estimated / 1000)
            self._off.labels(region).observe(abs(rtt - estimated) / 1000)
        primary = next((route.region for route in routes.values()), None)
        if primary is not None and primary in taken.round_trips and len(taken.round_trips) > 1:
            lost = taken.round_trips[primary] - min(taken.round_trips.values())
            self._regret.observe(lost / 1000)

    def collect(self) -> Iterator[core.Metric]:
        """Yield every metric."""
        for histogram in (self._reported, self._estimated, self._off, self._regret):
            yield from histogram.collect()
        yield core.CounterMetricFamily(
            "turnfleet_round_trips_refused",
            "Reported round trips that are too far from what the region can be.",
            value=self._refused,
        )
        yield core.CounterMetricFamily(
            "turnfleet_reports_nameless",
            "Reports that teach nothing: their client's address is a private one.",
            value=self._nameless,
        )
        yield core.GaugeMetricFamily(
            "turnfleet_learned_sources",
            "Networks of clients that something is known of.",
            value=len(self._learner.sources),
        )


def _histogram(name: str, text: str, bounds: tuple[float, ...], *labels: str) -> Histogram:
    return Histogram(name, text, labels, buckets=bounds, registry=None)
