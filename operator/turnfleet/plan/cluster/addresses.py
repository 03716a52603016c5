"""The ladder: where a relay's public addresses come from, and when another one means another relay.

published      the Node's rungs                                  then
-------------  ------------------------------------------------  --------------------------------
nothing        some rung has one for every family                publish it
nothing        a family is missing                               wait, and say what to do
an address     its rung, and no higher one has another, has it   nothing
an address     its rung or a higher one has another              the relay is replaced
an address     only lower rungs have any                         keep it, and say that it is stale

A relay that is told another address can only be started anew, so one that is published is not
exchanged for a worse one: a Node that loses its ExternalIP for a minute costs nothing.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from turnfleet.model import region
from turnfleet.plan.cluster import observed

_LABEL_MAX: Final = 63
_VERSIONS: Final[Mapping[region.Family, int]] = {region.Family.IPV4: 4, region.Family.IPV6: 6}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """An address and where it comes from."""

    address: str
    source: region.AddressSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What the ladder says about one relay."""

    publish: tuple[Rung, ...] = ()
    """To be written to the pod: it has none yet, and there is one of every family."""
    missing: tuple[region.Family, ...] = ()
    """Families that no rung has an address of, while none is published."""
    stale: tuple[str, ...] = ()
    """Published addresses that the Node does not have any more."""
    changed: tuple[str, ...] = ()
    """Addresses that the Node has instead of published ones."""


def find(declared: region.Addresses, node: observed.Node | None, pod: observed.Pod) -> Finding:
    """Return what to do about the addresses of one pod."""
    if node is None:
        return Finding()
    if not pod.addresses:
        found = [_best(declared, node, family) for family in declared.families]
        missing = [
            family for family, rung in zip(declared.families, found, strict=True) if rung is None
        ]
        if missing:
            return Finding(missing=tuple(missing))
        return Finding(publish=tuple(rung for rung in found if rung is not None))
    stale = []
    changed = []
    for index, address in enumerate(pod.addresses):
        source = pod.address_sources[index] if index < len(pod.address_sources) else None
        match _judged(declared, node, address, source):
            case Rung(address=other):
                changed.append(other)
            case True:
                stale.append(address)
    return Finding(stale=tuple(stale), changed=tuple(changed))


def hostname(declared: region.Addresses, node: str | None, addresses: Sequence[str]) -> str | None:
    """Return the name that a relay is answered by, from the region's template."""
    if declared.hostname is None or node is None or not addresses:
        return None
    return declared.hostname.replace("{node}", _label(node)).replace(
        "{address}", _dashed(addresses[0])
    )


def _best(declared: region.Addresses, node: observed.Node, family: region.Family) -> Rung | None:
    return next(
        (
            Rung(address=address, source=source)
            for source in declared.sources
            for address in _of_family(_on(node, source), _VERSIONS[family])
        ),
        None,
    )


def _judged(
    declared: region.Addresses,
    node: observed.Node,
    address: str,
    source: region.AddressSource | None,
) -> Rung | bool:
    """Return what takes the place of a published address, or whether it is stale."""
    version = ipaddress.ip_address(address).version
    rungs = [(each, _of_family(_on(node, each), version)) for each in declared.sources]
    if source is None:
        # Published by something that did not say from where: where it is now, or the first rung.
        holding = (each for each, there in rungs if address in there)
        source = next(holding, declared.sources[0])
    for each, there in rungs:
        if address in there:
            return False
        if there:
            return Rung(address=there[0], source=each)
        if each is source:
            break
    return True


def _on(node: observed.Node, source: region.AddressSource) -> tuple[str, ...]:
    match source:
        case region.AddressSource.ANNOTATION:
            return node.annotated
        case region.AddressSource.EXTERNAL_IP:
            return node.external
        case region.AddressSource.INTERNAL_IP:
            return node.internal
        case region.AddressSource.EXTERNAL_DNS:
            return node.dns
        case _:
            assert_never(source)


def _of_family(addresses: Sequence[str], version: int) -> tuple[str, ...]:
    return tuple(text for text in addresses if ipaddress.ip_address(text).version == version)


def _label(node: str) -> str:
    """Return a node's first label as a DNS label."""
    first = node.partition(".")[0].lower()
    safe = "".join(c if c.isascii() and c.isalnum() else "-" for c in first)
    return safe[:_LABEL_MAX].strip("-") or "node"


def _dashed(address: str) -> str:
    # An IPv6 address in full: a label may not begin with a dash, as "::1" would.
    return ipaddress.ip_address(address).exploded.replace(":", "-").replace(".", "-")
