"""When a relay that was lost is offered again: not before it has stayed up for a while. Pure."""

from turnfleet.probe import cadence


class Damper:
    """Remembers how often one relay was lost. Times are seconds of any steady clock."""

    __slots__ = ("_flaps", "_lost_at", "_rhythm", "_well_since")

    def __init__(self, rhythm: cadence.Cadence) -> None:
        self._rhythm = rhythm
        self._flaps = 0
        self._lost_at: float | None = None
        self._well_since: float | None = None

    @property
    def lost(self) -> bool:
        """Return whether the relay was lost and has not come back for good."""
        return self._lost_at is not None

    @property
    def hold(self) -> float:
        """Return how many seconds the relay has to stay up: doubling, bounded."""
        doubled = self._rhythm.hold_first * 2.0 ** min(self._flaps - 1, 30)
        return min(doubled, self._rhythm.hold_max) if self._flaps else 0.0

    def lose(self, now: float) -> None:
        """Note that the relay was offered and failed."""
        steady = self._well_since is not None and not self.lost
        if steady and now - (self._well_since or now) >= self._rhythm.flap_memory:
            self._flaps = 0
        self._flaps += 1
        self._lost_at = now
        self._well_since = None

    def ail(self) -> None:
        """Note that the relay is not well: its hold starts over."""
        self._well_since = None

    def recovered(self, now: float, *, steady: bool) -> bool:
        """Note that the relay is well, and return whether it may be offered.

        ``steady``: it has answered often enough in a row; the hold runs meanwhile.
        """
        if self._well_since is None:
            self._well_since = now
        if self.lost and steady and now - self._well_since >= self.hold:
            self._lost_at = None
        return not self.lost
