"""In which order regions serve a place, and why some do not. Independent of the user.

Regions are ordered by cost in ms: the estimated RTT, plus what load and weight add to it. A pinned
region that is usable goes first, whatever it costs; one whose relays all flapped goes last, and
behind it one whose relays are all full.

* A client **stays** in the region that it holds until another one is better by a margin that goes
  to nothing as estimates get sure (``deciding``). A region that it may not leave for a better one
  shares its users with those that are as good.
* **Fallbacks** are tried in an order of their own: first the region that would teach most, among
  the cheapest (``deciding.score``), where anybody near by measures; and now and then the one that
  was expected to be better than it was measured to be.
* **Load** costs nothing up to half full, then rises with the square to ``LOAD_COST`` at full: a
  region sheds its farthest clients first, those for whom the next region is nearly as good.
* **Weight** costs ``INDIFFERENCE * ln(100 / weight)``. Regions whose costs differ by no more than
  ``BAND`` share their clients by ``exp(-cost / INDIFFERENCE)``. Taken together: regions at the same
  distance share exactly by weight, a difference of 2 ms counts like a factor of 2.7 in weight,
  and clients who would lose more than ``BAND`` are never moved by a weight, except by 0.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from turnfleet.model import fleet, selection
from turnfleet.steer import census, deciding, dwelling, estimating, rendezvous

LOAD_FREE: Final = 0.5
"""Up to this load a region costs nothing extra."""
LOAD_COST: Final = 100.0
"""ms that a full region costs extra: about what an ocean adds."""
INDIFFERENCE: Final = 2.0
"""ms: less than an estimate can tell apart."""
BAND: Final = 8.0
"""ms: regions that cost more than this above the best take nobody from it."""
WEIGHT_STANDARD: Final = 100
AGAIN: Final = 4
"""One slot of so many has a region for a fallback that ought to be the best by what was expected
before anybody measured, and is not by what was measured: it may have been mended."""
TURN: Final = 4500
"""Seconds until that is the turn of the next slots. All have theirs in five hours, which neither a
day nor a week is a multiple of: who asks at the same time of each still has a turn."""
EXPLORED: Final = 4
"""Regions, the cheapest beside the first, that a fallback is chosen among for what it teaches: it
has to be of use as a fallback, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """A region that some of the users at a place get as their first."""

    position: int
    """In ``Ranking.ranked`` and ``Ranking.supplies``."""
    share: float
    distances: rendezvous.Distances
    """The region's, from each slot."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ranking:
    """The answer for a place, before a user chooses relays.

    Compared by identity: what was made of a ranking is remembered by it, and never of another.
    """

    ranked: tuple[selection.Ranked, ...]
    supplies: tuple[census.Supply, ...]
    """The regions of ``ranked``, in the same order."""
    leads: tuple[Lead, ...]
    """Whom users are shared among; empty when there is no usable region."""
    shared: frozenset[str]
    anycast: frozenset[str]
    """As in ``census.Census``."""
    pinned: bool
    """Whether the client's pin is in force: the first region, and no other, has the backup."""
    fallbacks: tuple[int, ...]
    """Positions of all regions, in the order in which they are taken for a fallback."""
    again: tuple[int, ...]
    """The same for the slots whose turn it is."""
    turn: int
    """Which those are: the remainder of their division by ``AGAIN``."""
    explored: bool
    """Whether another fallback would be taken if nobody measured, second looks left out."""
    excluded: tuple[selection.Exclusion, ...]
    notes: tuple[fleet.Reason, ...]


def rank(
    taken: census.Census,
    *,
    view: estimating.View,
    pin: str | None,
    residency: str | None,
    stay: dwelling.Stay | None = None,
    turn: int = 0,
) -> Ranking:
    """Rank the regions for a client. Nothing outside ``residency`` is ranked, up or down."""
    rows: list[_Row] = []
    outside: list[selection.Exclusion] = []
    for name, supply in taken.supplies.items():
        if supply.reason is not None:
            continue
        if residency is not None and supply.region.spec.residency != residency:
            reason = fleet.Reason.OTHER_RESIDENCY
            outside.append(selection.Exclusion(region=name, relay=None, reason=reason))
            continue
        rows.append((_ranked(supply, view), supply))
    rows.sort(key=lambda row: (row[0].region != pin, *_last(row[1]), row[0].cost, row[0].region))
    in_force = bool(rows) and rows[0][0].region == pin
    if stay is not None and not in_force:
        _keep(rows, stay)
    fallbacks = _fallbacks(rows, explores=view.explores)
    beside = 2 if rows and not in_force and _lone(rows[0][1]) else 1
    return Ranking(
        ranked=tuple(ranked for ranked, _ in rows),
        supplies=tuple(supply for _, supply in rows),
        leads=_leads(
            [ranked for ranked, supply in rows if _last(supply) == _last(rows[0][1])]
            if not in_force
            else [rows[0][0]]
        ),
        shared=taken.shared,
        anycast=taken.anycast,
        pinned=in_force,
        fallbacks=fallbacks,
        again=_again(rows, fallbacks, view) if view.explores and rows else fallbacks,
        turn=turn,
        explored=next((at for at in fallbacks if at >= beside), beside) != beside,
        excluded=(*outside, *taken.excluded) if outside else taken.excluded,
        notes=() if pin is None or in_force else (fleet.Reason.PINNED_REGION_DOWN,),
    )


def turn_at(second: int) -> int:
    """Return which slots have their turn at a time, Unix seconds."""
    return second // TURN % AGAIN


def load_penalty(load: float) -> float:
    """Return what a region's mean load (0 idle, 1 full) adds to its cost, ms."""
    over = max(0.0, load - LOAD_FREE) / (1 - LOAD_FREE)
    return LOAD_COST * over * over


def weight_penalty(weight: int) -> float:
    """Return what a region's weight adds to its cost, ms; less than nothing above 100."""
    return INDIFFERENCE * math.log(WEIGHT_STANDARD / weight)


_Row = tuple[selection.Ranked, census.Supply]


def _keep(rows: list[_Row], stay: dwelling.Stay) -> None:
    """Put the region that the client holds first; or the best one that it leaves it for.

    That need not be the cheapest: of one that is not sure to be better, another may be hidden
    behind that is.
    """
    for position, (held, supply) in enumerate(rows):
        if held.region != stay.region:
            continue
        if _last(supply) == _last(rows[0][1]):
            better = (
                at
                for at, (other, _) in enumerate(rows[:position])
                if deciding.moves(held, other, dwelling=stay.dwelling)
            )
            rows.insert(0, rows.pop(next(better, position)))
        return


def _fallbacks(rows: Sequence[_Row], *, explores: bool) -> tuple[int, ...]:
    if not explores:
        return tuple(range(len(rows)))
    near, far = rows[: 1 + EXPLORED], range(1 + EXPLORED, len(rows))

    def promise(position: int) -> tuple[bool, bool, float]:
        found, supply = near[position]
        return (*_last(supply), deciding.score(found.expected) + found.penalty)

    return (*sorted(range(len(near)), key=promise), *far)


def _again(
    rows: Sequence[_Row], fallbacks: tuple[int, ...], view: estimating.View
) -> tuple[int, ...]:
    """Return the fallbacks with the region first that was expected to be better than the first."""

    def expected(position: int) -> float:
        found, supply = rows[position]
        return view.prior(supply.region.spec).rtt + found.penalty

    best = min(range(len(rows)), key=expected)
    if not best or expected(best) >= rows[0][0].cost or _last(rows[best][1]) > _last(rows[0][1]):
        return fallbacks
    return (best, *(position for position in fallbacks if position != best))


def _lone(supply: census.Supply) -> bool:
    """Tell whether a region has no backup of its own, which the next region then has.

    By one slot: where that is so of some relays and not of others, they share anycast addresses.
    """
    return rendezvous.Row(*supply.table.row(0)).first_backup == rendezvous.NOBODY


def _last(supply: census.Supply) -> tuple[bool, bool]:
    """Return what puts a region behind all that cost more; it is worst to be full."""
    return supply.full, supply.damped


def _ranked(supply: census.Supply, view: estimating.View) -> selection.Ranked:
    spec = supply.region.spec
    return selection.Ranked(
        region=spec.name,
        expected=view.estimate(spec),
        load_penalty=load_penalty(supply.load),
        weight_penalty=weight_penalty(spec.weight),
    )


def _leads(ranked: Sequence[selection.Ranked]) -> tuple[Lead, ...]:
    """Return who shares the users: the best region, and those that are as good to a client."""
    if not ranked:
        return ()
    least = ranked[0].cost
    # The first is not the cheapest where the client holds it; then it is as good as any.
    near = [at for at, found in enumerate(ranked) if abs(found.cost - least) <= BAND]
    parts = [math.exp(min(0.0, least - ranked[at].cost) / INDIFFERENCE) for at in near]
    whole = sum(parts)
    return tuple(
        Lead(position=at, share=part / whole, distances=rendezvous.distances(ranked[at].region))
        for at, part in zip(near, parts, strict=True)
    )
