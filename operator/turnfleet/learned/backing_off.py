"""Which peers are let be for a while, and what is said of them. Knows no clock."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

LONGEST: Final = 900.0
"""Seconds: who comes back is heard again within a quarter of an hour."""
_PATIENCE: Final = 2
"""Failures in a row until something is said: a pod that ends is away for a moment, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failing:
    times: int
    until: float
    why: str


class Peers:
    """The peers that failed when they were last asked, by name."""

    def __init__(self, *, first: float) -> None:
        """``first``: seconds that a peer is let be after its first failure in a row."""
        self._first = first
        self._failing: dict[str, _Failing] = {}

    @property
    def complaints(self) -> tuple[str, ...]:
        """Return a sentence for each that has failed more than once."""
        return tuple(
            f"Nothing is learned from {peer}: it {failing.why}"
            for peer, failing in sorted(self._failing.items())
            if failing.times >= _PATIENCE
        )

    def may_ask(self, peer: str, *, now: float) -> bool:
        """Tell whether it is time to ask. ``now``: seconds since some moment."""
        failing = self._failing.get(peer)
        return failing is None or now >= failing.until

    def failed(self, peer: str, why: str, *, now: float) -> None:
        """Note a failure. ``why`` ends a sentence that begins with the peer."""
        before = self._failing.get(peer)
        times = 1 if before is None else before.times + 1
        wait = min(self._first * 2 ** min(times - 1, 10), LONGEST)
        self._failing[peer] = _Failing(times=times, until=now + wait, why=why)

    def worked(self, peer: str) -> None:
        """Note that a peer told something."""
        self._failing.pop(peer, None)

    def keep_only(self, peers: Collection[str]) -> None:
        """Forget those that are not there any more."""
        for gone in self._failing.keys() - set(peers):
            del self._failing[gone]
