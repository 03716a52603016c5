"""From a fleet and a client to a Selection: census, ranking and choice, bound together.

``select`` is the whole of it. A ``Selector`` gives the same answers and remembers what users have
in common, which is nearly everything: the census while the fleet stays the same, the ranking of
each place, and each slot's selection. Equal answers are then mostly one object, with which callers
can find again what they made of it.
"""

import dataclasses
from typing import Final

from turnfleet.model import fleet, geo, selection
from turnfleet.steer import census, choosing, estimating, ranking, rendezvous

RANKINGS_KEPT: Final = 1024
"""Some 20 kB each with a hundred regions."""
SELECTIONS_KEPT: Final = 16_384
"""Some 0.5 kB each."""


def select(
    now: fleet.Fleet, client: selection.Client, estimator: estimating.Estimator
) -> selection.Selection:
    """Return what one client is offered, and why not the rest. Remembers nothing."""
    return Selector(estimator).select(now, client)


class Selector:
    """Selects for many clients of one fleet after another. Not for use by several threads."""

    def __init__(self, estimator: estimating.Estimator) -> None:
        self._estimator = estimator
        self._fleet: fleet.Fleet | None = None
        self._census = census.Census(supplies={}, excluded=())
        self._rankings: dict[tuple[geo.Place, str | None, str | None], ranking.Ranking] = {}
        self._selections: dict[tuple[int, int], tuple[ranking.Ranking, selection.Selection]] = {}

    def select(self, now: fleet.Fleet, client: selection.Client) -> selection.Selection:
        """Return what a client is offered; ``choices`` is one object for one answer."""
        return self.pick(self.rank(now, client), located=client.located, user=client.user)

    def pick(
        self, ranked: ranking.Ranking, *, located: geo.Located, user: str
    ) -> selection.Selection:
        """Return what a user is offered out of a ranking that ``rank`` gave for the last fleet."""
        slot = rendezvous.slot(user)
        # By id, which is fast and sound: each entry keeps its ranking alive.
        key = (id(ranked), slot)
        kept = self._selections.get(key)
        if kept is not None:
            found = kept[1]
            if found.located is located or found.located == located:
                return found
            # The same place, known by another rung or with other ignored words.
            return dataclasses.replace(found, located=located)
        if len(self._selections) >= SELECTIONS_KEPT:
            self._selections.clear()
        found = selection.Selection(
            choices=choosing.choose(ranked, slot),
            ranked=ranked.ranked,
            excluded=ranked.excluded,
            located=located,
            notes=ranked.notes,
        )
        self._selections[key] = (ranked, found)
        return found

    def rank(self, now: fleet.Fleet, client: selection.Client) -> ranking.Ranking:
        """Return the ranking that a client's place, pin and residency lead to."""
        if now is not self._fleet:
            self._census = census.take(now, before=self._census)
            self._fleet = now
            self._forget()
        key = (client.located.place, client.pin, client.residency)
        ranked = self._rankings.get(key)
        if ranked is None:
            if len(self._rankings) >= RANKINGS_KEPT:
                self._forget()
            ranked = self._rankings[key] = ranking.rank(
                self._census,
                place=client.located.place,
                pin=client.pin,
                residency=client.residency,
                estimator=self._estimator,
            )
        return ranked

    def _forget(self) -> None:
        self._rankings.clear()
        self._selections.clear()
