"""What comes of clients' complaints about relays: a test at once, fewer users, and figures.

Decides nothing: ``learn.complaints`` says what counts, ``probe.extras`` how many tests there may
be, ``steer.doubting`` how many relays get fewer users.
"""

from collections.abc import Callable, Iterator

from prometheus_client import core

from turnfleet.api import board, probes, reporting, whose
from turnfleet.learn import complaints
from turnfleet.model import fleet


class Complaining:
    """A sink for reports that count (``reporting.Sink``)."""

    def __init__(
        self,
        current: board.Board,
        *,
        prober: probes.Prober | None,
        clock: Callable[[], float],
    ) -> None:
        """``clock`` gives Unix seconds; without a prober there are no tests."""
        self._complaints = complaints.Complaints()
        self._board = current
        self._prober = prober
        self._clock = clock
        current.suspect(self._complaints.suspects)
        if prober is not None:
            prober.on_tested(self._tested)

    def take(self, accepted: reporting.Accepted, /, *, now: float) -> None:
        """Take what a report complains of. ``now`` in Unix seconds."""
        source = accepted.token.source
        found = complaints.grounds(accepted.told, accepted.routes)
        if not found or source == whose.NOBODY:
            return
        for relay in self._complaints.take(found, source=source, now=now):
            if self._prober is not None:
                self._prober.test_soon(relay)

    def collect(self) -> Iterator[core.Metric]:
        """Yield every metric."""
        counted = core.CounterMetricFamily(
            "turnfleet_complaints",
            "Reports of a relay that failed where another one did not, by the code of the error.",
            labels=("code",),
        )
        for code in complaints.CODES:
            counted.add_metric((str(code),), self._complaints.counted[code])
        yield counted
        doubted = core.GaugeMetricFamily(
            "turnfleet_relays_doubted",
            "Relays that get fewer users since several networks complain of them.",
            labels=("region",),
        )
        for name, region in sorted(self._board.fleet.regions.items()):
            doubted.add_metric((name,), sum(member.doubted for member in region.members))
        yield doubted

    def _tested(self, relay: fleet.RelayKey) -> None:
        self._complaints.tested(relay, now=self._clock())
