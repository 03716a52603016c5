"""Keeps what regions mean for each other, and marks those for whom that changes.

``surroundings`` decides; here is who hears of it, and when.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from turnfleet.handlers import roster, surroundings
from turnfleet.kube import fields, reading
from turnfleet.plan.cluster import planned

_PEERS_GATHER: Final = 2.0
"""Seconds in which new relay addresses are collected before every region hears of them."""


class Neighbours:
    """Every region of the fleet. ``mark`` has a region looked at in some seconds."""

    def __init__(
        self,
        *,
        most_rolling: int,
        denied_peers: Sequence[str],
        mark: Callable[[reading.RegionKey, float], None],
    ) -> None:
        self._denied_peers = denied_peers
        self._mark = mark
        self.names = surroundings.Names()
        self.turns = surroundings.Turns(most=most_rolling)
        self.refuges = surroundings.Refuges()
        self.addresses = surroundings.Addresses()

    def learn(self, key: reading.RegionKey, change: roster.Change) -> None:
        """Take in that a TurnRegion is new, different or gone, before anybody looks at it."""
        if change.after is None:
            self._forget(key)
            return
        identity = reading.identity(change.after)
        self.names.put(identity)
        self.refuges.put(
            key,
            residency=fields.text(change.after, "spec", "residency"),
            # As whoever wrote the status left it, until this operator has looked itself.
            taking=bool(fields.whole(change.after, "status", "readyReplicas")),
        )
        if change.before is None or reading.identity(change.before).deleting != identity.deleting:
            self._look_again(self.names.namesakes(key))

    def said(self, key: reading.RegionKey, plan: planned.Plan, addresses: Iterable[str]) -> None:
        """Take in what became of a region, and the addresses that its relays have."""
        self._look_again(self.turns.said(key, rolling=plan.rolling))
        self._look_again(self.refuges.said(key, taking=plan.taking))
        self._hear_of(self.addresses.said(key, addresses), but=key)

    def _forget(self, key: reading.RegionKey) -> None:
        self.names.remove(key)
        self._look_again(self.names.namesakes(key))
        self.refuges.forget(key)
        self._look_again(self.turns.forget(key))
        self._hear_of(self.addresses.said(key, ()), but=key)

    def _look_again(self, keys: Iterable[reading.RegionKey]) -> None:
        for key in keys:
            self._mark(key, 0.0)

    def _hear_of(self, changed: frozenset[str], *, but: reading.RegionKey) -> None:
        if changed and surroundings.concerns_peers(changed, self._denied_peers):
            for key in self.names.all():
                if key != but:
                    self._mark(key, _PEERS_GATHER)
