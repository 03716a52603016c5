"""The relays of a region as a plan looks at them: a pod, its node, its past, and what is wrong.

Decides which pods count, and which have to be replaced; not when.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from turnfleet.model import region
from turnfleet.plan.cluster import addresses, naming, nodes, objects, observed, past
from turnfleet.plan.cluster.manifests import pod as manifest
from turnrelay import contract


class Flaw(StrEnum):
    """Why a relay that runs has to be replaced, the most pressing first."""

    ADDRESS_CHANGED = "AddressChanged"
    """Clients are given an address that its node does not have any more."""
    PLACEMENT_CHANGED = "PlacementChanged"
    """It belongs to the workload of another placement."""
    MISPLACED = "Misplaced"
    """Its node is not one that relays may be on any more."""
    OUTDATED = "Outdated"
    """It was started with what is not declared any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A relay of a region."""

    pod: observed.Pod
    node: observed.Node | None
    """``None``: not scheduled, or a node that is not there."""
    home: objects.Kind
    """The kind of workload that has it."""
    past: past.Entry | None
    """What the status said of this very pod."""
    finding: addresses.Finding
    flaw: Flaw | None = None
    current: bool = True
    """Started with what is declared now."""
    behind: bool = False
    """It holds another secret than the one that endpoints sign with."""

    @property
    def uid(self) -> str:
        """Return the pod's identity."""
        return self.pod.uid

    @property
    def alive(self) -> bool:
        """Return whether it may serve: it has not been told to end, and has not ended."""
        return self.pod.deleting_until is None and not self.pod.ended

    @property
    def served(self) -> bool:
        """Return whether it has ever taken clients, and so may have live allocations.

        Not being ready is no proof of the opposite: a full relay is not ready either.
        """
        return self.pod.ready or (
            self.past is not None and self.past.state is not contract.State.STARTING
        )

    @property
    def silent(self) -> bool:
        """Return whether its node has stopped telling of it, which says nothing about it."""
        return self.node is not None and not self.node.ready

    @property
    def cordoned(self) -> bool:
        """Return whether its node is to take nothing new."""
        return self.node is not None and self.node.cordoned

    @property
    def drained(self) -> bool:
        """Return whether a person wants it, or its node, to take no new clients."""
        return self.pod.drained or (self.node is not None and self.node.drained)

    @property
    def zone(self) -> str | None:
        """Return the failure domain that it is in."""
        return None if self.node is None else self.node.zone

    @property
    def untried(self) -> bool:
        """Return whether it is of the new kind, could have passed its own probe, and has not yet.

        That it has no address, or a silent node, is no fault of the kind.
        """
        could = self.pod.node is not None and not self.silent and not self.finding.missing
        return self.alive and self.current and not self.served and could


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """All relays of a region, by name of their pods."""

    members: tuple[Member, ...] = ()
    desired: int = 0
    """Relays that there should be."""
    matching: tuple[observed.Node, ...] = field(default=())
    """Nodes that a new relay could be on."""
    room: int = 0
    """Relays that there are nodes for, each to itself; nodes that are to be left count too."""

    @property
    def alive(self) -> tuple[Member, ...]:
        """Return the relays that may serve."""
        return tuple(member for member in self.members if member.alive)

    @property
    def leaving(self) -> tuple[Member, ...]:
        """Return the relays that drain for good."""
        return tuple(m for m in self.members if m.pod.deleting_until is not None)

    @property
    def expected(self) -> int:
        """Return how many relays there can be of those that there should be."""
        return min(self.desired, self.room)

    def of(self, kind: objects.Kind) -> tuple[Member, ...]:
        """Return the living relays of one kind of workload."""
        return tuple(member for member in self.alive if member.home is kind)


def roster(
    *,
    spec: region.RegionSpec | None,
    revision: str,
    seen: observed.Observed,
    entries: Mapping[str, past.Entry],
) -> Roster:
    """Return the relays of a region; without a spec nothing can be wrong with any of them."""
    matching = nodes.matching(seen.nodes, spec) if spec is not None else ()
    members = [
        _member(spec, revision, seen, entries, pod)
        for pod in sorted(seen.pods, key=lambda pod: pod.name)
    ]
    if spec is not None and not matching and not _to_be_empty(spec):
        # There is nowhere to go: a selector that matches nothing may be a slip of the pen.
        members = [replace(member, flaw=None) for member in members]
    return Roster(
        members=tuple(members),
        desired=0 if spec is None else _desired(spec, matching, members),
        matching=matching,
        room=_room(matching, members),
    )


def left_behind(roster: Roster, missed: Collection[Member]) -> Roster:
    """Return a roster in which those are ``behind`` that have ``missed`` a rotation."""
    uids = {member.uid for member in missed}
    marked = (replace(member, behind=member.uid in uids) for member in roster.members)
    return replace(roster, members=tuple(marked))


def _member(
    spec: region.RegionSpec | None,
    revision: str,
    seen: observed.Observed,
    entries: Mapping[str, past.Entry],
    pod: observed.Pod,
) -> Member:
    node = None if pod.node is None else seen.nodes.get(pod.node)
    entry = entries.get(pod.name)
    known = entry if entry is not None and entry.instance == pod.uid else None
    home = _home(seen, pod, spec)
    if spec is None:
        return Member(pod=pod, node=node, home=home, past=known, finding=addresses.Finding())
    finding = addresses.find(spec.addresses, node, pod)
    current = manifest.is_current(pod, revision)
    flaws = {
        Flaw.ADDRESS_CHANGED: bool(finding.changed),
        Flaw.PLACEMENT_CHANGED: home is not naming.WORKLOADS[spec.relays.placement],
        Flaw.MISPLACED: node is not None and nodes.drops(spec, node),
        Flaw.OUTDATED: not current,
    }
    return Member(
        pod=pod,
        node=node,
        home=home,
        past=known,
        finding=finding,
        flaw=next((flaw for flaw, found in flaws.items() if found), None),
        current=current,
    )


def _to_be_empty(spec: region.RegionSpec) -> bool:
    return spec.relays.placement is region.Placement.REPLICAS and not spec.relays.replicas


def _home(
    seen: observed.Observed, pod: observed.Pod, spec: region.RegionSpec | None
) -> objects.Kind:
    for workload in seen.workloads:
        if workload.uid == pod.owner:
            return workload.kind
    if spec is None:
        return objects.Kind.REPLICA_SET
    return naming.WORKLOADS[spec.relays.placement]


def _desired(
    spec: region.RegionSpec, matching: Sequence[observed.Node], members: Sequence[Member]
) -> int:
    if spec.relays.placement is region.Placement.REPLICAS:
        return spec.relays.replicas
    # A taint that came after the relay keeps new ones off and lets this one be.
    leaving = {Flaw.MISPLACED, Flaw.PLACEMENT_CHANGED}
    return _room(matching, [member for member in members if member.flaw not in leaving])


def _room(matching: Sequence[observed.Node], members: Sequence[Member]) -> int:
    used = {member.node.name for member in members if member.alive and member.node is not None}
    return len({node.name for node in matching} | used)
