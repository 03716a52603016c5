"""From the ``status.relays`` of a TurnRegion to relays, whoever wrote it. Pure and total.

An operator may be older or newer than this endpoint, and a status can be edited by hand: what is
not a relay that could be offered is left out with a sentence, and never spoils its neighbours.
"""

import ipaddress
from collections.abc import Mapping
from typing import Final, NamedTuple

from turnfleet.kube import fields
from turnfleet.model import fleet, region, syntax
from turnrelay import contract

RELAYS_MAX: Final = 1000
"""Of one region, as the schema has it."""
_NAME_MAX: Final = 63
_TEXT_MAX: Final = 253
_PORT_MAX: Final = 65535
_SHOWN: Final = 60
"""Characters of a name that a sentence repeats."""


class Reported(NamedTuple):
    """The relays of a region, and what is wrong with the others."""

    relays: tuple[fleet.Relay, ...]
    complaints: tuple[str, ...]


class _Unfit(Exception):  # noqa: N818 - a state of the status, not a bug
    pass


def read(spec: region.RegionSpec, status: object) -> Reported:
    """Return what a status says of a region's relays; one without any says nothing wrong."""
    found: dict[str, fleet.Relay] = {}
    complaints = []
    listed = fields.mapping(status).get("relays")
    for index, item in enumerate(listed if isinstance(listed, list) else ()):
        if index == RELAYS_MAX:
            complaints.append(f"region {spec.name}: relays from the {index + 1}st on are left out")
            break
        relay = _read(spec, item)
        if isinstance(relay, fleet.Relay) and relay.name in found:
            relay = "it is there twice"
        if isinstance(relay, fleet.Relay):
            found[relay.name] = relay
        else:
            named = fields.text(item, "name")[:_SHOWN] or f"number {index + 1}"
            complaints.append(f"region {spec.name}: relay {named!r} is left out: {relay}")
    return Reported(tuple(found.values()), tuple(complaints))


def _read(spec: region.RegionSpec, item: object) -> fleet.Relay | str:
    try:
        return _relay(spec, item)
    except _Unfit as why:
        return str(why)


def _relay(spec: region.RegionSpec, item: object) -> fleet.Relay:
    name = fields.text(item, "name")
    if not 0 < len(name) <= _NAME_MAX or not name.isprintable():
        raise _Unfit("it has no name")
    state = _state(fields.text(item, "state"))
    addresses = _addresses(fields.mapping(item).get("addresses"))
    listeners = _listeners(item, spec)
    if state is contract.State.READY and not addresses:
        raise _Unfit("it is Ready without an address")
    hostname = fields.text(item, "hostname")
    if hostname and not syntax.HOSTNAME.accepts(hostname):
        raise _Unfit("its hostname is none")
    return fleet.Relay(
        region=spec.name,
        name=name,
        instance=fields.text(item, "instance")[:_TEXT_MAX],
        node=fields.text(item, "node")[:_TEXT_MAX],
        zone=fields.text(item, "zone")[:_TEXT_MAX] or None,
        addresses=addresses,
        hostname=hostname or None,
        listeners=listeners,
        agent=_agent(fields.mapping(item, "agent")),
        state=state,
        since=fields.moment(item, "since") or 0.0,
        version=fields.text(item, "version")[:_TEXT_MAX],
    )


def _state(stated: str) -> contract.State:
    try:
        return contract.State(stated)
    except ValueError:
        raise _Unfit(f"nothing is known of the state {stated[:_SHOWN]!r}") from None


def _addresses(stated: object) -> tuple[str, ...]:
    """Return the first usable address of each family: a second one would never be offered."""
    first: dict[int, str] = {}
    for item in stated if isinstance(stated, list) else ():
        address = fields.address(item) if isinstance(item, str) else None
        if address is not None:
            first.setdefault(ipaddress.ip_address(address).version, address)
    return tuple(first.values())


def _listeners(item: object, spec: region.RegionSpec) -> region.Listeners:
    """Return the advertised ports; those declared where an operator does not say."""
    if "ports" not in fields.mapping(item):
        return spec.listeners
    ports = fields.mapping(item, "ports")
    listeners = region.Listeners(
        udp=_port(ports, "udp"), tcp=_port(ports, "tcp"), tls=_port(ports, "tls")
    )
    if all(listeners.port(transport) is None for transport in region.Transport):
        raise _Unfit("it has no port")
    return listeners


def _port(found: Mapping[str, object], name: str) -> int | None:
    port = fields.whole(found, name)
    if name in found and (port is None or not 0 < port <= _PORT_MAX):
        raise _Unfit(f"its {name} port is none")
    return port


def _agent(found: Mapping[str, object]) -> fleet.AgentAddress | None:
    """Return where the agent answers; without it the relay is still probed as clients see it."""
    address = fields.address(fields.text(found, "address"))
    port = fields.whole(found, "port")
    if address is None:
        return None
    if port is None or not 0 < port <= _PORT_MAX:
        return None
    return fleet.AgentAddress(address=address, port=port)
