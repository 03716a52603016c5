"""Where clients are and how regions rank from there, remembered for a moment.

Most requests of a moment repeat another's words. ``steer`` decides, by what ``learn`` estimates;
this only turns a query into its facts, and keeps the outcome while it cannot have changed: while
the fleet is the same, and for a second at most, since the tables behind an atlas may be replaced.
"""

import functools
from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Final, NamedTuple

from turnfleet.api import access, metrics, options, problems, requests, whose
from turnfleet.ice import rid
from turnfleet.learn import learning, posterior, sites
from turnfleet.model import estimate, fleet, geo, region, selection
from turnfleet.steer import dwelling, estimating, locating, ranking, selecting

REMEMBERED: Final = 2048
"""Outcomes, twice as many at the most. Each keeps its ranking alive: 20 kB with 100 regions."""

_KEYED: Final = access.Standing.KEYED  # 8 times as fast as to look it up (Python 3.11)


class Query(NamedTuple):
    """A request, and who is known to have sent it."""

    asked: requests.Asked
    standing: access.Standing
    address: str
    """The client's, canonical, after trusted proxies."""
    header_place: geo.Place | str | None = None
    """What a trusted proxy says: a place, or a country's code."""


class Placed(NamedTuple):
    """Where a client is, and what follows from that alone."""

    where: locating.Whereabouts
    ranked: ranking.Ranking
    view: estimating.View
    """What it was ranked by."""
    stay: dwelling.Stay | None
    """The region that the client held before."""
    source: bytes
    cell: bytes
    """The place as ``rid`` writes it; empty where that says nothing of the client."""
    batch: metrics.Batch
    """Counts the answers given to clients placed like this."""


class Placer:
    """Places clients in one fleet after another."""

    def __init__(
        self,
        *,
        atlas: geo.Atlas,
        estimator: estimating.Estimator,
        learner: learning.Learner,
        whose: whose.Whose,
        tally: metrics.Tally,
        opts: options.Options,
    ) -> None:
        self._atlas = atlas
        self._estimator = estimator
        self.selector = selecting.Selector(estimator)
        self._learner = learner
        self._sites: tuple[sites.Site, ...] = ()
        self._dwelling = dwelling.Dwelling()
        self._whose = whose
        self._tally = tally
        self._options = opts
        self._fleet: fleet.Fleet | None = None
        self._groups: frozenset[str] = frozenset()
        self._second = 0
        self._remembered: dict[object, Placed] = {}
        self._before: dict[object, Placed] = {}

    def place(self, query: Query, now: fleet.Fleet, second: int) -> Placed | problems.Problem:
        """Return where a client is; ``second`` is the time, Unix seconds."""
        if now is not self._fleet:
            self._take(now)
        if second != self._second or len(self._remembered) >= REMEMBERED:
            self._second = second
            self._before, self._remembered = self._remembered, {}
        asked, keyed = query.asked, query.standing is _KEYED
        key = (asked.where, keyed, query.address, query.header_place)
        placed = self._remembered.get(key)
        if placed is not None:
            return placed
        where = locating.locate(
            self._facts(query, keyed=keyed),
            atlas=self._atlas,
            regions=now.regions,
            residencies=self._groups,
            default=self._options.default_place,
        )
        if isinstance(where, locating.UnknownResidency):
            sentence = f"{where.sentence[0].upper()}{where.sentence[1:]}."
            return problems.Problem(status=HTTPStatus.NOT_FOUND, detail=sentence, field="residency")
        placed = self._placed(where, self._client(query), now, second, self._before.get(key))
        self._remembered[key] = placed
        return placed

    def hold(self, placed: Placed, second: int) -> None:
        """Let a client hold the region that it was given, unless it is told which one it wants."""
        where, source, ranked = placed.where, placed.source, placed.ranked.ranked
        if source != whose.NOBODY and where.pin is None and ranked:
            self._dwelling.note(
                (source, placed.cell, where.residency), ranked[0].region, now=second
            )

    def forget(self) -> None:
        """Take into account that sources have other names from now on."""
        self._remembered, self._before = {}, {}

    def _take(self, now: fleet.Fleet) -> None:
        self._fleet = now
        self._groups = now.residencies
        self.forget()
        specs = [found.spec for found in now.regions.values()]
        found = tuple([sites.Site(spec.name, spec.latitude, spec.longitude) for spec in specs])
        if found != self._sites:
            self._sites = found
            self._learner.serve(regions=found, prior=self._prior(specs))

    def _prior(self, specs: Sequence[region.RegionSpec]) -> posterior.Prior:
        def prior(place: geo.Place) -> tuple[estimate.Estimate, ...]:
            return tuple([self._estimator.estimate(place, spec) for spec in specs])

        return prior

    def _client(self, query: Query) -> str | None:
        """Return the address of the client that an answer is for, if anything tells it."""
        if query.asked.where.client_ip is not None and self._may_place(query):
            return query.asked.where.client_ip
        return None if query.standing is _KEYED else query.address

    def _placed(
        self,
        where: locating.Whereabouts,
        address: str | None,
        now: fleet.Fleet,
        second: int,
        before: Placed | None,
    ) -> Placed:
        source = self._whose.of(address)
        cell = self._cell(where.located, address)
        view = self._learner.view(
            place=where.located.place, cell=cell.decode(), source=source, now=second
        )
        turn = ranking.turn_at(second) if view.explores else 0
        stay = None
        if where.pin is None and source != whose.NOBODY:
            stay = self._dwelling.held((source, cell, where.residency), now=second)
        if (
            before is not None
            and before.view is view
            and before.ranked.turn == turn
            and (before.where, before.stay, before.source, before.cell)
            == (where, stay, source, cell)
        ):
            return before
        anyone = selection.Client(
            located=where.located, user="", pin=where.pin, residency=where.residency
        )
        ranked = self.selector.rank(now, anyone, view=view, stay=stay, turn=turn)
        reason = ranked.notes[0] if ranked.notes else ""
        return Placed(
            where=where,
            ranked=ranked,
            view=view,
            stay=stay,
            source=source,
            cell=cell,
            batch=self._tally.batch(where.located.rung, reason, explored=ranked.explored),
        )

    def _cell(self, located: geo.Located, address: str | None) -> bytes:
        """Return the cell that a client's reports will be in.

        A client that is pinned counts as being where the region is, which is no news of anywhere.
        Those of whom nothing is known share a cell of no country, wherever the default is.
        """
        if located.rung is geo.Rung.PINNED:
            return b""
        system = self._atlas.system(address) if address is not None else None
        return _cell_of(located.place, system, nowhere=located.rung is geo.Rung.DEFAULT)

    def _may_place(self, query: Query) -> bool:
        return query.standing is _KEYED or self._options.one_machine

    def _facts(self, query: Query, *, keyed: bool) -> locating.Facts:
        said, place = query.asked.where, query.header_place
        return locating.Facts(
            region=said.region,
            residency=said.residency,
            peer=query.address,
            keyed=keyed,
            header_place=self._atlas.by_name(place) if isinstance(place, str) else place,
            may_place=self._may_place(query),
            client_ip=said.client_ip,
            country=said.country,
            latitude=said.latitude,
            longitude=said.longitude,
        )


@functools.lru_cache(REMEMBERED)
def _cell_of(place: geo.Place, system: int | None, *, nowhere: bool) -> bytes:
    return rid.cell_of(replace(place, country=None) if nowhere else place, network=system)
