"""Which relays a user gets, out of a ranking: primary, backup, fallback.

* The region of the primary is drawn, by the user's slot, among the ranking's leads (nearly always
  there is one).
* In a region two candidates come from the user's slot. It is the first, unless that one's load
  presses harder than the second's by more than the slot has patience (``loading.pressure``). Slots
  differ in patience: as a load rises, a few users after the other leave, never all at once, and
  each of them stays with one relay while loads stay about what they are.
* The backup is on another node of the same region and, where there is one, in another zone.
* The fallback is in the first of the other regions by the ranking's order of fallbacks.

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
    lead, primary, backup, other, fallback = _pick(ranked, slot)
    supplies = ranked.supplies
    if not supplies:
        return None, None, None
    of_lead, of_other = supplies[lead].marks, supplies[other].marks
    return of_lead[primary], of_lead[backup], of_other[fallback]


def choose(ranked: ranking.Ranking, slot: int) -> tuple[selection.Choice, ...]:
    """Return the choices of the users of a slot, in the order of roles."""
    lead, primary, backup, other, fallback = _pick(ranked, slot)
    picked = (
        (selection.Role.PRIMARY, lead, primary),
        (selection.Role.BACKUP, lead, backup),
        (selection.Role.FALLBACK, other, fallback),
    )
    return tuple(
        selection.Choice(
            role=role,
            region=ranked.supplies[position].region,
            member=ranked.supplies[position].members[member],
            estimate=ranked.ranked[position].estimate,
        )
        for role, position, member in picked
        if member != _NOBODY
    )


def _pick(ranked: ranking.Ranking, slot: int) -> tuple[int, int, int, int, int]:
    """Return the lead's position, its primary and backup, another region's and its fallback.

    Regions are positions in ``ranked.supplies``, relays in ``Supply.members`` or ``NOBODY``, which
    is at the end of ``Supply.pressures`` with more than any relay has. Integers alone, since this
    is done for every answer.
    """
    leads = ranked.leads
    if not leads:
        return 0, _NOBODY, _NOBODY, 0, _NOBODY
    supplies = ranked.supplies
    lead = leads[0].position if len(leads) == 1 else _draw(leads, slot)
    supply = supplies[lead]
    full, pressures, patience = supply.full, supply.pressures, _PATIENCE[slot]
    primary, second, backup, spare, second_backup, second_spare = supply.table.row(slot)
    if pressures[primary] - pressures[second] > patience:
        primary, backup, spare = second, second_backup, second_spare
    if pressures[backup] - pressures[spare] > patience:
        backup = spare
    table = supply.table
    anycast = _anycast(table.seats, primary, backup) if table.anycast else ()
    for other in ranked.again if slot % _AGAIN == ranked.turn else ranked.fallbacks:
        if other != lead:
            supply = supplies[other]
            if supply.full and not full:
                break  # those behind it are, too
            fallback = _elsewhere(supply, slot, anycast)
            if fallback != _NOBODY:
                return lead, primary, backup, other, fallback
    return lead, primary, backup, lead, _NOBODY


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


def _elsewhere(supply: census.Supply, slot: int, anycast: tuple[str, ...]) -> int:
    """Return a relay of another region, other than those behind the anycast addresses."""
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
