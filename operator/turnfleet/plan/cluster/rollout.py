"""Which relays are closed, which are taken away, and how many there may be meanwhile.

a relay that                        is closed                  and then
----------------------------------  -------------------------  -----------------------------------
is one too many                     at once                    deleted, and not made again
has a flaw (``members.Flaw``)       as far as the budget goes  deleted, and made again
is on a cordoned node               at once                    opened again with the node
is of a region of weight 0          at once                    opened again with the weight

Closed means out of the answers and otherwise untouched. A relay that has ever served is deleted
only once it has been closed for ``CLOSING``, so that nobody who was just sent to it is refused.
Deleting drains: live allocations have until the region's drain timeout.

Level-triggered: nothing remembers that a relay was going to be replaced. What is not to be closed
any more is opened, and that is all it takes to undo an edit before its relays are gone.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from turnfleet.model import region
from turnfleet.plan.cluster import guard, members, nodes, objects, observed, shedding
from turnrelay import contract

CLOSING: Final = 10.0
"""Seconds from closing a relay to deleting it: endpoints have heard of it, and clients that were
given it before have made their allocations."""
TRYING: Final = 10.0
"""Seconds in which endpoints hear of a relay that has become ready and try it themselves; before
that they offer nobody in its place."""
SETTLING: Final = 120.0
"""Seconds for which a relay that cannot be placed holds up the rollouts of other regions."""


class Closing(StrEnum):
    """Why a relay is closed: the values of the annotation ``turnfleet.io/closed``."""

    SCALE_DOWN = "ScaleDown"
    """There is one too many, and it is this one."""
    ADDRESS_CHANGED = members.Flaw.ADDRESS_CHANGED.value
    PLACEMENT_CHANGED = members.Flaw.PLACEMENT_CHANGED.value
    MISPLACED = members.Flaw.MISPLACED.value
    OUTDATED = members.Flaw.OUTDATED.value
    CORDONED = "Cordoned"
    """Its node takes nothing new."""
    WEIGHT_ZERO = "WeightZero"
    """Its region takes no new clients."""


_OWN: Final = frozenset(reason.value for reason in Closing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """What happens to the relays of a region now."""

    closed: Mapping[str, str] = field(default_factory=dict)
    """Why each closed relay is closed, by uid. All others are open."""
    surplus: tuple[members.Member, ...] = ()
    """Relays that are too many."""
    cheap: tuple[members.Member, ...] = ()
    """The next relays that a ReplicaSet has to give up: it is to take these when it shrinks."""
    replacing: tuple[members.Member, ...] = ()
    """Flawed relays that are on their way out."""
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
    """Return what happens in a hold: whoever is closed stays it."""
    return Moves(
        closed={m.uid: m.pod.closed for m in roster.alive if m.pod.closed is not None},
        cheap=tuple(m for m in roster.alive if m.pod.deletion_cost == shedding.COST),
    )


def moves(
    *,
    spec: region.RegionSpec,
    roster: members.Roster,
    policy: observed.Policy,
    may_roll: bool,
    now: float,
) -> Moves:
    """Return what happens to the relays of a region now."""
    surplus = shedding.surplus(spec, roster)
    flawed = [m for m in roster.alive if m.flaw is not None and m not in surplus]
    replacing = _replacing(spec, roster, surplus, flawed, may_roll=may_roll, now=now)
    due = {member.uid: _due(member, now) for member in (*surplus, *replacing)}
    shed = shedding.shed(spec, surplus, replacing)
    given_up = itertools.takewhile(lambda member: due[member.uid] <= now, shed)
    ended = (member for member in replacing if member not in shed and due[member.uid] <= now)
    going = guard.allowed([*given_up, *ended], roster=roster, policy=policy)
    cheap = tuple(member for member in going if member in shed)
    certain = shedding.certain(roster, cheap)
    delete = going if certain else tuple(member for member in going if member not in cheap)
    later = [time for time in due.values() if time > now]
    starting = _starting(roster, now)
    tried = _tried(roster, now) if flawed else ()
    # A region that is only just made holds up nobody.
    settling = bool(starting) and any(member.served for member in roster.members)
    moving = may_roll and (bool(replacing) or settling or _stuck(flawed, roster))
    return Moves(
        closed=_closed(spec, roster, surplus, replacing),
        surplus=surplus,
        cheap=cheap,
        replacing=replacing,
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
    new = (m for m in roster.alive if m.current and not m.served and m.pod.node is not None)
    return bool(flawed) and any(True for _ in new)


def _draining(roster: members.Roster) -> bool:
    """Return whether a relay that was replaced is still on its way out."""
    return any(not member.current for member in roster.leaving)


def _replacing(
    spec: region.RegionSpec,
    roster: members.Roster,
    surplus: Sequence[members.Member],
    flawed: Sequence[members.Member],
    *,
    may_roll: bool,
    now: float,
) -> tuple[members.Member, ...]:
    """Return the flawed relays that may be on their way out now.

    One that never served costs nothing, and may be the bad edit that this one corrects.
    """
    chosen = [member for member in flawed if not member.served]
    if not may_roll:
        return tuple(chosen)
    gone = {member.uid for member in (*surplus, *chosen)}
    # What no node has room for is missing in any case, and would hold up a rollout for ever.
    budget = guard.budget(spec, roster.expected)
    available = {m.uid for m in roster.alive if _available(m, now)} - gone
    served = (member for member in flawed if member.served)
    for member in sorted(served, key=lambda member: _pressing(member, now)):
        if roster.expected - len(available - {member.uid}) <= budget:
            available.discard(member.uid)
            chosen.append(member)
    return tuple(chosen)


def _available(member: members.Member, now: float) -> bool:
    """Return whether taking a relay away takes service away.

    One that endpoints are still trying serves nobody yet. Its being closed for the sake of a
    rollout does not count, or closing the first relay would use up the budget for deleting it. Nor
    does weight 0: nobody is served either way.
    """
    foreign = member.pod.closed is not None and member.pod.closed not in _OWN
    tried = not 0 <= now - member.pod.ready_since < TRYING
    return member.pod.ready and tried and not member.cordoned and not foreign


def _pressing(member: members.Member, now: float) -> tuple[object, ...]:
    """Return the order in which relays are replaced: those that are missed least come first."""
    order = list(members.Flaw)
    return (
        member.pod.ready,
        member.pod.closed is None,  # Who has been closed for this goes on being it.
        _available(member, now),
        order.index(member.flaw) if member.flaw is not None else len(order),
        member.pod.created,
        member.pod.name,
    )


def _closed(
    spec: region.RegionSpec,
    roster: members.Roster,
    surplus: Sequence[members.Member],
    replacing: Sequence[members.Member],
) -> dict[str, str]:
    closed: dict[str, str] = {}
    for member in roster.alive:
        if spec.weight == 0:
            closed[member.uid] = Closing.WEIGHT_ZERO.value
        if member.cordoned:
            closed[member.uid] = Closing.CORDONED.value
    for member in replacing:
        if member.flaw is not None:
            closed[member.uid] = member.flaw.value
    for member in surplus:
        closed[member.uid] = Closing.SCALE_DOWN.value
    for member in roster.alive:
        if member.pod.closed is not None and member.pod.closed not in _OWN:
            closed[member.uid] = member.pod.closed  # A person's, and theirs to undo.
    return closed


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
