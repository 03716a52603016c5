"""From a fleet and a client to a Selection: census, ranking and choice, bound together.

``select`` is the whole of it. A ``Selector`` gives the same answers and remembers what users have
in common: the census while the fleet stays the same, and the ranking of each view.
"""

from typing import Final

from turnfleet.model import fleet, geo, selection
from turnfleet.steer import census, choosing, dwelling, estimating, ranking, rendezvous

RANKINGS_KEPT: Final = 1024
"""Some 20 kB each with a hundred regions."""


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
        self._rankings: dict[_Asked, ranking.Ranking] = {}

    def select(self, now: fleet.Fleet, client: selection.Client) -> selection.Selection:
        """Return what a client is offered."""
        return self.pick(
            self.rank(now, client), located=client.located, slot=rendezvous.slot(client.user)
        )

    def pick(
        self, ranked: ranking.Ranking, *, located: geo.Located, slot: int
    ) -> selection.Selection:
        """Return what the users of a slot are offered out of a ranking of the last fleet."""
        return selection.Selection(
            choices=choosing.choose(ranked, slot),
            ranked=ranked.ranked,
            excluded=ranked.excluded,
            located=located,
            notes=ranked.notes,
        )

    def rank(
        self,
        now: fleet.Fleet,
        client: selection.Client,
        *,
        view: estimating.View | None = None,
        stay: dwelling.Stay | None = None,
        turn: int = 0,
    ) -> ranking.Ranking:
        """Return the ranking that a client's pin and residency lead to.

        ``view`` is what was learned of the client, if not what the estimator says of its place;
        ``stay`` the region that it holds, ``turn`` whose turn it is (``ranking.turn_at``).
        """
        if view is None:
            view = estimating.At(client.located.place, self._estimator)
        if now is not self._fleet:
            self._census = census.take(now, before=self._census)
            self._fleet = now
            self._rankings.clear()
        key = (view, client.pin, client.residency, stay, turn)
        ranked = self._rankings.get(key)
        if ranked is None:
            if len(self._rankings) >= RANKINGS_KEPT:
                self._rankings.clear()
            ranked = self._rankings[key] = ranking.rank(
                self._census,
                view=view,
                pin=client.pin,
                residency=client.residency,
                stay=stay,
                turn=turn,
            )
        return ranked


_Asked = tuple[estimating.View, str | None, str | None, dwelling.Stay | None, int]
