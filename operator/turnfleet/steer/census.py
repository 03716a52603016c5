"""What a fleet has to offer, whoever asks: usable relays, their load, and why the rest is not.

Depends on the fleet alone, so it is taken once per version of it. Places and pins are ranking's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from turnfleet.model import fleet, selection
from turnfleet.steer import rendezvous
from turnrelay import contract

LOAD_STEPS: Final = 20
"""Loads are compared in steps of 5 %: a smaller difference is noise, and must not send a user who
comes back to another relay."""
_BEYOND: Final = 1 << 30
"""More than any load."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """What one region has to offer."""

    region: fleet.Region
    reason: fleet.Reason | None
    """Why nobody is sent here; ``None`` if some may be."""
    members: tuple[fleet.Member, ...]
    """The usable relays, in the order of ``table.seats``."""
    damped: bool
    """Whether ``members`` are relays that flapped and are well again: there are no others. A relay
    that may fail again is better than none, so damping never empties a region."""
    table: rendezvous.Table
    relays: tuple[fleet.Relay, ...]
    """The members' relays."""
    steps: tuple[int, ...]
    """Load of each member in ``LOAD_STEPS``; at the end one beyond all, for ``NOBODY``."""
    marks: tuple[selection.Mark | None, ...]
    """What stands for each member; at the end ``None``, for ``NOBODY``."""
    load: float
    """Mean load of the members."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """What a whole fleet has to offer."""

    supplies: Mapping[str, Supply]
    excluded: tuple[selection.Exclusion, ...]
    """Every relay that cannot be offered to anyone, and every region."""


def take(now: fleet.Fleet, *, before: Census | None = None) -> Census:
    """Return what ``now`` has to offer. ``before`` only saves work; it changes nothing."""
    supplies: dict[str, Supply] = {}
    excluded: list[selection.Exclusion] = []
    for name in sorted(now.regions):
        known = before.supplies.get(name) if before else None
        supply, without = _supply(now.regions[name], known)
        supplies[name] = supply
        if supply.reason is not None:
            excluded.append(selection.Exclusion(region=name, relay=None, reason=supply.reason))
        excluded.extend(without)
    return Census(supplies=supplies, excluded=tuple(excluded))


def unusable(member: fleet.Member) -> fleet.Reason | None:
    """Return why a relay cannot be offered, or ``None``.

    What the relay says of itself goes first: a probe may still pass through one that is already on
    its way out.
    """
    match member.relay.state:
        case contract.State.READY:
            return member.health.reason or _without_url(member)
        case contract.State.STARTING:
            return fleet.Reason.STARTING
        case contract.State.CLOSED:  # a probe may know why: it is full, or refuses our credential
            return member.health.reason or fleet.Reason.CLOSED
        case contract.State.DRAINING:
            return fleet.Reason.DRAINING
        case contract.State.UNREACHABLE:
            return fleet.Reason.UNREACHABLE
        case _:
            assert_never(member.relay.state)


def closed(of: fleet.Region, *, usable: bool) -> fleet.Reason | None:
    """Return why nobody is sent to a region, or ``None``; ``usable``: some relay of it is."""
    if of.spec.weight == 0:
        return fleet.Reason.WEIGHT_ZERO
    if of.secret is None:
        return fleet.Reason.NO_SECRET
    if not of.members:
        return fleet.Reason.NO_RELAYS
    return None if usable else fleet.Reason.NO_USABLE_RELAY


def _only_damped(member: fleet.Member) -> bool:
    """Tell whether all that speaks against a relay is that it flapped."""
    return (
        member.relay.state is contract.State.READY
        and member.health.reason is fleet.Reason.DAMPED
        and _without_url(member) is None
    )


def _without_url(member: fleet.Member) -> fleet.Reason | None:
    """Return why a healthy relay has no URL to be offered by, or ``None``."""
    relay = member.relay
    if relay.hostname is None:
        if not relay.addresses:
            return fleet.Reason.STARTING
        if member.health.silent.issuperset(relay.addresses):
            return fleet.Reason.UNREACHABLE
    for transport in member.health.working:
        if relay.listeners.port(transport) is not None:
            return None
    return next((reason for _, reason in member.health.failing), fleet.Reason.UNPROVEN)


def _supply(
    of: fleet.Region, before: Supply | None
) -> tuple[Supply, Sequence[selection.Exclusion]]:
    ordered = sorted(of.members, key=lambda member: member.relay.name)
    reasons = {member.relay.name: unusable(member) for member in ordered}
    usable = [member for member in ordered if reasons[member.relay.name] is None]
    damped = not usable and any(map(_only_damped, ordered))
    if damped:
        usable = [member for member in ordered if _only_damped(member)]
    offered = {member.relay.name for member in usable}
    excluded = [
        selection.Exclusion(region=of.spec.name, relay=name, reason=reason)
        for name, reason in reasons.items()
        if reason is not None and name not in offered
    ]
    loads = [member.health.load for member in usable]
    relays = tuple([member.relay for member in usable])
    known: Mapping[str, selection.Mark | None] = {}
    if before is not None:
        known = dict(zip([relay.name for relay in before.relays], before.marks, strict=False))
    marks = [_mark(known.get(member.relay.name), selection.told(of, member)) for member in usable]
    if before is not None and relays == before.relays:
        table = before.table
    else:
        table = rendezvous.Table([_seat(relay) for relay in relays])
    supply = Supply(
        region=of,
        reason=closed(of, usable=bool(usable)),
        members=tuple(usable),
        damped=damped,
        table=table,
        relays=relays,
        steps=(*(int(load * LOAD_STEPS) for load in loads), _BEYOND),
        marks=(*marks, None),
        load=sum(loads) / len(loads) if loads else 0.0,
    )
    return supply, excluded


def _mark(before: selection.Mark | None, told: selection.Told) -> selection.Mark:
    """Return a relay's mark: the one before, while clients are told the same."""
    return before if before is not None and before.told == told else selection.Mark(told)


def _seat(relay: fleet.Relay) -> rendezvous.Seat:
    return rendezvous.Seat(
        name=relay.name,
        node=relay.node,
        zone=relay.zone,
        anycast=relay.addresses if relay.anycast else (),
    )
