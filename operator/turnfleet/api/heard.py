"""Counts what clients report, and shows it to a scrape. Decides nothing, and believes nothing.

Labels are of sets that the fleet and this program know; what a client writes becomes none of them.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

import prometheus_client
from prometheus_client import core

from turnfleet.ice import profiles
from turnfleet.learn import convert, report


class Why(StrEnum):
    """Why a report counts for nothing."""

    UNREADABLE = "Unreadable"
    """It is no report, or did not arrive whole."""
    TOO_LARGE = "TooLarge"
    """It is over a kilobyte."""
    TOO_MANY = "TooMany"
    """Its network sends too many."""
    FORGED = "Forged"
    """Its token is none, or not of this fleet, or from the future."""
    EXPIRED = "Expired"
    """Its token is over an hour old."""
    UNTIMELY = "Untimely"
    """The endpoint's own clock is before 1970 or after 2106."""
    REPLAYED = "Replayed"
    """Its token was used before. The sender is told nothing of it."""


class Path(NamedTuple):
    """The labels of one connection that was made."""

    path: report.Kind
    protocol: report.Protocol
    region: str
    connection: str


_CONNECT: Final = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 40.0)
_PAIR: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0)
_FARTHEST: Final = (report.Kind.HOST, report.Kind.SRFLX, report.Kind.PRFLX, report.Kind.RELAY)
"""Types of candidates, by how far from a direct path they are."""
_OTHER: Final = "other"


class Heard:
    """Counts since the start."""

    def __init__(self) -> None:
        self._accepted = 0
        self._refused: Counter[Why] = Counter()
        self._outcomes: Counter[tuple[report.Outcome, str, str]] = Counter()
        self._paths: Counter[Path] = Counter()
        self._connect = _histogram(
            "turnfleet_connect_seconds",
            "From the first check of a pair to the connection.",
            _CONNECT,
        )
        self._pair = _histogram(
            "turnfleet_pair_rtt_seconds",
            "Round trip between the two peers of a connection.",
            _PAIR,
        )

    def refuse(self, why: Why) -> None:
        """Count a report that counts for nothing."""
        self._refused[why] += 1

    def accept(self, told: report.Report, routes: Mapping[str, convert.Route]) -> None:
        """Count a report of an answer with these URLs, the primary's first."""
        self._accepted += 1
        primary = next((route.region for route in routes.values()), "")
        connection = _connection(told.connection)
        self._outcomes[(told.outcome, primary, connection)] += 1
        if told.outcome is not report.Outcome.CONNECTED:
            return
        if told.connect is not None:
            self._connect.observe(told.connect / 1000)
        pair = told.pair
        if pair is None:
            return
        if pair.rtt is not None:
            self._pair.observe(pair.rtt / 1000)
        used = routes.get(pair.url or "")
        farthest = max(pair.local, pair.remote, key=_FARTHEST.index)
        region = primary if used is None else used.region
        self._paths[Path(farthest, pair.protocol, region, connection)] += 1

    def collect(self) -> Iterator[core.Metric]:
        """Yield every metric."""
        yield core.CounterMetricFamily(
            "turnfleet_reports_accepted", "Reports of clients that count.", value=self._accepted
        )
        refused = core.CounterMetricFamily(
            "turnfleet_reports_refused",
            "Reports of clients that count for nothing, by why.",
            labels=("reason",),
        )
        for why in Why:
            refused.add_metric((why,), self._refused[why])
        yield refused
        yield from self._connections()
        yield from self._connect.collect()
        yield from self._pair.collect()

    def _connections(self) -> Iterator[core.Metric]:
        outcomes = core.CounterMetricFamily(
            "turnfleet_connections",
            "Reported connections by outcome, the primary's region and the client's network.",
            labels=("outcome", "region", "connection_type"),
        )
        for (outcome, region, connection), count in sorted(self._outcomes.items()):
            outcomes.add_metric((outcome, region, connection), count)
        yield outcomes
        paths = core.CounterMetricFamily(
            "turnfleet_paths",
            "Connections made, by path: relay if either side has one. The protocol is that of the "
            "reporting side, the region that of its relay, or else of the primary.",
            labels=("path", "protocol", "region", "connection_type"),
        )
        for labels, count in sorted(self._paths.items()):
            paths.add_metric(labels, count)
        yield paths


def _histogram(name: str, text: str, buckets: Sequence[float]) -> prometheus_client.Histogram:
    """Return one that is in no registry: it is collected with the rest."""
    return prometheus_client.Histogram(name, text, buckets=buckets, registry=None)


def _connection(told: str | None) -> str:
    """Return a connection type as a label; what nobody knows is one."""
    if told is None:
        return ""
    known = told.lower()
    return known if known in profiles.CONNECTIONS else _OTHER
