"""What the operator counts. Names of metrics are an interface; nothing here decides anything."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import prometheus_client
from prometheus_client import core, registry

from turnfleet.kube import kinds

CONTENT_TYPE: Final = prometheus_client.CONTENT_TYPE_LATEST
_SECONDS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class Metrics:
    """Counters and histograms of one operator, in a registry of their own."""

    def __init__(self, *, timer: Callable[[], float] = time.perf_counter) -> None:
        self._timer = timer
        self.registry = prometheus_client.CollectorRegistry()
        self._reconciles = prometheus_client.Histogram(
            "turnfleet_operator_reconcile_seconds",
            "Time to observe, plan and execute one region once.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._plans = prometheus_client.Histogram(
            "turnfleet_operator_plan_seconds",
            "Time to make one plan, in which nothing else happens.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._errors = prometheus_client.Counter(
            "turnfleet_operator_errors",
            "Steps of plans that did not work, by the kind of failure.",
            ("failure",),
            registry=self.registry,
        )
        self._cut = prometheus_client.Counter(
            "turnfleet_operator_allocations_cut",
            "Live allocations that the end of a relay cut, as relays said at their end.",
            ("namespace", "region"),
            registry=self.registry,
        )
        self._requests = prometheus_client.Counter(
            "turnfleet_operator_api_requests",
            "Requests to the API server; code 0: no answer. Without kopf's two watches.",
            ("verb", "kind", "code"),
            registry=self.registry,
        )

    def reconciling(self) -> contextlib.AbstractContextManager[object]:
        """Time one reconcile."""
        return self._reconciles.time()

    @contextlib.contextmanager
    def planning(self) -> Iterator[None]:
        """Time one plan."""
        began = self._timer()
        try:
            yield
        finally:
            self._plans.observe(self._timer() - began)

    def failed(self, failure: str) -> None:
        """Count a step that did not work."""
        self._errors.labels(failure).inc()

    def cut(self, namespace: str, region: str, allocations: int) -> None:
        """Count live allocations that the end of a relay cut."""
        self._cut.labels(namespace, region).inc(allocations)

    def requested(self, verb: str, kind: kinds.Kind, code: int) -> None:
        """Count a request."""
        self._requests.labels(verb, kind.name, code).inc()

    def watch(self, name: str, documentation: str, look: Callable[[], float]) -> None:
        """Have a scrape look at a figure."""
        gauge = prometheus_client.Gauge(name, documentation, registry=self.registry)
        gauge.set_function(look)

    def watch_conditions(self, look: Callable[[], Iterator[tuple[str, str]]]) -> None:
        """Have a scrape count regions by condition: ``look`` yields type and status of each."""
        self.registry.register(_Conditions(look))

    def watch_certificates(self, look: Callable[[], Iterator[tuple[str, str, float]]]) -> None:
        """Have a scrape look at TLS Secrets: ``look`` yields namespace, region, end of each."""
        self.registry.register(_Certificates(look))

    def expose(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return prometheus_client.generate_latest(self.registry)


class _Conditions(registry.Collector):
    def __init__(self, look: Callable[[], Iterator[tuple[str, str]]]) -> None:
        self._look = look

    def collect(self) -> Iterator[core.Metric]:
        family = core.GaugeMetricFamily(
            "turnfleet_operator_regions",
            "Regions by condition and its status.",
            labels=("condition", "status"),
        )
        counts: dict[tuple[str, str], int] = {}
        for pair in self._look():
            counts[pair] = counts.get(pair, 0) + 1
        for (condition, status), count in sorted(counts.items()):
            family.add_metric((condition, status), count)
        yield family

    def describe(self) -> Iterator[core.Metric]:
        yield core.GaugeMetricFamily(
            "turnfleet_operator_regions",
            "Regions by condition and its status.",
            labels=("condition", "status"),
        )


class _Certificates(registry.Collector):
    def __init__(self, look: Callable[[], Iterator[tuple[str, str, float]]]) -> None:
        self._look = look

    def collect(self) -> Iterator[core.Metric]:
        (family,) = self.describe()
        for namespace, name, end in self._look():
            family.add_metric((namespace, name), end)
        yield family

    def describe(self) -> Sequence[core.GaugeMetricFamily]:
        family = core.GaugeMetricFamily(
            "turnfleet_operator_certificate_not_after_seconds",
            "End of the certificate in a region's TLS Secret, Unix time.",
            labels=("namespace", "region"),
        )
        return [family]
