"""Two clocks compared: what a jump of the wall clock means for secrets and for clients. Pure.

coturn refuses a credential by the wall clock, and a secret retires by it; a live allocation lives
by timers that do not. Nobody here can tell whether the clock was wrong before a jump or is
wrong since. So for a minute after one nothing retires, and after one forward, which may make every
credential look expired, the relay is not offered; in that time endpoints try it with credentials of
their own clocks. Then the clock is believed.
"""

from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

_JUMP: Final = 5.0
"""Seconds between two looks that no slewing makes."""
_HARMFUL: Final = 30.0
"""Seconds forward; the shortest credential is good for a minute."""
_DOUBTED_FOR: Final = 60.0


class _Jump(NamedTuple):
    seconds: float
    until: float
    """When it is believed, by the steady clock."""


class Timekeeper:
    """Compares a ``wall`` clock with a ``steady`` one, both in seconds, at each ``look``."""

    def __init__(self, *, wall: Callable[[], float], steady: Callable[[], float]) -> None:
        self._wall = wall
        self.steady = steady
        """Seconds that never jump."""
        self._offset = wall() - steady()
        """What the wall clock is ahead of the steady one."""
        self._doubted: deque[_Jump] = deque()

    def look(self) -> None:
        """Compare the clocks; a jump is one between two looks."""
        steady = self.steady()
        offset = self._wall() - steady
        step, self._offset = offset - self._offset, offset
        # Each for a minute of its own: a clock that is set every minute would be doubted for ever.
        while self._doubted and steady >= self._doubted[0].until:
            self._doubted.popleft()
        if abs(step) >= _JUMP:
            self._doubted.append(_Jump(seconds=step, until=steady + _DOUBTED_FOR))
            if abs(self.jump) < _JUMP:
                self._doubted.clear()  # it is taken back

    @property
    def jump(self) -> float:
        """Return by how many seconds the clock has lately jumped, 0 if it did not."""
        return sum(jump.seconds for jump in self._doubted)

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
        return min(self._wall(), self.steady() + self._offset - self.jump)
