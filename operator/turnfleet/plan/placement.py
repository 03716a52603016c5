"""Where the relays of one machine live: an address and ports for each, or a sentence why not.

Decides addresses, ports, node and zone names; starts nothing. Every region takes a slot, the
smallest free number from 1, and relay R of the region in slot S owns the loopback address
127.BLOCK.S.R. Two grounds are known:

* ``Loopback``: relays serve on their own loopback address, with the ports that the region
  declares, so regions never meet.
* ``Shared``: all relays serve on one address of the machine, and only their agents stay on
  loopback. Relay R's listeners are the declared ports + 10 x (R - 1), and the region's relay ports
  are split evenly among its relays. Regions that overlap are refused with a sentence.

A region keeps its slot for as long as it is on the machine, whatever comes and goes around it.
"""

import ipaddress
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from turnfleet.model import fleet, region
from turnfleet.plan import ports

STRIDE: Final = 10
"""Distance between the listeners of two relays of a region on a shared address."""
_OCTET_MAX: Final = 254


@dataclass(frozen=True, slots=True, kw_only=True)
class Loopback:
    """Relays on 127.``block``.x.y, each with its agent beside it."""

    block: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """Relays on ``address``; their agents stay off the network, on 127.``block``.x.y."""

    address: str
    block: int


Ground = Loopback | Shared


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One relay as it should be on this machine."""

    key: fleet.RelayKey
    slot: int
    """The region's number on this machine."""
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
    family = _family(ground)
    if family not in spec.addresses.families:
        return f"does not publish {family}, the only family there is here"
    slot = _slot(spec.name, occupied)
    number_of = replicas(spec)
    if slot > _OCTET_MAX or number_of > _OCTET_MAX:
        return f"does not fit: a machine holds {_OCTET_MAX} regions of {_OCTET_MAX} relays each"
    if isinstance(ground, Shared) and len(spec.relay_ports) < number_of:
        return f"has fewer relay ports than relays ({number_of}), which share them on one address"
    candidates = []
    for number in range(1, number_of + 1):
        own = f"127.{ground.block}.{slot}.{number}"
        match ground:
            case Loopback():
                address = own
                listeners: region.Listeners | None = spec.listeners
                relay_ports = spec.relay_ports
            case Shared():
                address = ground.address
                listeners = ports.shifted(spec.listeners, by=(number - 1) * STRIDE)
                relay_ports = ports.part(spec.relay_ports, index=number - 1, of=number_of)
        if listeners is None:
            return f"does not fit: the listeners of relay {number} are beyond port {ports.LAST}"
        candidates.append(
            Place(
                key=fleet.RelayKey(spec.name, f"{spec.name}-{number}"),
                slot=slot,
                node=f"node-{number}",
                # Alternating, so that "backup in another zone" means something on one machine.
                zone="a" if number % 2 else "b",
                address=address,
                family=family,
                listeners=listeners,
                relay_ports=relay_ports,
                agent=fleet.AgentAddress(address=own, port=spec.agent_port),
            )
        )
    return tuple(candidates)


def _family(ground: Ground) -> region.Family:
    match ground:
        case Loopback():
            # The IPv6 loopback has a single address.
            return region.Family.IPV4
        case Shared():
            four = isinstance(ipaddress.ip_address(ground.address), ipaddress.IPv4Address)
            return region.Family.IPV4 if four else region.Family.IPV6


def _slot(name: str, occupied: Collection[Place]) -> int:
    """Return the number that a region has, or the smallest free one."""
    by_region = {old.key.region: old.slot for old in occupied}
    used = set(by_region.values())
    return by_region.get(name) or next(slot for slot in count(1) if slot not in used)


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
