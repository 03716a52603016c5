"""Takes out of a report's times what the browser waited before it asked any relay.

Chromium and WebKit share one ICE library, which begins with allocations 50 ms after it began with
host candidates, and is late by what its threads and its name for the host's address take. A client
near a relay waits longer for that than for the relay, so nothing can be said of round trips, nor of
their ratios, while it is in.
"""

from collections.abc import Mapping
from typing import Final

from turnfleet.learn import report

WAITS: Final[Mapping[report.Engine, float]] = {
    report.Engine.CHROMIUM: 50.0,
    report.Engine.WEBKIT: 50.0,
}
"""ms that an engine waits at the least; others ask at once.

A report says more, mostly. It says less where what it was measured by was late itself.
"""


def asked_at_once(told: report.Report) -> tuple[report.Time, ...]:
    """Return a report's times as if relays had been asked at once, without those too short."""
    waited = max(told.start or 0.0, WAITS.get(told.engine, 0.0))
    return tuple(
        report.Time(url=time.url, ms=time.ms - waited, cold=time.cold)
        for time in told.times
        if time.ms > waited
    )
