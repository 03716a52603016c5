"""The pulse of one relay: which tries went out, which were answered, and what that means. Pure."""

from enum import StrEnum

from turnfleet.probe import cadence


class Pulse(StrEnum):
    """What STUN says about a relay."""

    UNKNOWN = "Unknown"
    """Neither an answer nor enough silence yet."""
    UP = "Up"
    """The latest round was answered, or is still under way."""
    DOWN = "Down"
    """Too many tries in a row went unanswered."""


class Heartbeat:
    """Counts tries and answers of one relay. Times are seconds of any steady clock.

    A round starts every interval; a try without an answer is followed by the next one after
    ``retry_after``. An answer to any try that is still remembered ends the silence.
    """

    __slots__ = (
        "_rhythm", "_round_started", "due", "ever_answered", "interval", "pulse",
        "silent_since", "streak", "unanswered",
    )  # fmt: skip

    def __init__(self, rhythm: cadence.Cadence, *, first_try: float) -> None:
        self._rhythm = rhythm
        self._round_started = first_try
        self.interval = rhythm.interval
        """Seconds between rounds; stretched for large fleets."""
        self.due = first_try
        """When to send the next try, or to notice that the last one was in vain."""
        self.pulse = Pulse.UNKNOWN
        self.silent_since: float | None = None
        """When the first of the unanswered tries was sent."""
        self.unanswered = 0
        self.streak = 0
        """Answered rounds since the last silence that counted."""
        self.ever_answered = False

    def advance(self, now: float) -> bool:
        """Note that ``due`` has come; return whether a try must be sent."""
        if now < self.due:
            return False
        if self.unanswered >= self._rhythm.tries:
            self.pulse = Pulse.DOWN
            self.streak = 0
        if self.unanswered == 0 or self.pulse is Pulse.DOWN:
            self._round_started = now
        if self.silent_since is None:
            self.silent_since = now
        self.unanswered = min(self.unanswered + 1, self._rhythm.tries)
        down = self.pulse is Pulse.DOWN
        self.due = now + (self.interval if down else self._rhythm.retry_after)
        return True

    def answered(self, now: float) -> None:
        """Note an answer."""
        first_of_round = self.unanswered > 0
        self.unanswered = 0
        self.silent_since = None
        self.ever_answered = True
        if first_of_round:
            self.streak += 1
            self.due = max(self._round_started + self.interval, now)
        self.pulse = Pulse.UP

    def silence(self, now: float) -> float:
        """Return for how many seconds nothing has come back."""
        return 0.0 if self.silent_since is None else now - self.silent_since
