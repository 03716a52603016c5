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
* Relays of two regions may run on one machine: then they have a public address in common. A
  borrowed backup and a fallback are on machines of their own, in the first region that has one.
  Where none has, they are what they would be otherwise: another process is better than nothing.

A role that nobody can fill is left out. Nothing here looks at health: a ranking has only relays
that may be offered. Full ones are among them only where all of a region are; nobody is sent there
whose primary has room.
"""

import math
from array import array
from collections.abc import Sequence
from typing import Final

from turnfleet.model import selection
from turnfleet.steer import census, ranking, rendezvous

_AGAIN: Final = ranking.AGAIN
_NOBODY: Final = rendezvous.NOBODY  # a global is faster than an attribute, for every answer

_NOTHING: Final[frozenset[str]] = frozenset()

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
    avoided = _shared(ranked, lead, primary, backup) if ranked.shared else _NOTHING
    order = ranked.again if slot % _AGAIN == ranked.turn else ranked.fallbacks
    if backup == _NOBODY and not ranked.pinned:
        borrowed, fallback = _borrow(ranked, lead, order, slot, avoided)
        return (lead, primary), borrowed, fallback
    return (lead, primary), (lead, backup), _elsewhere(ranked, (lead,), order, slot, avoided)


def _borrow(
    ranked: ranking.Ranking, lead: int, order: Sequence[int], slot: int, avoided: frozenset[str]
) -> tuple[_Seated, _Seated]:
    """Return backup and fallback of a region that has no backup of its own."""
    supplies = ranked.supplies
    near, backup = _elsewhere(ranked, (lead,), range(len(supplies)), slot, avoided)
    if backup == _NOBODY:
        return (lead, _NOBODY), (lead, _NOBODY)
    both = avoided | _shared(ranked, near, backup) if ranked.shared else _NOTHING
    fallback = _elsewhere(ranked, (lead, near), order, slot, both)
    if fallback[1] != _NOBODY:
        return (near, backup), fallback
    second = _second(supplies[near], slot, backup, avoided)
    if second == _NOBODY and avoided:
        second = _second(supplies[near], slot, backup, avoided & ranked.anycast)
        if second != _NOBODY:
            return (near, backup), (near, second)
    return (near, second), (near, backup)


def _second(supply: census.Supply, slot: int, beside: int, avoided: frozenset[str]) -> int:
    """Return a relay of a region on another node than one of it, and at no avoided address."""
    row = rendezvous.Row(*supply.table.row(slot))
    backup = row.first_backup if beside == row.first else row.second_backup
    if not avoided and beside in (row.first, row.second):
        return backup
    seats = supply.table.seats
    for candidate in (backup, *row):
        if (
            candidate != _NOBODY
            and rendezvous.apart(seats[beside], seats[candidate])
            and avoided.isdisjoint(supply.relays[candidate].addresses)
        ):
            return candidate
    return _NOBODY


def _draw(leads: Sequence[ranking.Lead], slot: int) -> int:
    """Return the position of the slot's lead, by weighted rendezvous hashing."""
    least, drawn = math.inf, 0
    for lead in leads:
        distance = (lead.distances.known[slot] or lead.distances.work_out(slot)) / lead.share
        if distance < least:
            least, drawn = distance, lead.position
    return drawn


def _shared(ranked: ranking.Ranking, region: int, *chosen: int) -> frozenset[str]:
    """Return the addresses of a region's relays that relays of other regions have, too."""
    relays = ranked.supplies[region].relays
    found = [relays[relay].addresses for relay in chosen if relay != _NOBODY]
    return ranked.shared & _NOTHING.union(*found)


def _elsewhere(
    ranked: ranking.Ranking,
    taken: tuple[int, ...],
    order: Sequence[int],
    slot: int,
    avoided: frozenset[str],
) -> _Seated:
    """Return a relay of the first region in order, but for those taken, that has one.

    It is at none of the avoided addresses, or where all are, at none that is anycast.
    """
    full = ranked.supplies[taken[0]].full
    for other in order:
        if other not in taken:
            supply = ranked.supplies[other]
            if supply.full and not full:
                break  # those behind it are, too
            found = _lighter(supply, slot, avoided)
            if found != _NOBODY:
                return other, found
    same = avoided & ranked.anycast
    if same != avoided:
        return _elsewhere(ranked, taken, order, slot, same)
    return taken[0], _NOBODY


def _lighter(supply: census.Supply, slot: int, avoided: frozenset[str]) -> int:
    """Return a relay of a region that is at none of the avoided addresses."""
    row, pressures = supply.table.row(slot), supply.pressures
    first, second = row[0], row[1]
    lighter = second if pressures[first] - pressures[second] > _PATIENCE[slot] else first
    if not avoided:
        return lighter
    for candidate in (lighter, *row):  # backups are on other nodes than the first two
        if candidate != _NOBODY and avoided.isdisjoint(supply.relays[candidate].addresses):
            return candidate
    return _NOBODY
