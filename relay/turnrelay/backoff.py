"""How long to wait before coturn is started again. Pure."""

from dataclasses import dataclass, replace
from typing import Final

_FIRST: Final = 0.5
_LONGEST: Final = 30.0
_LASTED: Final = 60.0
"""Seconds of running after which an end counts as the first one again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """The ends seen so far; ``delay`` is in seconds."""

    ends: int = 0

    @property
    def delay(self) -> float:
        """Return how long to wait after the last end: 0.5 s, doubling, 30 s at most."""
        return min(_FIRST * 2.0 ** min(max(self.ends - 1, 0), 10), _LONGEST)

    def ended(self, *, ran: float) -> "Backoff":
        """Return the back-off after an end that came ``ran`` seconds after the start."""
        return replace(self, ends=1 if ran >= _LASTED else self.ends + 1)
