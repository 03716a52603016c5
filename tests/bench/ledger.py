"""What the soak knows for itself about who is dead, independent of the endpoint. Pure.

A relay is *down* from the moment something was done to it until it answers a STUN request that was
sent after that. Times are monotonic seconds, given by the caller.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """One time that a relay was down."""

    relay: str
    cause: str
    began: float
    ended: float | None = None
    last_named: float | None = None
    """When an answer named it for the last time while it was down."""

    @property
    def named_for(self) -> float:
        """Return for how long after its death answers still named it."""
        return 0.0 if self.last_named is None else self.last_named - self.began


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """An answer that named a relay which had been down for too long."""

    relay: str
    cause: str
    down_for: float


@dataclass(slots=True, kw_only=True)
class Ledger:
    """Outages, and the answers that should have known better. ``tolerance`` is in seconds."""

    tolerance: float
    outages: list[Outage] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    _open: dict[str, Outage] = field(default_factory=dict)

    @property
    def down(self) -> Mapping[str, Outage]:
        """Return who is down now."""
        return self._open

    def up_for(self, relay: str, *, at: float) -> float:
        """Return for how many seconds a relay has been up; endless if it never was down."""
        if relay in self._open:
            return 0.0
        ends = (o.ended for o in self.outages if o.relay == relay and o.ended is not None)
        return at - max(ends, default=-math.inf)

    def struck(self, relay: str, *, at: float, cause: str) -> None:
        """Note that a relay was killed or stopped; one that is down already just stays down."""
        if relay not in self._open:
            self._open[relay] = Outage(relay=relay, cause=cause, began=at)

    def answered(self, relay: str, *, sent: float, at: float) -> None:
        """Note that a relay answered at ``at`` a request of ``sent``."""
        outage = self._open.get(relay)
        # An answer to a request from before the blow may have been under way already.
        if outage is not None and sent > outage.began:
            del self._open[relay]
            self.outages.append(_ended(outage, at))

    def named(self, relay: str, *, asked: float) -> None:
        """Judge an answer to a request of ``asked`` that names a relay."""
        outage = self._open.get(relay)
        if outage is None or asked < outage.began:
            return
        self._open[relay] = Outage(
            relay=relay, cause=outage.cause, began=outage.began, last_named=asked
        )
        down_for = asked - outage.began
        if down_for > self.tolerance:
            violation = Violation(relay=relay, cause=outage.cause, down_for=down_for)
            self.violations.append(violation)


def _ended(outage: Outage, at: float) -> Outage:
    return Outage(
        relay=outage.relay,
        cause=outage.cause,
        began=outage.began,
        ended=at,
        last_named=outage.last_named,
    )
