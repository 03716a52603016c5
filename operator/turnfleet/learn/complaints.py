"""Which relays clients complain of: a probe is to look at once, and they get fewer users meanwhile.

Anybody can report anything, so complaints prove nothing: what they bring about is bounded, and no
relay is excluded for them.

* An error counts only if the same report has a candidate by the same transport, port and address
  family from another relay, and none by these from this one. Else it says that the client's own way
  is shut: 701 is mostly a firewall's. Only ``CODES`` count; 403 is the word of a relay that drains.
* A source (``cells.prefix``) has one voice per relay, for ``WINDOW`` s. ``QUORUM`` voices are a
  case: worth a test by the prober, at once. Who keeps that from being too many is the prober.
* A relay of which there is a case is a *suspect*, for as long as there is. But a test, which the
  prober makes by itself too, has the last word: ``LINGER`` s after one the relay is no suspect any
  more, and for ``REST`` s voices bring about tests alone. Where the test failed, the prober keeps
  the relay out by then.

How many suspects of a region get fewer users is not decided here (``steer.doubting``).
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from turnfleet.learn import convert, report
from turnfleet.model import fleet, region

CODES: Final = (401, 486, 508, 701)
"""Unauthorized, Allocation Quota Reached, Insufficient Capacity (RFC 8656, section 18), and that
of WebRTC for a server that cannot be reached."""
QUORUM: Final = 3
"""Sources: of two, each may be the other's neighbour behind the same bad router."""
WINDOW: Final = 60.0
"""Seconds that a voice is heard."""
LINGER: Final = 60.0
"""Seconds that a relay may stay a suspect after a test: as long as voices from before it last."""
REST: Final = 600.0
"""Seconds without suspicion that follow; so whoever goes on lying has one minute in eleven."""
VOICES: Final = 64
"""Voices kept per relay, the newest."""

_Way = tuple[region.Transport, str, bool]
"""What a firewall may let through or not: transport, port (with the URL's query), whether IPv6."""


def grounds(
    told: report.Report, routes: Mapping[str, convert.Route]
) -> Mapping[fleet.RelayKey, int]:
    """Return the relays that a report has a complaint of which counts, and the code of each.

    ``routes`` has the URLs that were offered.
    """
    worked: dict[_Way, set[fleet.RelayKey]] = {}
    for time in told.times:
        if route := routes.get(time.url):
            worked.setdefault(_way(time.url, route), set()).add(route.relay)
    found: dict[fleet.RelayKey, int] = {}
    for failure in told.failures:
        route = routes.get(failure.url)
        if route is None or failure.code not in CODES:
            continue
        others = worked.get(_way(failure.url, route), set())
        if others and route.relay not in others:
            found.setdefault(route.relay, failure.code)
    return found


def _way(url: str, route: convert.Route) -> _Way:
    return route.transport, url.rpartition(":")[2], route.ipv6


@dataclass(slots=True)
class _Case:
    """What is said of one relay. Times are seconds of the clock that ``Complaints`` is given."""

    voices: dict[bytes, float] = field(default_factory=dict)
    """When a source complained last; oldest first. Call ``heard`` for what counts."""
    tested: float | None = None
    """When the first test since it became a suspect ended."""

    def heard(self, now: float) -> int:
        """Forget voices that are old, or from a clock that was set back; return how many are left.

        Suspects are looked for every second, so this must not count them all; and by whole seconds,
        so a voice may come a moment after.
        """
        voices = self.voices
        while voices and abs(now - voices[oldest := next(iter(voices))]) >= WINDOW:
            del voices[oldest]
        return len(voices)

    def since_test(self, now: float) -> float | None:
        """Return how many seconds ago the test was, while that matters."""
        if self.tested is None or abs(now - self.tested) >= LINGER + REST:
            return None
        return now - self.tested

    def rests(self, now: float) -> bool:
        """Return whether a test has had the last word."""
        since = self.since_test(now)
        return since is not None and since >= LINGER


class Complaints:
    """Takes complaints and tells suspects. Memory is bounded by the relays that there were."""

    def __init__(self) -> None:
        self.counted: Counter[int] = Counter()
        """Complaints so far, by code."""
        self._cases: dict[fleet.RelayKey, _Case] = {}
        self._swept = 0.0

    def __len__(self) -> int:
        return sum(len(case.voices) for case in self._cases.values())

    def take(
        self, found: Mapping[fleet.RelayKey, int], *, source: bytes, now: float
    ) -> tuple[fleet.RelayKey, ...]:
        """Take the ``grounds`` of one report; return the relays that deserve a test at once."""
        if abs(now - self._swept) >= WINDOW:
            self._sweep(now)
        self.counted.update(found.values())
        due: list[fleet.RelayKey] = []
        for relay in found:
            case = self._cases.setdefault(relay, _Case())
            case.voices.pop(source, None)
            case.voices[source] = now
            while len(case.voices) > VOICES:
                del case.voices[next(iter(case.voices))]
            if case.heard(now) >= QUORUM:
                due.append(relay)
        return tuple(due)

    def tested(self, relay: fleet.RelayKey, *, now: float) -> None:
        """Note that a test of a relay ended, whatever it showed."""
        case = self._cases.get(relay)
        if case is not None and case.heard(now) >= QUORUM and case.since_test(now) is None:
            case.tested = now

    def suspects(self, now: float) -> tuple[fleet.RelayKey, ...]:
        """Return the suspects: those whom most sources complain of first, then by name."""
        counts = {
            relay: -heard
            for relay, case in self._cases.items()
            if (heard := case.heard(now)) >= QUORUM and not case.rests(now)
        }
        return tuple(sorted(counts, key=lambda relay: (counts[relay], relay)))

    def _sweep(self, now: float) -> None:
        """Forget relays of which nothing counts any more."""
        self._swept = now
        for relay, case in list(self._cases.items()):
            if not case.heard(now) and case.since_test(now) is None:
                del self._cases[relay]
