"""Which relays a user gets, out of a ranking: primary, backup, fallback.

* The region of the primary is drawn, by the user's slot, among the ranking's leads (nearly always
  there is one).
* In a region two candidates come from the user's slot. It is the first, unless that one's load
  presses harder than the second's by more than the slot has patience (``loading.pressure``). Slots
  differ in patience: as a load rises, a few users after the other leave, never all at once, and
  each of them stays with one relay while loads stay about what they are.
* The backup is on another node of the same region and, where there is one, in another zone. A
  region that has no such relay, as while its other one is rolled, borrows one of the nearest other
  region; but not for a pinned one.
* The fallback is in the first of the other regions by the ranking's order of fallbacks. Where that
  has to be the one that the backup is borrowed from, they are on two nodes of it, or the fallback
  alone is left.

A role that nobody can fill is left out. Nothing here looks at health: a ranking has only relays
that may be offered. Full ones are among them only where all of a region are; nobody is sent there
whose primary has room.
"""

import math
from array import array
from collections.abc import Iterable, Sequence
from typing import Final

from turnfleet.model import selection
from turnfleet.steer import census, ranking, rendezvous

_AGAIN: Final = ranking.AGAIN
_NOBODY: Final = rendezvous.NOBODY  # a global is faster than an attribute, for every answer

_INDIFFERENT: Final = 0.02
"""Difference of pressure that moves nobody: as much as one and a half holds of load make."""
_PATIENCE: Final = array(
    "H",
    (
        (slot * 0x9E3 + 1) % rendezvous.SLOTS + int(_INDIFFERENT * rendezvous.SLOTS)
        for slot in range(rendezvous.SLOTS)
    ),
)
"""By slot: each of the values once, for slots that have nothing else in common."""


def marks(ranked: ranking.Ranking, slot: int) -> selection.Marks:
    """Return what stands for the relays that the users of a slot (``rendezvous.slot``) get."""
    (lead, primary), (near, backup), (other, fallback) = _pick(ranked, slot)
    supplies = ranked.supplies
    if not supplies:
        return None, None, None
    return (
        supplies[lead].marks[primary],
        supplies[near].marks[backup],
        supplies[other].marks[fallback],
    )


def choose(ranked: ranking.Ranking, slot: int) -> tuple[selection.Choice, ...]:
    """Return the choices of the users of a slot, in the order of roles."""
    return tuple(
        selection.Choice(
            role=role,
            region=ranked.supplies[position].region,
            member=ranked.supplies[position].members[member],
            estimate=ranked.ranked[position].estimate,
        )
        for role, (position, member) in zip(selection.Role, _pick(ranked, slot), strict=True)
        if member != _NOBODY
    )


_Seated = tuple[int, int]
"""A region's position in ``ranked.supplies``, and a relay's in its ``members`` or ``NOBODY``."""


def _pick(ranked: ranking.Ranking, slot: int) -> tuple[_Seated, _Seated, _Seated]:
    """Return primary, backup and fallback.

    ``NOBODY`` is at the end of ``Supply.pressures`` with more than any relay has. Integers alone,
    since this is done for every answer.
    """
    leads = ranked.leads
    if not leads:
        return (0, _NOBODY), (0, _NOBODY), (0, _NOBODY)
    supplies = ranked.supplies
    lead = leads[0].position if len(leads) == 1 else _draw(leads, slot)
    supply = supplies[lead]
    pressures, patience = supply.pressures, _PATIENCE[slot]
    primary, second, backup, spare, second_backup, second_spare = supply.table.row(slot)
    if pressures[primary] - pressures[second] > patience:
        primary, backup, spare = second, second_backup, second_spare
    if pressures[backup] - pressures[spare] > patience:
        backup = spare
    table = supply.table
    anycast = _anycast(table.seats, primary, backup) if table.anycast else ()
    order = ranked.again if slot % _AGAIN == ranked.turn else ranked.fallbacks
    if backup == _NOBODY and not ranked.pinned:
        borrowed, fallback = _borrow(ranked, lead, order, slot, anycast)
        return (lead, primary), borrowed, fallback
    return (lead, primary), (lead, backup), _elsewhere(ranked, (lead,), order, slot, anycast)


def _borrow(
    ranked: ranking.Ranking, lead: int, order: Sequence[int], slot: int, anycast: tuple[str, ...]
) -> tuple[_Seated, _Seated]:
    """Return backup and fallback of a region that has no backup of its own."""
    supplies = ranked.supplies
    near, backup = _elsewhere(ranked, (lead,), range(len(supplies)), slot, anycast)
    if backup == _NOBODY:
        return (lead, _NOBODY), (lead, _NOBODY)
    table = supplies[near].table
    if table.anycast:
        anycast = (*anycast, *_anycast(table.seats, backup))
    fallback = _elsewhere(ranked, (lead, near), order, slot, anycast)
    if fallback[1] != _NOBODY:
        return (near, backup), fallback
    row = rendezvous.Row(*table.row(slot))
    second = row.first_backup if backup == row.first else row.second_backup
    if anycast and rendezvous.shared(anycast, table.seats[second].anycast):
        second = _NOBODY
    return (near, second), (near, backup)


def _draw(leads: Sequence[ranking.Lead], slot: int) -> int:
    """Return the position of the slot's lead, by weighted rendezvous hashing."""
    least, drawn = math.inf, 0
    for lead in leads:
        distance = (lead.distances.known[slot] or lead.distances.work_out(slot)) / lead.share
        if distance < least:
            least, drawn = distance, lead.position
    return drawn


def _anycast(seats: Sequence[rendezvous.Seat], *chosen: int) -> tuple[str, ...]:
    """Return the anycast addresses of chosen relays."""
    return tuple(address for seat in chosen if seat != _NOBODY for address in seats[seat].anycast)


def _elsewhere(
    ranked: ranking.Ranking,
    taken: tuple[int, ...],
    order: Iterable[int],
    slot: int,
    anycast: tuple[str, ...],
) -> _Seated:
    """Return a relay of the first region in order, but for those taken, that has one."""
    full = ranked.supplies[taken[0]].full
    for other in order:
        if other not in taken:
            supply = ranked.supplies[other]
            if supply.full and not full:
                break  # those behind it are, too
            found = _lighter(supply, slot, anycast)
            if found != _NOBODY:
                return other, found
    return taken[0], _NOBODY


def _lighter(supply: census.Supply, slot: int, anycast: tuple[str, ...]) -> int:
    """Return a relay of a region, other than those behind the anycast addresses."""
    row, pressures = supply.table.row(slot), supply.pressures
    first, second = row[0], row[1]
    lighter = second if pressures[first] - pressures[second] > _PATIENCE[slot] else first
    if not anycast:
        return lighter
    seats = supply.table.seats
    for candidate in (lighter, first, second):
        if candidate != _NOBODY and not rendezvous.shared(anycast, seats[candidate].anycast):
            return candidate
    return _NOBODY
