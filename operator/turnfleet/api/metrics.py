"""What the endpoint counts, and how a scrape sees it. Counts in plain integers, decides nothing.

A counter of prometheus-client costs a lock and a lookup of labels each time, which is a tenth of
an answer; so answers raise integers in a dict, and a scrape folds them into metrics.
"""

import bisect
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

import prometheus_client
from prometheus_client import core, registry

from turnfleet.api import arrivals, probes, problems
from turnfleet.ice import formats
from turnfleet.model import fleet, geo, selection
from turnfleet.steer import loading

CONTENT_TYPE: Final = prometheus_client.CONTENT_TYPE_LATEST

_SECONDS: Final = (
    0.00002, 0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0,
)  # fmt: skip


class Issued(NamedTuple):
    """The labels of one relay handed out."""

    region: str
    role: selection.Role
    rung: geo.Rung
    reason: str
    """The answer's note, such as PinnedRegionDown; empty when all is as usual."""


class Given(NamedTuple):
    """The labels of one answer."""

    rung: geo.Rung
    explored: bool
    """Whether its fallback was chosen for what it would teach."""


class Batch:
    """Counts the answers given from one rung, for one reason, exploring or not.

    Adding has to be next to nothing; what it means for labels and relays is worked out later, which
    has to be soon: the templates are kept alive until then.
    """

    def __init__(self, rung: geo.Rung, reason: str, explored: bool) -> None:  # noqa: FBT001 - in a row
        self._rung = rung
        self._reason = reason
        self._explored = explored
        self.answers: Counter[Given] = Counter()
        self._given: dict[formats.Template, int] = {}

    def add(self, template: formats.Template) -> None:
        """Count one answer."""
        given = self._given
        given[template] = given.get(template, 0) + 1

    def drain(self) -> Iterator[tuple[Issued, formats.Piece, int]]:
        """Yield what was handed out since the last time."""
        given, self._given = self._given, {}
        self.answers[Given(self._rung, self._explored)] += sum(given.values())
        pieces: Counter[formats.Piece] = Counter()  # a few, of thousands of templates
        for template, count in given.items():
            for piece in template.pieces:
                pieces[piece] += count
        for piece, count in pieces.items():
            server = piece.server
            yield Issued(server.region, server.role, self._rung, self._reason), piece, count


class Tally:
    """Counts answers since the start."""

    def __init__(self) -> None:
        self._issued: Counter[Issued] = Counter()
        self._urls: Counter[fleet.RelayKey] = Counter()
        self._batches: dict[tuple[geo.Rung, str, bool], Batch] = {}
        self.refused: Counter[tuple[int, str]] = Counter()
        """By status, and the field or reason that a problem names."""
        self._buckets = [0] * (len(_SECONDS) + 1)
        self._seconds = 0.0

    def batch(self, rung: geo.Rung, reason: str, *, explored: bool = False) -> Batch:
        """Return what counts the answers of a rung and a reason, exploring or not."""
        key = rung, reason, explored
        known = self._batches.get(key)
        if known is None:
            known = self._batches[key] = Batch(*key)
        return known

    def answers(self) -> Counter[Given]:
        """Return the answers given so far."""
        self._fold()
        return sum((batch.answers for batch in self._batches.values()), Counter[Given]())

    def issued(self) -> Counter[Issued]:
        """Return the relays handed out so far."""
        self._fold()
        return self._issued

    def urls(self) -> Mapping[fleet.RelayKey, int]:
        """Return how many TURN URLs of each relay were handed out since this was last asked.

        A client may make an allocation of each.
        """
        self._fold()
        urls, self._urls = self._urls, Counter()
        return urls

    def _fold(self) -> None:
        issued, urls = self._issued, self._urls
        for batch in self._batches.values():
            for labels, piece, count in batch.drain():
                issued[labels] += count
                urls[piece.relay] += count * piece.allocations

    def refuse(self, problem: problems.Problem) -> None:
        """Count one request that got a problem. Only known fields become labels."""
        self.refused[(problem.status.value, problem.field or "")] += 1

    def took(self, seconds: float) -> None:
        """Count one request by the time between its head being parsed and its answer written."""
        self._buckets[bisect.bisect_left(_SECONDS, seconds)] += 1
        self._seconds += seconds

    def histogram(self) -> tuple[list[tuple[str, float]], float]:
        """Return cumulative buckets as Prometheus has them, and the sum of seconds."""
        total = 0
        buckets: list[tuple[str, float]] = []
        for bound, count in zip((*map(str, _SECONDS), "+Inf"), self._buckets, strict=True):
            total += count
            buckets.append((bound, total))
        return buckets, self._seconds


class Collector(registry.Collector):
    """Folds a tally, the fleet and the prober into metrics, at the moment of a scrape."""

    def __init__(
        self,
        *,
        tally: Tally,
        current: Callable[[], fleet.Fleet],
        prober: probes.Prober | None,
        came: arrivals.Arrivals | None = None,
        more: Callable[[], Iterable[core.Metric]] = tuple,
    ) -> None:
        """``more`` gives what else the program that serves the endpoint counts."""
        self._tally = tally
        self._current = current
        self._prober = prober
        self._came = came
        self._more = more

    def collect(self) -> Iterable[core.Metric]:
        """Yield every metric."""
        yield from self._answers()
        yield from self._fleet()
        if self._prober is not None:
            yield core.GaugeMetricFamily(
                "turnfleet_prober_suspects_itself",
                "1 while so much is silent that the prober doubts itself and keeps the last set.",
                value=float(self._prober.suspicion is not None),
            )
            yield from self._prober.measured()
        if self._came is not None:
            yield from _arrivals(self._came)
        yield from self._more()

    def _answers(self) -> Iterator[core.Metric]:
        issued = core.CounterMetricFamily(
            "turnfleet_issued",
            "Relays handed out to clients.",
            labels=("region", "role", "rung", "reason"),
        )
        for labels, count in sorted(self._tally.issued().items()):
            issued.add_metric(labels, count)
        yield issued
        answers = core.CounterMetricFamily(
            "turnfleet_answers",
            "Answers by what placed the client; explored if the fallback is one to learn from.",
            labels=("rung", "explored"),
        )
        for given, count in sorted(self._tally.answers().items()):
            answers.add_metric((given.rung, str(given.explored).lower()), count)
        yield answers
        refused = core.CounterMetricFamily(
            "turnfleet_refused",
            "Requests for servers that got a problem instead.",
            labels=("status", "field"),
        )
        for (status, field), count in sorted(self._tally.refused.items()):
            refused.add_metric((str(status), field), count)
        yield refused
        buckets, seconds = self._tally.histogram()
        yield core.HistogramMetricFamily(
            "turnfleet_answer_seconds",
            "From a request's head being parsed to its answer being written.",
            buckets=buckets,
            sum_value=seconds,
        )

    def _fleet(self) -> Iterator[core.Metric]:
        current = self._current()
        relays = core.GaugeMetricFamily(
            "turnfleet_relays",
            "Relays by what their source says of them and why they are not offered, if so.",
            labels=("region", "state", "reason"),
        )
        load = core.GaugeMetricFamily(
            "turnfleet_region_load",
            "Mean load of a region's relays by capacity, 0 to 1.",
            labels=("region",),
        )
        counts = Counter(
            (name, member.relay.state, member.health.reason or "")
            for name, region in current.regions.items()
            for member in region.members
        )
        for labels, count in sorted(counts.items()):
            relays.add_metric(labels, count)
        for name, region in sorted(current.regions.items()):
            load.add_metric((name,), loading.mean(region.spec, region.members))
        yield relays
        yield load
        yield core.GaugeMetricFamily(
            "turnfleet_fleet_version", "Rises with every change of the fleet.", current.version
        )


def _arrivals(came: arrivals.Arrivals) -> Iterator[core.Metric]:
    yield core.CounterMetricFamily(
        "turnfleet_requests_without_key",
        "Requests for servers that are placed and limited by the address they come from.",
        value=came.all,
    )
    yield core.CounterMetricFamily(
        "turnfleet_requests_from_private_addresses",
        "Those of them that came from a private address, so not from their client.",
        value=came.private,
    )


def expose(collector: Collector) -> bytes:
    """Return the text of one scrape: the collector's metrics and the process's own."""
    page = registry.CollectorRegistry()
    page.register(collector)
    prometheus_client.ProcessCollector(registry=page)
    return prometheus_client.generate_latest(page)
