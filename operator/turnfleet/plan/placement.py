"""Where the relays of one machine live: an address and ports for each, or a sentence why not.

Decides addresses, ports, node and zone names; starts nothing. Two grounds are known:

* ``Loopback``: every relay has an address of its own, 127.BLOCK.REGION.RELAY, and the ports that
  its region declares, so regions never meet.
* ``Shared``: all relays share one address of the machine. Every relay takes a slot, the smallest
  free number from 0 to 15; each listener is its declared port + 10 x slot, and the relay ports
  are the slot's sixteenth of the declared range. Regions that declare the same ports therefore
  fit together; ones that overlap otherwise are refused with a sentence.

A relay keeps its place for as long as it is on the machine, whatever comes and goes around it.
"""

import ipaddress
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from turnfleet.model import fleet, region
from turnfleet.plan import ports

SLOTS: Final = 16
"""Relays that fit on a shared address."""
STRIDE: Final = 10
"""Distance between the listeners of neighbouring slots."""
_OCTET_MAX: Final = 254


@dataclass(frozen=True, slots=True, kw_only=True)
class Loopback:
    """Relays on 127.``block``.x.y, each with its agent beside it."""

    block: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """All relays on ``address``; their agents stay off the network, on 127.``block``.0.y."""

    address: str
    block: int


Ground = Loopback | Shared


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One relay as it should be on this machine."""

    key: fleet.RelayKey
    slot: int
    """What the address (loopback: of the whole region) or the ports (shared) derive from."""
    node: str
    zone: str
    address: str
    """Where coturn listens and relays, and what clients are told."""
    family: region.Family
    listeners: region.Listeners
    relay_ports: region.PortRange
    agent: fleet.AgentAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A place for every relay of every region that fits."""

    places: tuple[Place, ...]
    refused: Mapping[str, str] = field(default_factory=dict)
    """Regions that do not fit as declared, with a sentence; they stay as they are."""


def place(
    *,
    specs: Sequence[region.RegionSpec],
    ground: Ground,
    before: Collection[Place] = (),
    lowest_port: int = 1,
    taken: Collection[ports.Claim] = (),
) -> Placement:
    """Return where every relay goes; the order of ``specs`` does not matter.

    ``before`` are the places now occupied, also by relays that are still draining.
    ``lowest_port`` is the lowest port this user may bind; ``taken`` is in use by others.
    """
    present = {old.key.region for old in before}
    settled = {old.key: old for old in before}
    fresh: dict[fleet.RelayKey, Place] = {}
    refused: dict[str, str] = {}
    # Regions already on the machine go first: it is the newcomer that has to give way.
    for spec in sorted(specs, key=lambda spec: (spec.name not in present, spec.name)):
        occupied = tuple({**settled, **fresh}.values())
        outcome = _fit(spec, ground, occupied)
        if not isinstance(outcome, str):
            outcome = _checked(outcome, occupied, lowest_port, taken)
        if isinstance(outcome, str):
            refused[spec.name] = f"Region {spec.name} {outcome}."
        else:
            fresh |= {placed.key: placed for placed in outcome}
    return Placement(places=tuple(fresh[key] for key in sorted(fresh)), refused=refused)


def _fit(
    spec: region.RegionSpec, ground: Ground, occupied: Collection[Place]
) -> tuple[Place, ...] | str:
    """Return candidates for all relays of a region, or what is wrong with it."""
    match ground:
        case Loopback():
            return _fit_loopback(spec, ground, occupied)
        case Shared():
            return _fit_shared(spec, ground, occupied)


def _fit_loopback(
    spec: region.RegionSpec, ground: Loopback, occupied: Collection[Place]
) -> tuple[Place, ...] | str:
    if region.Family.IPV4 not in spec.addresses.families:
        return "publishes IPv6 only, and the IPv6 loopback has one address: add IPv4"
    slot = next(
        (old.slot for old in occupied if old.key.region == spec.name),
        None,
    ) or _smallest_free(count(1), {old.slot for old in occupied})
    if slot > _OCTET_MAX or replicas(spec) > _OCTET_MAX:
        return f"does not fit: one machine holds {_OCTET_MAX} regions of {_OCTET_MAX} relays each"
    return tuple(
        Place(
            key=key,
            slot=slot,
            node=_node(number),
            zone=_zone(number),
            address=f"127.{ground.block}.{slot}.{number}",
            family=region.Family.IPV4,
            listeners=spec.listeners,
            relay_ports=spec.relay_ports,
            agent=fleet.AgentAddress(
                address=f"127.{ground.block}.{slot}.{number}", port=spec.agent_port
            ),
        )
        for number, key in _keys(spec)
    )


def _fit_shared(
    spec: region.RegionSpec, ground: Shared, occupied: Collection[Place]
) -> tuple[Place, ...] | str:
    version = ipaddress.ip_address(ground.address).version
    family = region.Family.IPV4 if version == 4 else region.Family.IPV6  # noqa: PLR2004 - IP version
    if family not in spec.addresses.families:
        return f"does not publish {family}, which {ground.address} is"
    slots = {old.key: old.slot for old in occupied}
    candidates = []
    for number, key in _keys(spec):
        slot = slots.setdefault(key, _smallest_free(count(), set(slots.values())))
        if slot >= SLOTS:
            return f"does not fit: {SLOTS} relays share one address at most"
        listeners = ports.shifted(spec.listeners, by=slot * STRIDE)
        if listeners is None:
            return f"does not fit: its listeners + {slot * STRIDE} are beyond port {ports.LAST}"
        candidates.append(
            Place(
                key=key,
                slot=slot,
                node=_node(number),
                zone=_zone(number),
                address=ground.address,
                family=family,
                listeners=listeners,
                relay_ports=ports.part(spec.relay_ports, index=slot, of=SLOTS),
                agent=fleet.AgentAddress(
                    address=f"127.{ground.block}.0.{slot + 1}", port=spec.agent_port
                ),
            )
        )
    return tuple(candidates)


def _checked(
    candidates: tuple[Place, ...],
    occupied: Collection[Place],
    lowest_port: int,
    taken: Collection[ports.Claim],
) -> tuple[Place, ...] | str:
    """Return the candidates when no port of theirs is forbidden or another's."""
    own = {candidate.key for candidate in candidates}
    for candidate in candidates:
        mine = claims(candidate)
        low = next((claim for claim in mine if claim.first < lowest_port), None)
        if low is not None:
            return (
                f"listens on {low}, and ports below {lowest_port} need root here: "
                f"choose ports from {lowest_port} on, or run as root"
            )
        rivals = [*taken, *mine]
        for sibling in candidates:
            if sibling.key != candidate.key:
                rivals += claims(sibling)
        for old in occupied:
            if old.key == candidate.key:
                continue
            # A relay whose relay ports move may meet its sibling's old ones for a while: coturn
            # then takes another port. Two coturns on one listener would steal each other's flows.
            rivals += [claim for claim in claims(old) if old.key not in own or not claim.relayed]
        clash = ports.first_clash(mine, rivals)
        if clash is not None:
            return f"wants {clash[0]}, which overlaps {clash[1]}"
    return candidates


def claims(placed: Place) -> tuple[ports.Claim, ...]:
    """Return every port that a relay occupies."""
    return ports.claims(
        owner=placed.key.relay,
        address=placed.address,
        listeners=placed.listeners,
        relay_ports=placed.relay_ports,
        agent=placed.agent,
    )


def replicas(spec: region.RegionSpec) -> int:
    """Return how many relays of a region one machine runs: a machine is one node."""
    match spec.relays.placement:
        case region.Placement.REPLICAS:
            return spec.relays.replicas
        case region.Placement.EVERY_NODE:
            return 1


def _keys(spec: region.RegionSpec) -> Iterator[tuple[int, fleet.RelayKey]]:
    for number in range(1, replicas(spec) + 1):
        yield number, fleet.RelayKey(spec.name, f"{spec.name}-{number}")


def _node(number: int) -> str:
    return f"node-{number}"


def _zone(number: int) -> str:
    # Alternating, so that "backup in another zone" means something on one machine.
    return "a" if number % 2 else "b"


def _smallest_free(numbers: Iterator[int], used: set[int]) -> int:
    return next(number for number in numbers if number not in used)
