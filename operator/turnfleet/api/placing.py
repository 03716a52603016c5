"""Where clients are and how regions rank from there, remembered for a moment.

Most requests of a moment repeat another's words. ``steer`` decides; this only turns a query into
its facts, and keeps the outcome while it cannot have changed: while the fleet is the same, and for
a second at most, since the tables behind an atlas may be replaced.
"""

from http import HTTPStatus
from typing import Final, NamedTuple

from turnfleet.api import access, metrics, options, problems, requests
from turnfleet.ice import rid
from turnfleet.model import fleet, geo, selection
from turnfleet.steer import locating, ranking, selecting

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
    cell: bytes
    """The place as ``rid`` writes it."""
    batch: metrics.Batch
    """Counts the answers given to clients placed like this."""


class Placer:
    """Places clients in one fleet after another."""

    def __init__(
        self,
        *,
        atlas: geo.Atlas,
        selector: selecting.Selector,
        tally: metrics.Tally,
        opts: options.Options,
    ) -> None:
        self._atlas = atlas
        self._selector = selector
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
        placed = self._before.get(key)
        if placed is None or placed.where != where:
            placed = self._placed(where, now)
        self._remembered[key] = placed
        return placed

    def _take(self, now: fleet.Fleet) -> None:
        self._fleet = now
        self._groups = now.residencies
        self._remembered, self._before = {}, {}

    def _placed(self, where: locating.Whereabouts, now: fleet.Fleet) -> Placed:
        anyone = selection.Client(
            located=where.located, user="", pin=where.pin, residency=where.residency
        )
        ranked = self._selector.rank(now, anyone)
        reason = ranked.notes[0] if ranked.notes else ""
        return Placed(
            where=where,
            ranked=ranked,
            cell=rid.cell_of(where.located.place),
            batch=self._tally.batch(where.located.rung, reason),
        )

    def _facts(self, query: Query, *, keyed: bool) -> locating.Facts:
        said, place = query.asked.where, query.header_place
        return locating.Facts(
            region=said.region,
            residency=said.residency,
            peer=query.address,
            keyed=keyed,
            header_place=self._atlas.by_name(place) if isinstance(place, str) else place,
            may_place=keyed or self._options.one_machine,
            client_ip=said.client_ip,
            country=said.country,
            latitude=said.latitude,
            longitude=said.longitude,
        )
