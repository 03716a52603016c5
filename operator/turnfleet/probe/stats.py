"""What the prober counts about itself, for whoever exports metrics."""

from collections import Counter
from dataclasses import dataclass, field

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
