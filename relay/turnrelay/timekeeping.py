"""Two clocks compared: what a jump of the wall clock means for secrets and for clients. Pure.

coturn refuses a credential by the wall clock, and a secret retires by it; a live allocation lives
by timers that do not. Nobody here can tell whether the clock was wrong before a jump or is
wrong since. So for a minute after one nothing retires, and after one forward, which may make every
credential look expired, the relay is not offered; in that time endpoints try it with credentials of
their own clocks. Then the clock is believed.
"""

from collections.abc import Callable
from typing import Final

_JUMP: Final = 5.0
"""Seconds between two looks that no slewing makes."""
_HARMFUL: Final = 30.0
"""Seconds forward; the shortest credential is good for a minute."""
_DOUBTED_FOR: Final = 60.0


class Timekeeper:
    """Compares a ``wall`` clock with a ``steady`` one, both in seconds, at each ``look``."""

    def __init__(self, *, wall: Callable[[], float], steady: Callable[[], float]) -> None:
        self._wall = wall
        self.steady = steady
        """Seconds that never jump."""
        self._offset = wall() - steady()
        """What the wall clock is ahead of the steady one."""
        self._believed = self._offset
        self._doubted_until: float | None = None

    def look(self) -> None:
        """Compare the clocks; a jump is one between two looks."""
        steady = self.steady()
        offset = self._wall() - steady
        if abs(offset - self._offset) >= _JUMP:
            self._doubted_until = steady + _DOUBTED_FOR
        elif self._doubted_until is None or steady >= self._doubted_until:
            self._doubted_until = None
            self._believed = offset
        self._offset = offset

    @property
    def jump(self) -> float:
        """Return by how many seconds the clock has lately jumped, 0 if it did not."""
        return 0.0 if self._doubted_until is None else self._offset - self._believed

    @property
    def sentence(self) -> str | None:
        """Return what is to be said of a jump."""
        if abs(self.jump) < _JUMP:
            return None
        way = "forward" if self.jump > 0 else "back"
        return f"the clock of this machine jumped {way} by {abs(self.jump):.0f} s"

    @property
    def harmful(self) -> bool:
        """Whether clients' credentials may look expired."""
        return self.jump >= _HARMFUL

    def retiring(self) -> float:
        """Return the time by which secrets retire: never ahead of either telling of it."""
        return min(self._wall(), self.steady() + self._believed)
