"""How loaded a relay counts as, and how hard that presses on new clients. Chooses nobody.

============  ==============================================================================
load          what follows
============  ==============================================================================
below 70 %    up to a quarter of a relay's users go to their second candidate where that one
              is emptier: enough to level out chance, too little to swamp a relay that joins
70 to 95 %    on a ramp, the more of them the fuller it is, to second candidates that are not
above 95 %    nobody, while another relay that may be offered is below; again below 90 %
============  ==============================================================================

A relay that is *doubted* (``fleet.Member``) presses on its users as one does that is well up the
ramp: up to half of them go to second candidates, the fewer the more those have to do themselves.

A relay that is *new* counts as loaded as the others of its region at first, and as itself after a
while: it gets its share at once, and what it could take beyond that by and by.

Pressure grows steadily with load, so a small change of load moves few users; and load is *held*
where it was until it has moved by more than its noise, so that these few do not go to and fro.
"""

from collections.abc import Iterable
from typing import Final

from turnfleet.model import fleet, region

RAMP: Final = 0.70
"""Load from which a relay gets fewer new clients, whatever it costs them."""
FULL: Final = 0.95
"""Load from which it gets none: what is left is for those who come back, and for wrong guesses."""
ROOM: Final = 0.90
"""Load below which a relay that was full gets clients again."""
UNSURE: Final = 0.85
"""Load that a relay counts as at most once its agent has been silent for long: users leave it for
others, but what was so once keeps nobody out for ever. A relay that is full says so to probes."""
HOLD: Final = 0.03
"""Reports differ by that much while nothing really changes."""
GRAIN: Final = 0.01
"""What is shown of a load may be off by that much: or every answer would make a new fleet."""
RAMP_IN: Final = 600.0
"""Seconds after which a new relay counts as what it is: calls last minutes, so by then its share
alone has filled it."""
LEAN: Final = 0.25
"""Part of its users that a relay on the foot of the ramp gives to one that is empty. So nobody gets
more than a quarter above its share, however empty it is, while the others are below the ramp."""
DOUBTED: Final = 0.5
"""Part of its users that a doubted relay gives to one that is empty."""
_STEEP: Final = 20.0
"""Pressure per load above ``FULL``: among relays that are all full, the least full are taken."""


def settle(
    *, reported: float, pending: float, floor: float = 0.0, before: fleet.Occupancy | None
) -> fleet.Occupancy:
    """Return a relay's occupancy: that of a moment ago as it is, where next to nothing changed.

    ``floor`` is what it counts as at least, but for being full.
    """
    load = reported + pending
    counts = max(load, floor)
    if before is None:
        return fleet.Occupancy(reported=reported, pending=pending, held=counts, full=load >= FULL)
    held = counts if abs(counts - before.held) > HOLD else before.held
    full = load >= (ROOM if before.full else FULL)
    near = abs(reported - before.reported) < GRAIN and abs(pending - before.pending) < GRAIN
    if near and (held, full) == (before.held, before.full):
        return before
    return fleet.Occupancy(reported=reported, pending=pending, held=held, full=full)


def own(occupancy: fleet.Occupancy) -> float:
    """Return the load that a relay is held at, but for the floor of one that is new."""
    load = occupancy.reported + occupancy.pending
    return occupancy.held if abs(occupancy.held - load) <= HOLD else load


def mean(of_region: region.RegionSpec, members: Iterable[fleet.Member]) -> float:
    """Return the mean load of relays of a region, by capacity: 0 idle to 1 full, 0 of none.

    Relays that refuse for want of room are full: without those a region would look the emptier the
    more of its relays are. None is more than full, or the word of one agent would turn clients away
    from all others.
    """
    taken = room = 0.0
    for member in members:
        refuses = member.health.reason is fleet.Reason.FULL
        own_room = capacity(of_region, member.relay)
        taken += own_room * (1.0 if refuses else min(own(of(member)), 1.0))
        room += own_room
    return taken / room if room else 0.0


def novelty(relay: fleet.Relay, *, at: float) -> float:
    """Return how new a relay is at a time (Unix seconds): 1 just ready, 0 from ``RAMP_IN`` on."""
    return min(max(1.0 - (at - relay.since) / RAMP_IN, 0.0), 1.0)


def of(member: fleet.Member) -> fleet.Occupancy:
    """Return the occupancy of a relay, by its load alone where nothing else is known."""
    if member.occupancy is not None:
        return member.occupancy
    return settle(reported=member.health.load, pending=0.0, before=None)


def pressure(load: float) -> float:
    """Return which part of a relay's users an empty one would draw from it; more than 1 if full.

    Between two relays the difference counts. Never falls as load rises.
    """
    if load <= RAMP:
        return LEAN * load / RAMP
    if load <= FULL:
        return LEAN + (1 - LEAN) * (load - RAMP) / (FULL - RAMP)
    return 1 + _STEEP * (load - FULL)


def pressing(member: fleet.Member) -> float:
    """Return the ``pressure`` on a relay's users: of its load, or of doubt where that is more."""
    own_load = pressure(of(member).held)
    return max(own_load, DOUBTED) if member.doubted else own_load


def capacity(of_region: region.RegionSpec, relay: fleet.Relay) -> int:
    """Return how many allocations a relay has room for."""
    if relay.capacity is not None:
        return relay.capacity
    return min(of_region.limits.allocations_per_relay, len(of_region.relay_ports))
