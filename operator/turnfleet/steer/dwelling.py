"""Which region each client holds, so that clients do not flap between two that are as good.

Bounded: two generations, as in ``learn.spent``. Who is forgotten gets the best region. Each replica
remembers for itself; a client that goes from one to another may move once more.
"""

from typing import Final, NamedTuple

DWELL: Final = 900
"""Seconds in which only what is clearly better moves a client again (``deciding``)."""
MOST: Final = 50_000
"""Clients in a generation: 20 MB for both."""

Key = tuple[bytes, bytes, str | None]
"""A source, the cell that it was placed in and the residency that it asked for: each has a region
of its own, or a network with clients in two places would be sent to one."""


class Stay(NamedTuple):
    """The region that a client holds."""

    region: str
    dwelling: bool
    """Whether it came there less than ``DWELL`` ago."""


class Dwelling:
    """Remembers the regions that clients hold. Seconds of any clock."""

    def __init__(self, *, most: int = MOST) -> None:
        self._most = most
        self._young: dict[Key, tuple[str, float]] = {}
        self._old: dict[Key, tuple[str, float]] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def held(self, key: Key, *, now: float) -> Stay | None:
        """Return the region that a client holds, if it is known to hold one."""
        known = self._young.get(key) or self._old.get(key)
        if known is None:
            return None
        region, since = known
        # A clock that went back holds nobody for ever.
        return Stay(region, 0 <= now - since < DWELL)

    def note(self, key: Key, region: str, *, now: float) -> None:
        """Take the region that a client was given now."""
        known = self._young.get(key)
        if known is not None and known[0] == region:
            return
        old = self._old.pop(key, None)
        if known is None:
            if len(self._young) >= self._most:
                self._old, self._young = self._young, {}
            known = old
        kept = known if known is not None and known[0] == region else (region, now)
        self._young[key] = kept
