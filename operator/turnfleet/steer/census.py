"""What a fleet has to offer, whoever asks: usable relays, their load, and why the rest is not.

Depends on the fleet alone, so it is taken once per version of it. Places and pins are ranking's.
A relay that is full is left out while another of its region is not; a region is never left out for
that, but marked: an answer is better than none.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from turnfleet.model import fleet, selection
from turnfleet.steer import loading, rendezvous
from turnrelay import contract

_SLOTS: Final = rendezvous.SLOTS
_BEYOND: Final = 1 << 30
"""More than any pressure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """What one region has to offer."""

    region: fleet.Region
    reason: fleet.Reason | None
    """Why nobody is sent here; ``None`` if some may be."""
    members: tuple[fleet.Member, ...]
    """The usable relays, in the order of ``table.seats``; some may be full."""
    damped: bool
    """Whether ``members`` are relays that flapped and are well again: there are no others. A relay
    that may fail again is better than none, so damping never empties a region."""
    full: bool
    """Whether all of them are full: then they are offered all the same."""
    whole: rendezvous.Table
    """Of all members."""
    out: frozenset[int]
    """Positions of members that are full while others are not."""
    table: rendezvous.Table
    """Of the others: what users are given relays by."""
    relays: tuple[fleet.Relay, ...]
    """The members' relays."""
    pressures: tuple[int, ...]
    """``loading.pressing`` of each member, in slots; at the end one beyond all, for ``NOBODY``."""
    marks: tuple[selection.Mark | None, ...]
    """What stands for each member; at the end ``None``, for ``NOBODY``."""
    load: float
    """Mean load of the members and of relays that are full, by capacity."""
    excluded: tuple[selection.Exclusion, ...]
    """The region's relays that are not among the members."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """What a whole fleet has to offer."""

    supplies: Mapping[str, Supply]
    excluded: tuple[selection.Exclusion, ...]
    """Every relay that cannot be offered to anyone, and every region."""
    shared: frozenset[str] = frozenset()
    """Addresses that usable relays of several regions have, which then run on one machine."""
    anycast: frozenset[str] = frozenset()
    """Those of them that are anycast: who shares one is the same relay to a client."""


def take(now: fleet.Fleet, *, before: Census | None = None) -> Census:
    """Return what ``now`` has to offer. ``before`` only saves work; it changes nothing."""
    supplies: dict[str, Supply] = {}
    excluded: list[selection.Exclusion] = []
    moved = before is None or len(before.supplies) != len(now.regions)
    for name in sorted(now.regions):
        known = before.supplies.get(name) if before else None
        supply = supplies[name] = _supply(now.regions[name], known)
        moved = moved or known is None or known.whole is not supply.whole
        if supply.reason is not None:
            excluded.append(selection.Exclusion(region=name, relay=None, reason=supply.reason))
        excluded.extend(supply.excluded)
    if before is not None and not moved:
        shared, anycast = before.shared, before.anycast
    else:
        shared, anycast = _shared(supplies)
    return Census(supplies=supplies, excluded=tuple(excluded), shared=shared, anycast=anycast)


def _shared(supplies: Mapping[str, Supply]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the addresses that several regions have, and those of them that are anycast."""
    found: dict[str, str] = {}
    shared, anycast = set(), set()
    for name, supply in supplies.items():
        for relay in supply.relays:
            for address in relay.addresses:
                if found.setdefault(address, name) != name:
                    shared.add(address)
                if relay.anycast:
                    anycast.add(address)
    return frozenset(shared), frozenset(shared & anycast)


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


def _supply(of: fleet.Region, before: Supply | None) -> Supply:
    if before is not None and before.region is of:
        return before
    ordered = sorted(of.members, key=lambda member: member.relay.name)
    reasons = {member.relay.name: unusable(member) for member in ordered}
    usable = [member for member in ordered if reasons[member.relay.name] is None]
    damped = not usable and any(map(_only_damped, ordered))
    if damped:
        usable = [member for member in ordered if _only_damped(member)]
    refusing = [member for member in ordered if reasons[member.relay.name] is fleet.Reason.FULL]
    taken = [loading.of(member) for member in usable]
    out = frozenset([at for at, found in enumerate(taken) if found.full])
    full = bool(usable) and len(out) == len(usable)
    if full:
        out = frozenset()
    reasons |= {member.relay.name: None for member in usable}
    reasons |= {usable[at].relay.name: fleet.Reason.NEARLY_FULL for at in out}
    relays = tuple([member.relay for member in usable])
    whole = _table(of, relays, before)
    return Supply(
        region=of,
        reason=closed(of, usable=bool(usable)),
        members=tuple(usable),
        damped=damped,
        full=full,
        whole=whole,
        table=_reduced(whole, out, before),
        out=out,
        relays=relays,
        pressures=(*[int(loading.pressing(member) * _SLOTS) for member in usable], _BEYOND),
        marks=(*_marks(of, usable, before), None),
        load=loading.mean(of.spec, (*usable, *refusing)),
        excluded=tuple(
            selection.Exclusion(region=of.spec.name, relay=name, reason=reason)
            for name, reason in reasons.items()
            if reason is not None
        ),
    )


def _table(
    of: fleet.Region, relays: tuple[fleet.Relay, ...], before: Supply | None
) -> rendezvous.Table:
    """Return the table of all usable relays: the one before, while they are the same."""
    if before is not None and (relays, of.spec) == (before.relays, before.region.spec):
        return before.whole
    return rendezvous.Table([_seat(of, relay) for relay in relays])


def _reduced(
    whole: rendezvous.Table, out: frozenset[int], before: Supply | None
) -> rendezvous.Table:
    """Return the table of those that are not full."""
    if not out:
        return whole
    if before is not None and before.whole is whole and before.out == out:
        return before.table
    return rendezvous.Reduced(whole, out=out)


def _marks(
    of: fleet.Region, members: Sequence[fleet.Member], before: Supply | None
) -> Iterator[selection.Mark]:
    """Yield the members' marks: those of before, while clients are told the same."""
    known: Mapping[str, selection.Mark | None] = {}
    if before is not None:
        known = dict(zip([relay.name for relay in before.relays], before.marks, strict=False))
    for member in members:
        mark, told = known.get(member.relay.name), selection.told(of, member)
        yield mark if mark is not None and mark.told == told else selection.Mark(told)


def _seat(of: fleet.Region, relay: fleet.Relay) -> rendezvous.Seat:
    return rendezvous.Seat(
        name=relay.name,
        node=relay.node,
        zone=relay.zone,
        anycast=relay.addresses if relay.anycast else (),
        capacity=loading.capacity(of.spec, relay),
    )
