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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from turnfleet.model import region
from turnfleet.plan.cluster import guard, members, nodes, objects, observed
from turnrelay import contract

CLOSING: Final = 10.0
"""Seconds from closing a relay to deleting it: endpoints have heard of it, and clients that were
given it before have made their allocations."""
SETTLING: Final = 120.0
"""Seconds for which a relay that cannot be placed holds up the rollouts of other regions."""
COST: Final = -1000
"""Deletion cost of a relay that is one too many. All others have none, which counts as 0."""


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
        surplus=tuple(m for m in roster.alive if m.pod.deletion_cost == COST),
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
    surplus = _surplus(spec, roster)
    flawed = [m for m in roster.alive if m.flaw is not None and m not in surplus]
    replacing = _replacing(spec, roster, surplus, flawed, may_roll=may_roll)
    going = [*surplus, *replacing]
    due = {member.uid: _due(member, now) for member in going}
    ripe = [member for member in going if due[member.uid] <= now and _prepared(member, surplus)]
    delete = guard.allowed(ripe, roster=roster, policy=policy)
    later = [time for time in due.values() if time > now]
    starting = _starting(roster, now)
    # A region that is only just made holds up nobody.
    settling = bool(starting) and any(member.served for member in roster.members)
    moving = may_roll and (bool(replacing) or settling or _stuck(flawed, roster))
    return Moves(
        closed=_closed(spec, roster, surplus, replacing),
        surplus=surplus,
        replacing=replacing,
        delete=delete,
        replicas=_replicas(spec, roster, surplus, delete),
        kept=_kept(spec, roster, delete),
        again=min([*later, *starting], default=None),
        rolling=moving or _draining(roster),
    )


def _starting(roster: members.Roster, now: float) -> tuple[float, ...]:
    """Return until when relays that have not served yet may take their time (Unix seconds)."""
    ends = (m.pod.created + SETTLING for m in roster.alive if not m.served)
    return tuple(end for end in ends if now < end <= now + SETTLING)


def _stuck(flawed: Sequence[members.Member], roster: members.Roster) -> bool:
    """Return whether a relay of the new kind runs and does not get ready.

    It holds up the rollouts of all other regions: a bad image stops at the first relay.
    """
    new = (m for m in roster.alive if m.current and not m.served and m.pod.node is not None)
    return bool(flawed) and any(True for _ in new)


def _draining(roster: members.Roster) -> bool:
    """Return whether a relay that was replaced is still on its way out."""
    return any(not member.current for member in roster.leaving)


def _surplus(spec: region.RegionSpec, roster: members.Roster) -> tuple[members.Member, ...]:
    """Return the relays that are too many, in the order in which a ReplicaSet would take them."""
    if spec.relays.placement is not region.Placement.REPLICAS:
        return ()
    own = roster.of(objects.Kind.REPLICA_SET)
    excess = len(own) - spec.relays.replicas
    return tuple(sorted(own, key=_Sparing(own))[: max(0, excess)])


class _Sparing:
    """Sorts relays, those that can be spared first.

    The first two questions are the ReplicaSet controller's own, which it asks before it looks at
    the deletion cost: another order, and it would take another relay than the one that was closed.
    """

    def __init__(self, own: Sequence[members.Member]) -> None:
        self._zones: dict[str | None, int] = {}
        for member in own:
            zone = None if member.node is None else member.node.zone
            self._zones[zone] = self._zones.get(zone, 0) + 1

    def __call__(self, member: members.Member) -> tuple[object, ...]:
        zone = None if member.node is None else member.node.zone
        return (
            member.pod.node is not None,
            member.pod.ready,
            member.pod.deletion_cost != COST,
            member.flaw is None,
            not member.cordoned,
            -self._zones[zone],
            -member.pod.created,
            member.pod.name,
        )


def _replacing(
    spec: region.RegionSpec,
    roster: members.Roster,
    surplus: Sequence[members.Member],
    flawed: Sequence[members.Member],
    *,
    may_roll: bool,
) -> tuple[members.Member, ...]:
    """Return the flawed relays that may be on their way out now.

    One that never served costs nothing, and may be the bad edit that this one corrects.
    """
    chosen = [member for member in flawed if not member.served]
    if not may_roll:
        return tuple(chosen)
    gone = {member.uid for member in (*surplus, *chosen)}
    budget = guard.budget(spec, roster.desired)
    available = {m.uid for m in roster.alive if _available(m)} - gone
    for member in sorted((m for m in flawed if m.served), key=_pressing):
        if roster.desired - len(available - {member.uid}) <= budget:
            available.discard(member.uid)
            chosen.append(member)
    return tuple(chosen)


def _available(member: members.Member) -> bool:
    """Return whether taking a relay away takes service away.

    Its being closed for the sake of a rollout does not count, or closing the first relay would use
    up the budget for deleting it. Nor does weight 0: nobody is served either way.
    """
    foreign = member.pod.closed is not None and member.pod.closed not in _OWN
    return member.pod.ready and not member.cordoned and not foreign


def _pressing(member: members.Member) -> tuple[object, ...]:
    order = list(members.Flaw)
    return (
        member.pod.closed is None,  # Whoever has been closed goes on being it.
        _available(member),
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
        if member.pod.closed is not None and member.pod.closed not in _OWN:
            closed[member.uid] = member.pod.closed  # A person's; theirs to undo.
    for member in replacing:
        if member.flaw is not None:
            closed[member.uid] = member.flaw.value
    for member in surplus:
        closed[member.uid] = Closing.SCALE_DOWN.value
    return closed


def _due(member: members.Member, now: float) -> float:
    """Return from when on a relay that is on its way out may be deleted (Unix seconds)."""
    if not member.served:
        return 0.0
    known = member.past is not None and member.past.state is contract.State.CLOSED
    if member.past is None or not known or member.pod.closed is None:
        return now + CLOSING  # It is being closed by this very plan.
    return min(member.past.since, now) + CLOSING


def _prepared(member: members.Member, surplus: Sequence[members.Member]) -> bool:
    """Return whether the ReplicaSet will take this relay and no other when it shrinks."""
    return member not in surplus or member.pod.deletion_cost == COST


def _replicas(
    spec: region.RegionSpec,
    roster: members.Roster,
    surplus: Sequence[members.Member],
    delete: Sequence[members.Member],
) -> int:
    """Return how many pods the ReplicaSet keeps: it makes no new one for a relay of the surplus."""
    own = roster.of(objects.Kind.REPLICA_SET)
    if spec.relays.placement is region.Placement.EVERY_NODE:
        return len([member for member in own if member not in delete])
    released = len([member for member in surplus if member in delete])
    return max(spec.relays.replicas, len(own) - released)


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
