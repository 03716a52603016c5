"""Ports of one machine as values: who claims which, and which two claims overlap."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Final

from turnfleet.model import fleet, region

LAST: Final = 65535
_ANY: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, never bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Ports from ``first`` to ``last`` of an address, claimed by ``owner`` for ``purpose``."""

    owner: str
    purpose: str
    protocol: str
    """``udp`` or ``tcp``."""
    address: str
    first: int
    last: int

    relayed: bool = False
    """A range that allocations take single ports from, rather than a listener."""

    def __str__(self) -> str:
        numbers = f"{self.first}" if self.first == self.last else f"{self.first}-{self.last}"
        return f"{self.owner}'s {self.purpose} {numbers}/{self.protocol}"

    def overlaps(self, other: "Claim") -> bool:
        """Return whether both want a port; the wildcard address meets every address."""
        return (
            self.protocol == other.protocol
            and (
                self.address == other.address or not _ANY.isdisjoint((self.address, other.address))
            )
            and self.first <= other.last
            and other.first <= self.last
        )


def claims(
    *,
    owner: str,
    address: str,
    listeners: region.Listeners,
    relay_ports: region.PortRange,
    agent: fleet.AgentAddress,
) -> tuple[Claim, ...]:
    """Return all ports of one relay."""
    listening = tuple(
        Claim(
            owner=owner,
            purpose=f"{transport} port",
            protocol="udp" if transport is region.Transport.UDP else "tcp",
            address=address,
            first=port,
            last=port,
        )
        for transport in region.Transport
        if (port := listeners.port(transport)) is not None
    )
    relayed = Claim(
        owner=owner,
        purpose="relay ports",
        protocol="udp",
        address=address,
        first=relay_ports.min,
        last=relay_ports.max,
        relayed=True,
    )
    status = Claim(
        owner=owner,
        purpose="agent port",
        protocol="tcp",
        address=agent.address,
        first=agent.port,
        last=agent.port,
    )
    return (*listening, relayed, status)


def first_clash(mine: Sequence[Claim], rivals: Iterable[Claim]) -> tuple[Claim, Claim] | None:
    """Return the first overlapping pair of two different claims, or ``None``."""
    return next(
        (
            (one, other)
            for other, one in product(rivals, mine)
            if one is not other and one.overlaps(other)
        ),
        None,
    )


def shifted(listeners: region.Listeners, *, by: int) -> region.Listeners | None:
    """Return the listeners moved up by a number of ports; ``None`` where that is impossible."""
    moved = replace(
        listeners,
        udp=_moved(listeners.udp, by),
        tcp=_moved(listeners.tcp, by),
        tls=_moved(listeners.tls, by),
    )
    beyond = any((moved.port(transport) or 0) > LAST for transport in region.Transport)
    return None if beyond else moved


def part(whole: region.PortRange, *, index: int, of: int) -> region.PortRange:
    """Return one of ``of`` equal parts of a range that is at least that long."""
    size = len(whole) // of
    first = whole.min + index * size
    return region.PortRange(min=first, max=first + size - 1)


def _moved(port: int | None, by: int) -> int | None:
    return None if port is None else port + by
