"""Counts what an endpoint asks of the API server, for its metrics."""

from collections import Counter
from dataclasses import dataclass, field

from prometheus_client import core

from turnfleet.kube import kinds


@dataclass(slots=True, kw_only=True)
class Traffic:
    """Requests to the API server so far."""

    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def count(self, verb: str, kind: kinds.Kind, status: int) -> None:
        """Take one request; status 0 is no answer."""
        self.counts[verb, kind.name, str(status) if status else "none"] += 1

    def measured(self) -> core.Metric:
        """Return the counts as a scrape has them."""
        asked = core.CounterMetricFamily(
            "turnfleet_kubernetes_requests",
            "Requests to the API server; a watch is one.",
            labels=("verb", "kind", "status"),
        )
        for labels, count in sorted(self.counts.items()):
            asked.add_metric(labels, count)
        return asked
