"""Whether a relay carries as much as its owner allows. Pure.

coturn cannot cap a whole relay without reserving the cap of every allocation, used or not, and
without a restart. So a relay at its cap refuses new allocations, as one at its quota does, and the
live ones go on; it takes new ones again once there is room for some.
"""

from dataclasses import dataclass
from typing import Final

_WEIGHT: Final = 1 / 8
"""Of each look: a burst of a second is no reason to refuse anybody."""
_ROOM: Final = 0.9
"""Share of the cap below which there is room again; without it a relay would open and close."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """Bit/s as seen so far, and whether they are too many."""

    bits: float = 0.0
    reached: bool = False

    def after(self, bits: float | None, *, allowed: int | None) -> "Cap":
        """Return what follows from a look; ``None``: not measured, or without a cap."""
        if bits is None or allowed is None:
            return Cap()
        smoothed = self.bits + (bits - self.bits) * _WEIGHT
        return Cap(bits=smoothed, reached=smoothed >= allowed * (_ROOM if self.reached else 1))
