"""What the prober counts about itself, and how a scrape sees it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from prometheus_client import core

from turnfleet.model import fleet


@dataclass(slots=True)
class Stats:
    """Counters only rise; gauges say so. Plain attributes: reading costs nothing."""

    tries: int = 0
    """STUN tries sent."""
    answers: int = 0
    strays: int = 0
    """Datagrams that answer no try of ours: late, forged or garbage."""
    trials: int = 0
    """Client's tests done."""
    extras: int = 0
    """Tests that were moved forward because somebody asked."""
    failures: Counter[fleet.Reason] = field(default_factory=Counter)
    """URLs that failed a client's test, by reason."""
    polls: int = 0
    """Asked /status."""
    poll_failures: int = 0
    second_looks: int = 0
    publishes: int = 0
    """Times that health changed."""
    errors: int = 0
    """Bugs: an exception that a probe did not expect. Each is logged."""
    lag: float = 0.0
    """Gauge: by how many seconds the last round of work was late."""
    trial_seconds: float = 0.0
    """Gauge: how long the last client's test took."""

    def measured(self) -> Iterator[core.Metric]:
        """Yield everything as a scrape has it."""
        for name, meaning, count in (
            ("tries", "STUN tries sent.", self.tries),
            ("answers", "STUN tries that were answered.", self.answers),
            ("strays", "Datagrams that answered no try: late, forged or garbage.", self.strays),
            ("trials", "Full client's tests done.", self.trials),
            ("extras", "Tests moved forward since clients complain of a relay.", self.extras),
            ("polls", "Agents asked for their status.", self.polls),
            ("poll_failures", "Agents that did not tell it.", self.poll_failures),
            ("second_looks", "Silent relays looked at by other ways.", self.second_looks),
            ("publishes", "Times that the health of a relay changed.", self.publishes),
            ("errors", "Unexpected exceptions, each of which is in the log.", self.errors),
        ):
            yield core.CounterMetricFamily(f"turnfleet_prober_{name}", meaning, value=count)
        failed = core.CounterMetricFamily(
            "turnfleet_prober_failed_urls",
            "URLs that failed a full client's test, by reason.",
            labels=("reason",),
        )
        for reason, count in sorted(self.failures.items()):
            failed.add_metric((reason,), count)
        yield failed
        yield core.GaugeMetricFamily(
            "turnfleet_prober_lag_seconds",
            "By how much the last round of work was late.",
            value=self.lag,
        )
        yield core.GaugeMetricFamily(
            "turnfleet_prober_trial_seconds",
            "How long the last full client's test took.",
            value=self.trial_seconds,
        )
