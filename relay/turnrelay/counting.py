"""How busy a relay is: its live allocations, its traffic, and the load that follows.

Reads /proc only. An allocation is one UDP socket of coturn's own process in the relay range (per
address family), whatever the transport of its client; ports that other programs of the host have
taken from the range do not count.
"""

import fcntl
import ipaddress
import socket
import struct
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from turnrelay import config

_TABLES: Final = (("udp", 4), ("udp6", 6))
_LOCAL, _INODE = 1, 9
"""Columns of /proc/net/udp."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a relay carries now."""

    allocations: int = 0
    ports_used: int = 0
    """In the family that uses most; each address has the whole range to itself."""
    sockets: frozenset[int] = field(default=frozenset(), repr=False)
    """Inodes of the allocations' sockets: two looks tell which of them are new."""


def usage(
    *,
    process: int,
    ports: config.PortRange,
    own_ports: Collection[int] = (),
    proc: Path = Path("/proc"),
) -> Usage | None:
    """Return what coturn carries, or ``None`` if its process cannot be looked into.

    ``own_ports`` are those of probes, which count for nobody.
    """
    try:
        inodes = set(_socket_inodes(proc / str(process) / "fd"))
        # Of the process, not of ourselves: it says what its own network namespace holds.
        tables = [
            (family, (proc / str(process) / "net" / name).read_text().splitlines()[1:])
            for name, family in _TABLES
            if (proc / str(process) / "net" / name).exists()
        ]
    except OSError:
        return None
    found = [
        (family, inode)
        for family, lines in tables
        for port, inode in _ports(lines, inodes)
        if ports.min <= port <= ports.max and port not in own_ports
    ]
    used = Counter(family for family, _ in found)
    return Usage(
        allocations=used.total(),
        ports_used=max(used.values(), default=0),
        sockets=frozenset([inode for _, inode in found]),
    )


def _socket_inodes(folder: Path) -> Iterator[str]:
    for descriptor in folder.iterdir():
        try:
            target = str(descriptor.readlink())
        except OSError:
            continue  # closed since it was listed
        if target.startswith("socket:["):
            yield target[8:-1]


def _ports(lines: Iterable[str], inodes: set[str]) -> Iterator[tuple[int, int]]:
    """Yield port and inode of each socket that is among ``inodes``."""
    for line in lines:
        columns = line.split()
        if len(columns) > _INODE and columns[_INODE] in inodes:
            yield int(columns[_LOCAL].rpartition(":")[2], 16), int(columns[_INODE])


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Bytes in and out so far, and when they were read (monotonic seconds)."""

    total: int
    at: float


def interface_of(address: str, *, proc: Path = Path("/proc")) -> str | None:
    """Return the network interface that holds an address; ``None`` on loopback.

    coturn does not say how much live allocations carry, so a relay on a host of its own is measured
    at its interface. On loopback every relay shares one, which says nothing about any of them.
    """
    wanted = ipaddress.ip_address(address)
    if wanted.is_loopback:
        return None
    if isinstance(wanted, ipaddress.IPv6Address):
        return _interface_of_ipv6(wanted, proc / "net" / "if_inet6")
    for _, name in socket.if_nameindex():
        if _ipv4_of(name) == str(wanted):
            return name
    return None


def _interface_of_ipv6(wanted: ipaddress.IPv6Address, table: Path) -> str | None:
    try:
        lines = table.read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        columns = line.split()
        if columns[0] == wanted.packed.hex():
            return columns[-1]
    return None


def _ipv4_of(interface: str) -> str | None:
    ask_address: Final = 0x8915  # SIOCGIFADDR
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            answer = fcntl.ioctl(asking, ask_address, struct.pack("256s", interface.encode()[:15]))
        except OSError:
            return None
    return socket.inet_ntoa(answer[20:24])


def traffic(interface: str, *, at: float, proc: Path = Path("/proc")) -> Traffic | None:
    """Return what an interface has carried so far."""
    try:
        lines = (proc / "net" / "dev").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        name, colon, rest = line.partition(":")
        if colon and name.strip() == interface:
            columns = rest.split()
            return Traffic(total=int(columns[0]) + int(columns[8]), at=at)
    return None


def bitrate(before: Traffic, after: Traffic) -> float | None:
    """Return bit/s between two readings; ``None`` where the counter began anew, or no time went."""
    seconds, octets = after.at - before.at, after.total - before.total
    return octets * 8 / seconds if seconds > 0 and octets >= 0 else None


def load(*, used: Usage, bits: float, settings: config.Config) -> float:
    """Return 0 for idle to 1 for full: the worst of allocations, bit rate and ports."""
    terms = [
        used.allocations / settings.live.allocations_per_relay,
        used.ports_used / len(settings.relay_ports),
    ]
    if settings.live.bandwidth_per_relay is not None:
        terms.append(bits / settings.live.bandwidth_per_relay)
    return round(max(terms), 6)
