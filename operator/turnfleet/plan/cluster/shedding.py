"""Which relays a ReplicaSet gives up, and how it is made to take just these.

A ReplicaSet that shrinks chooses by itself: pods without a node first, then those that are not
ready, then by deletion cost. Relays are chosen in that order too, given a cost one pass before, and
only once the ReplicaSet is known to see it that way is it told to shrink.

Of several that serve, the one with the fewest live allocations goes, but never the last one of a
zone while another zone has two: a backup is to be in another zone. What was chosen stays chosen,
however allocations come and go.
"""

import collections
import math
from collections.abc import Sequence
from typing import Final

from turnfleet.model import region
from turnfleet.plan.cluster import closing, members, objects

FRESH: Final = 10.0
"""Seconds for which what a relay said of its live allocations is good enough to choose by."""
COST: Final = -1000
"""Deletion cost of a relay that is to go next. All others have a higher one, or none, which counts
as 0."""


def surplus(spec: region.RegionSpec, roster: members.Roster) -> tuple[members.Member, ...]:
    """Return the relays that are too many, in the order in which they go."""
    if spec.relays.placement is not region.Placement.REPLICAS:
        return ()
    own = roster.of(objects.Kind.REPLICA_SET)
    return _spared(own, len(own) - spec.relays.replicas)


def is_guess(surplus: Sequence[members.Member], roster: members.Roster, now: float) -> bool:
    """Return whether relays are chosen by figures so old that they have to be asked again first.

    It takes fresh figures of half of them: nobody is waited for who is slow, and who does not
    answer at all soon counts as not telling.
    """
    own = roster.of(objects.Kind.REPLICA_SET)
    ages = [now - member.pod.report.at for member in own if member.pod.report is not None]
    old = 2 * sum(age <= FRESH for age in ages) < len(ages)
    return bool(surplus) and old and not any(map(_is_chosen, own))


def _is_chosen(member: members.Member) -> bool:
    return costs_little(member) or member.pod.closed == closing.Closing.SCALE_DOWN


def shed(
    spec: region.RegionSpec,
    surplus: Sequence[members.Member],
    replacing: Sequence[members.Member],
) -> tuple[members.Member, ...]:
    """Return the relays that the ReplicaSet has to give up, in the order in which they go."""
    if spec.relays.placement is region.Placement.REPLICAS:
        return tuple(surplus)
    own = [member for member in replacing if member.home is objects.Kind.REPLICA_SET]
    return _spared(own, len(own))


def certain(roster: members.Roster, cheap: Sequence[members.Member]) -> bool:
    """Return whether the ReplicaSet would take these relays and no others."""
    costing = {member.uid for member in roster.alive if costs_little(member)}
    return costing == {member.uid for member in cheap}


def costs_little(member: members.Member) -> bool:
    """Return whether a ReplicaSet would take a relay before others, whoever has written that."""
    return member.pod.deletion_cost is not None and member.pod.deletion_cost <= COST


def replicas(
    spec: region.RegionSpec, roster: members.Roster, given_up: Sequence[members.Member]
) -> int:
    """Return how many pods the ReplicaSet keeps: it makes no new one for what it gives up."""
    wanted = spec.relays.replicas if spec.relays.placement is region.Placement.REPLICAS else 0
    return max(wanted, len(roster.of(objects.Kind.REPLICA_SET)) - len(given_up))


def _spared(own: Sequence[members.Member], count: int) -> tuple[members.Member, ...]:
    """Return the relays that are missed least, one after the other."""
    left = list(own)
    zones = collections.Counter(member.zone for member in left)
    chosen = []
    for _ in range(count):
        member = min(
            left,
            key=lambda member: (
                *_sparing(member),
                zones[member.zone] == 1 and max(zones.values()) > 1,
                _allocations(member),
                -zones[member.zone],
                *_last(member),
            ),
        )
        left.remove(member)
        zones[member.zone] -= 1
        chosen.append(member)
    return tuple(chosen)


def _sparing(member: members.Member) -> tuple[bool, ...]:
    pod = member.pod
    return (
        # The controller's own questions come first: in another order it would take another relay.
        pod.node is not None,
        pod.ready,
        not costs_little(member),
        pod.closed != closing.Closing.SCALE_DOWN,
        pod.closed is None,
        member.flaw is None,
        not member.cordoned,
    )


def _allocations(member: members.Member) -> float:
    """Return the live allocations; of who does not tell, more than anybody has."""
    return math.inf if member.pod.report is None else member.pod.report.allocations


def _last(member: members.Member) -> tuple[float, str]:
    return -member.pod.created, member.pod.name
