"""Hands what reports say of UDP to ``learn.reach``, and shows to a scrape what came of it."""

from collections.abc import Iterator

from prometheus_client import core

from turnfleet.api import reporting, whose
from turnfleet.learn import reach


class Adapting:
    """A sink for reports that count (``reporting.Sink``)."""

    def __init__(self, transports: reach.Transports) -> None:
        self._transports = transports

    def take(self, accepted: reporting.Accepted, /, *, now: float) -> None:
        """Take what a report says of UDP. ``now`` in Unix seconds."""
        token = accepted.token
        works = reach.udp_works(accepted.told, accepted.routes)
        if works is None or token.source == whose.NOBODY:
            return
        self._transports.take(works=works, cell=token.cell, source=token.source, now=now)

    def collect(self) -> Iterator[core.Metric]:
        """Yield every metric."""
        given = core.CounterMetricFamily(
            "turnfleet_answers_tls_first",
            "Answers with TLS first since UDP fails, by whose reports say so.",
            labels=("basis",),
        )
        for basis in reach.Basis:
            given.add_metric((basis,), self._transports.given[basis])
        yield given
        failing = core.GaugeMetricFamily(
            "turnfleet_udp_fails",
            "Clients' own networks, and autonomous systems or squares, in which UDP fails.",
            labels=("basis",),
        )
        failing.add_metric((reach.Basis.SOURCE,), self._transports.sources)
        failing.add_metric((reach.Basis.CELL,), self._transports.cells)
        yield failing
