"""Why relays are closed: out of the answers, otherwise untouched, and opened again at once.

The values are those of the annotation ``turnfleet.io/closed``. One that is not among them was
written by a person, and is theirs to take off.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from turnfleet.model import region
from turnfleet.plan.cluster import members


class Closing(StrEnum):
    """Why the operator closes a relay, the least telling first: a later one hides it."""

    WEIGHT_ZERO = "WeightZero"
    """Its region takes no new clients."""
    CORDONED = "Cordoned"
    """Its node takes nothing new."""
    DRAINED = "Drained"
    """A person wants it, or its node, to take no new clients (``turnfleet drain``)."""
    BEHIND = "SecretBehind"
    """It has missed a rotation, and would refuse what endpoints sign."""
    ADDRESS_CHANGED = members.Flaw.ADDRESS_CHANGED.value
    PLACEMENT_CHANGED = members.Flaw.PLACEMENT_CHANGED.value
    MISPLACED = members.Flaw.MISPLACED.value
    OUTDATED = members.Flaw.OUTDATED.value
    SCALE_DOWN = "ScaleDown"
    """There is one too many, and it is this one."""


_LASTING: Final = frozenset(
    {
        Closing.WEIGHT_ZERO.value,
        Closing.BEHIND.value,
        Closing.ADDRESS_CHANGED.value,
        Closing.SCALE_DOWN.value,
    }
)
"""Reasons that a hold does not end: what the last accepted spec or the cluster has against a relay
goes on, and may not be known anew."""
_OWN: Final = frozenset(reason.value for reason in Closing)
_FLAWS: Final = frozenset(flaw.value for flaw in members.Flaw)


def is_foreign(member: members.Member) -> bool:
    """Return whether a person has closed a relay with words of their own."""
    return member.pod.closed is not None and member.pod.closed not in _OWN


def is_for_a_flaw(member: members.Member) -> bool:
    """Return whether a relay was closed to be replaced."""
    return member.pod.closed in _FLAWS


def held(roster: members.Roster) -> dict[str, str]:
    """Return why each relay is closed while the spec is held, by uid. All others are to be open.

    A rollout goes no further, so whom it has closed is opened: nobody comes in their place. What
    people and nodes want of a relay has nothing to do with the spec.
    """
    weightless = any(m.pod.closed == Closing.WEIGHT_ZERO for m in roster.alive)
    told = ((member, _held(member, weightless=weightless)) for member in roster.alive)
    return {member.uid: reason for member, reason in told if reason is not None}


def _held(member: members.Member, *, weightless: bool) -> str | None:
    was = member.pod.closed
    if was in _LASTING or is_foreign(member):
        return was
    # A flaw hides what else is the matter with a relay.
    asked = {
        Closing.BEHIND: is_for_a_flaw(member) and member.behind,
        Closing.DRAINED: member.drained,
        Closing.CORDONED: member.cordoned,
        Closing.WEIGHT_ZERO: is_for_a_flaw(member) and weightless,
    }
    return next((reason.value for reason, applies in asked.items() if applies), None)


def reasons(
    spec: region.RegionSpec,
    roster: members.Roster,
    *,
    surplus: Sequence[members.Member],
    replacing: Sequence[members.Member],
) -> dict[str, str]:
    """Return why each relay that is to be closed is, by uid. All others are to be open."""
    closed: dict[str, str] = {}
    for member in roster.alive:
        asked = {
            Closing.WEIGHT_ZERO: spec.weight == 0,
            Closing.CORDONED: member.cordoned,
            Closing.DRAINED: member.drained,
            Closing.BEHIND: member.behind,
        }
        for reason, applies in asked.items():
            if applies:
                closed[member.uid] = reason.value
    for member in replacing:
        if member.flaw is not None:
            closed[member.uid] = member.flaw.value
    for member in surplus:
        closed[member.uid] = Closing.SCALE_DOWN.value
    for member in roster.alive:
        if is_foreign(member) and member.pod.closed is not None:
            closed[member.uid] = member.pod.closed
    return closed
