"""Which relays a user gets, out of a ranking: primary, backup, fallback.

* The region of the primary is drawn, by the user's slot, among the ranking's leads (nearly always
  there is one).
* In a region two candidates come from the user's slot, and the less loaded one wins; while their
  loads are about equal it is always the first, so a user who comes back finds the same relay.
* The backup is on another node of the same region and, where there is one, in another zone.
* The fallback is in the best of the other regions.

A role that nobody can fill is left out. Nothing here looks at health: a ranking has only relays
that may be offered.
"""

import math
from collections.abc import Sequence
from typing import Final

from turnfleet.model import selection
from turnfleet.steer import census, ranking, rendezvous

# An enum's member costs eight times as much to look up as a name (Python 3.11), and this is done
# for every answer.
_PRIMARY: Final = selection.Role.PRIMARY
_BACKUP: Final = selection.Role.BACKUP
_FALLBACK: Final = selection.Role.FALLBACK
_NOBODY: Final = rendezvous.NOBODY


def choose(ranked: ranking.Ranking, slot: int) -> tuple[selection.Choice, ...]:
    """Return the choices of every user of a slot (``rendezvous.slot``), in the order of roles."""
    leads = ranked.leads
    if not leads:
        return ()
    lead = leads[0].position if len(leads) == 1 else _draw(leads, slot)
    supply, estimate = ranked.supplies[lead], ranked.ranked[lead].estimate
    row, steps, seats = supply.table.row(slot), supply.steps, supply.table.seats
    first, second = row[0], row[1]
    if second == _NOBODY or steps[first] <= steps[second]:
        primary, backup = first, _lighter(steps, row[2], row[3])
    else:
        primary, backup = second, _lighter(steps, row[4], row[5])
    region, members = supply.region, supply.members
    chosen = [selection.Choice(_PRIMARY, region, members[primary], estimate)]
    anycast = seats[primary].anycast
    if backup != _NOBODY:
        chosen.append(selection.Choice(_BACKUP, region, members[backup], estimate))
        anycast += seats[backup].anycast
    fallback = _fallback(ranked, slot, lead=lead, anycast=anycast)
    if fallback is not None:
        chosen.append(fallback)
    return tuple(chosen)


def _draw(leads: Sequence[ranking.Lead], slot: int) -> int:
    """Return the position of the slot's lead, by weighted rendezvous hashing.

    ``-log(uniform) / share`` is least for a lead with the probability of its share, and a lead that
    goes or comes moves nobody between the others.
    """
    least, drawn = math.inf, 0
    for lead in leads:
        distance = -math.log((rendezvous.score(lead.seed, slot) + 1) / 2**64) / lead.share
        if distance < least:
            least, drawn = distance, lead.position
    return drawn


def _lighter(steps: Sequence[int], first: int, second: int) -> int:
    """Return the less loaded of two candidates; the first if they are equal or it is alone."""
    if second == _NOBODY or steps[first] <= steps[second]:
        return first
    return second


def _fallback(
    ranked: ranking.Ranking, slot: int, *, lead: int, anycast: tuple[str, ...]
) -> selection.Choice | None:
    for position, supply in enumerate(ranked.supplies):
        if position == lead:
            continue
        found = _elsewhere(supply, slot, anycast)
        if found != _NOBODY:
            estimate = ranked.ranked[position].estimate
            return selection.Choice(_FALLBACK, supply.region, supply.members[found], estimate)
    return None


def _elsewhere(supply: census.Supply, slot: int, anycast: tuple[str, ...]) -> int:
    """Return a relay of another region, other than those behind the anycast addresses."""
    row = supply.table.row(slot)
    first, second = row[0], row[1]
    lighter = _lighter(supply.steps, first, second)
    if not anycast:
        return lighter
    seats = supply.table.seats
    for candidate in (lighter, first, second):
        if candidate != _NOBODY and not rendezvous.shared(anycast, seats[candidate].anycast):
            return candidate
    return _NOBODY
