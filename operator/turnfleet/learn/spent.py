"""Lets each token count once, in bounded memory.

Tokens are good for an hour, so what is older need not be remembered. Two generations, each of at
most ``MOST`` tokens: when the young one is full, or a life old, it becomes the old one, and the old
one is forgotten. In a flood, tokens are therefore forgotten before their time and could
count again; what they teach is still one fact each (``facts``), so that moves no estimate, and only
counters of outcomes are off.
"""

from typing import Final

MOST: Final = 250_000
"""Tokens in a generation: 40 MB for both, and 70 reports a second before any is forgotten early."""


class Spent:
    """Remembers which tokens were used. ``life``: seconds that one is good for, skew included."""

    def __init__(self, *, life: float, most: int = MOST) -> None:
        self._life = life
        self._most = most
        self._since = 0.0
        self._young: set[bytes] = set()
        self._old: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def spend(self, token: bytes, *, now: float) -> bool:
        """Return whether a token counts, which it then never does again. Seconds of any clock."""
        if len(self._young) >= self._most or not 0 <= now - self._since <= self._life:
            # A clock that was set back is no reason to keep tokens for ever.
            self._old = self._young
            self._young = set()
            self._since = now
        if token in self._young or token in self._old:
            return False
        self._young.add(token)
        return True
