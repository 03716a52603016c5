"""Which relays are closed, which are taken away, and how many there may be meanwhile.

a relay that                        is closed                  and then
----------------------------------  -------------------------  -----------------------------------
is one too many                     at once                    deleted, and not made again
has a flaw (``members.Flaw``)       as far as the budget goes  deleted, and made again
is on a cordoned node               at once                    opened again with the node
is drained by a person              at once                    opened again by that person
has missed a rotation               at once                    opened again once it has caught up
is of a region of weight 0          at once                    opened again with the weight

Closed means out of the answers and otherwise untouched. A relay that has ever served is deleted
only once it has been closed for ``CLOSING``, so that nobody who was just sent to it is refused.
Deleting drains: live allocations have until the region's drain timeout.

A rollout goes zone by zone. It stops by itself

    while a relay of the new kind has not passed its own Allocate; the first one of all goes alone
    while so many others are out that the budget would not hold, whatever put them out
    while the relay is the only one of its region, and no other region takes its clients

Level-triggered: nothing remembers that a relay was going to be replaced. What is not to be closed
any more is opened, and that is all it takes to undo an edit before its relays are gone. So it is
while a spec is held: a rollout that does not go on keeps nobody closed.
"""

import itertools
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from turnfleet.model import region
from turnfleet.plan.cluster import closing, guard, members, nodes, objects, observed, shedding
from turnrelay import contract

CLOSING: Final = 10.0
"""Seconds from closing a relay to deleting it: endpoints have heard of it, and clients that were
given it before have made their allocations."""
TRYING: Final = 10.0
"""Seconds in which endpoints hear of a relay that has become ready and try it themselves; before
that they offer nobody in its place."""
ASKING: Final = 1.0
"""Seconds between two looks at whether relays have said how much they carry."""
SETTLING: Final = 120.0
"""Seconds for which a relay that cannot be placed holds up the rollouts of other regions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """What happens to the relays of a region now."""

    closed: Mapping[str, str] = field(default_factory=dict)
    """Why each closed relay is closed, by uid. All others are open."""
    surplus: tuple[members.Member, ...] = ()
    """Relays that are too many."""
    asking: bool = False
    """Whether some are too many, and relays have yet to say which of them carries least."""
    cheap: tuple[members.Member, ...] = ()
    """The next relays that a ReplicaSet has to give up: it is to take these when it shrinks."""
    replacing: tuple[members.Member, ...] = ()
    """Flawed relays that are on their way out."""
    stranded: bool = False
    """Whether a flawed relay stays only because its clients would have nowhere to go."""
    delete: tuple[members.Member, ...] = ()
    """Relays to delete now."""
    replicas: int = 0
    """Pods that the ReplicaSet has to have."""
    kept: tuple[observed.Node, ...] = ()
    """Nodes on which the DaemonSet has to leave a pod that is not wanted there any more."""
    again: float | None = None
    """Unix seconds at which to look again."""
    rolling: bool = False
    """Whether relays of this region are being replaced, which keeps others from it."""


def none(roster: members.Roster) -> Moves:
    """Return what happens to a region that ends: whoever is closed stays it."""
    return Moves(
        closed={m.uid: m.pod.closed for m in roster.alive if m.pod.closed is not None},
        cheap=tuple(m for m in roster.alive if shedding.costs_little(m)),
        # What is declared may not be known, and so not whether these are of it.
        rolling=any(map(closing.is_for_a_flaw, roster.leaving)),
    )


def held(roster: members.Roster) -> Moves:
    """Return what happens in a hold: nobody is replaced, and who was to be is opened."""
    return replace(none(roster), closed=closing.held(roster))


def moves(
    *,
    spec: region.RegionSpec,
    roster: members.Roster,
    policy: observed.Policy,
    may_roll: bool,
    may_be_empty: bool = True,
    now: float,
) -> Moves:
    """Return what happens to the relays of a region now.

    ``may_be_empty``: a rollout may leave the region without a relay for a while.
    """
    surplus = shedding.surplus(spec, roster)
    asking = shedding.is_guess(surplus, roster, now)
    surplus = () if asking else surplus
    flawed = [m for m in roster.alive if m.flaw is not None and m not in surplus]
    held = _held(spec, roster, flawed, may_be_empty=may_be_empty)
    replacing = _replacing(
        spec,
        roster,
        [member for member in flawed if member not in held],
        gone={member.uid for member in surplus},
        may_roll=may_roll,
        now=now,
    )
    due = {member.uid: _due(member, now) for member in (*surplus, *replacing)}
    shed = shedding.shed(spec, surplus, replacing)
    given_up = itertools.takewhile(lambda member: due[member.uid] <= now, shed)
    ended = (member for member in replacing if member not in shed and due[member.uid] <= now)
    going = guard.allowed([*given_up, *ended], roster=roster, policy=policy)
    cheap = tuple(member for member in going if member in shed)
    certain = shedding.certain(roster, cheap)
    delete = going if certain else tuple(member for member in going if member not in cheap)
    later = [time for time in due.values() if time > now]
    later += [now + ASKING] if asking else []
    starting = _starting(roster, now)
    tried = _tried(roster, now) if flawed else ()
    # A region that is only just made holds up nobody.
    settling = bool(starting) and any(member.served for member in roster.members)
    moving = may_roll and (bool(replacing) or settling or _stuck(flawed, roster))
    return Moves(
        closed=closing.reasons(spec, roster, surplus=surplus, replacing=replacing),
        surplus=surplus,
        asking=asking,
        cheap=cheap,
        replacing=replacing,
        stranded=bool(held),
        delete=delete,
        replicas=shedding.replicas(spec, roster, cheap if certain else ()),
        kept=_kept(spec, roster, delete),
        again=min([*later, *starting, *tried], default=None),
        rolling=moving or _draining(roster),
    )


def _starting(roster: members.Roster, now: float) -> tuple[float, ...]:
    """Return until when relays that have not served yet may take their time (Unix seconds)."""
    ends = (m.pod.created + SETTLING for m in roster.alive if not m.served)
    return tuple(end for end in ends if now < end <= now + SETTLING)


def _tried(roster: members.Roster, now: float) -> tuple[float, ...]:
    """Return until when endpoints are busy trying relays (Unix seconds)."""
    ends = (m.pod.ready_since + TRYING for m in roster.alive if m.pod.ready)
    return tuple(end for end in ends if now < end <= now + TRYING)


def _stuck(flawed: Sequence[members.Member], roster: members.Roster) -> bool:
    """Return whether a relay of the new kind runs and does not get ready.

    It holds up the rollouts of all other regions: a bad image stops at the first relay.
    """
    return bool(flawed) and any(member.untried for member in roster.alive)


def _draining(roster: members.Roster) -> bool:
    """Return whether a relay that was replaced is still on its way out."""
    return any(not member.current for member in roster.leaving)


def _held(
    spec: region.RegionSpec,
    roster: members.Roster,
    flawed: Sequence[members.Member],
    *,
    may_be_empty: bool,
) -> tuple[members.Member, ...]:
    """Return the flawed relays without which the region would serve nobody, if that may not be.

    A region that is to have several never loses all of them: that is what the budget is for. One
    that endpoints may still be trying counts: some may have done so, and sent clients to it.
    """
    if may_be_empty or roster.expected > 1 or spec.weight == 0:
        return ()
    return tuple(member for member in flawed if member.pod.ready and not _shut(member))


def _replacing(
    spec: region.RegionSpec,
    roster: members.Roster,
    flawed: Sequence[members.Member],
    *,
    gone: Collection[str],
    may_roll: bool,
    now: float,
) -> tuple[members.Member, ...]:
    """Return the flawed relays that may be on their way out now.

    One that never served costs nothing, and may be the bad edit that this one corrects.
    """
    chosen = [member for member in flawed if not member.served]
    if not may_roll:
        return tuple(chosen)
    # What no node has room for is missing in any case, and would hold up a rollout for ever.
    budget = guard.budget(spec, roster.expected)
    available = {m.uid for m in roster.alive if _available(m, now)}.difference(gone)
    available -= {member.uid for member in chosen}
    most = _most(roster, now)
    served = (member for member in flawed if member.served)
    for member in sorted(served, key=lambda member: _pressing(member, now)):
        takes_away = member.uid in available
        if takes_away and most <= 0:
            continue
        if roster.expected - len(available - {member.uid}) <= budget:
            available.discard(member.uid)
            chosen.append(member)
            most -= takes_away
    return tuple(chosen)


def _most(roster: members.Roster, now: float) -> float:
    """Return how many relays that serve the new kind has earned to replace, whatever the budget."""
    missing = roster.expected - len(roster.alive) - len(roster.leaving)
    coming = sum(_is_coming(member, now) for member in roster.alive)
    unplaceable = max(0, roster.desired - roster.room)
    if missing > 0 or coming > unplaceable or any(member.untried for member in roster.alive):
        return 0
    if any(member.current and member.served for member in roster.alive):
        return math.inf
    return 1 - sum(_is_replaced(member) for member in roster.leaving)


def _is_coming(member: members.Member, now: float) -> bool:
    """Return whether a relay may be about to get a node; one that finds none holds up nobody."""
    return member.pod.node is None and now < member.pod.created + SETTLING


def _is_replaced(leaving: members.Member) -> bool:
    return not leaving.current and leaving.pod.closed != closing.Closing.SCALE_DOWN


def _available(member: members.Member, now: float) -> bool:
    """Return whether taking a relay away takes service away.

    One that endpoints are still trying serves nobody yet. Its being closed for the sake of a
    rollout does not count, or closing the first relay would use up the budget for deleting it. Nor
    does weight 0: nobody is served either way.
    """
    tried = not 0 <= now - member.pod.ready_since < TRYING
    return member.pod.ready and tried and not _shut(member)


def _shut(member: members.Member) -> bool:
    """Return whether a relay is out of the answers for another reason than a rollout."""
    return member.cordoned or member.drained or member.behind or closing.is_foreign(member)


def _pressing(member: members.Member, now: float) -> tuple[object, ...]:
    """Return the order in which relays are replaced: those that are missed least come first."""
    order = list(members.Flaw)
    return (
        member.pod.ready,
        member.pod.closed is None,  # Who has been closed for this goes on being it.
        _available(member, now),
        order.index(member.flaw) if member.flaw is not None else len(order),
        member.zone or "",
        member.pod.created,
        member.pod.name,
    )


def _due(member: members.Member, now: float) -> float:
    """Return from when on a relay that is on its way out may be deleted (Unix seconds)."""
    if not member.served:
        return 0.0
    known = member.past is not None and member.past.state is contract.State.CLOSED
    if member.past is None or not known or member.pod.closed is None:
        return now + CLOSING  # It is being closed by this very plan.
    return min(member.past.since, now) + CLOSING


def _kept(
    spec: region.RegionSpec, roster: members.Roster, delete: Sequence[members.Member]
) -> tuple[observed.Node, ...]:
    every_node = spec.relays.placement is region.Placement.EVERY_NODE
    return tuple(
        member.node
        for member in roster.of(objects.Kind.DAEMON_SET)
        if member.node is not None
        and member not in delete
        and (not every_node or nodes.drops(spec, member.node))
    )
