"""Reads addresses: hostile text in, a number that every table here can be searched by out.

Decides which addresses are on the public Internet; knows nothing of where they are. Never raises.
"""

import bisect
import ipaddress
import itertools
import socket
from typing import Final, NamedTuple

_IPV4: Final = 1 << 128
"""Added to an IPv4 address: one line of numbers holds both families, IPv4 after IPv6."""
_MAPPED: Final = 0xFFFF
"""The first 96 bits of ``::ffff:0:0/96``, IPv4 as IPv6 sockets show it."""
_LONGEST: Final = 45
"""Characters of the longest address text, eight groups of which two are dotted."""

# The IANA special-purpose registries, as far as nobody on the Internet can have the address.
_SPECIAL: Final = (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
    "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "::/96", "64:ff9b:1::/48", "100::/64",
    "2001:db8::/32", "3fff::/20", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
)  # fmt: skip


class Address(NamedTuple):
    """An address: its ``text`` (IPv4 where it was mapped), and its ``number`` on the one line."""

    text: str
    number: int


def parse(text: str) -> Address | None:
    """Return the address that ``text`` spells, or ``None``; ``::ffff:192.0.2.1`` is IPv4.

    Zone identifiers, ports, leading zeros and shorthands such as ``127.1`` are no addresses.
    """
    if len(text) > _LONGEST:
        return None
    try:
        if ":" not in text:
            return Address(text, _IPV4 | _number(socket.inet_pton(socket.AF_INET, text)))
        number = _number(socket.inet_pton(socket.AF_INET6, text))
    except (OSError, ValueError):  # ValueError: NUL or a lone surrogate in the text
        return None
    if number >> 32 == _MAPPED:
        ipv4 = number & 0xFFFF_FFFF
        return Address(socket.inet_ntop(socket.AF_INET, ipv4.to_bytes(4, "big")), _IPV4 | ipv4)
    return Address(text, number)


def span(cidr: str) -> tuple[int, int]:
    """Return the first and last number of a network; ``ValueError`` says why it is none."""
    network = ipaddress.ip_network(cidr)
    first, last = int(network.network_address), int(network.broadcast_address)
    if isinstance(network, ipaddress.IPv4Network):
        return _IPV4 | first, _IPV4 | last
    if first >> 32 == last >> 32 == _MAPPED:
        return _IPV4 | first & 0xFFFF_FFFF, _IPV4 | last & 0xFFFF_FFFF
    return first, last


def is_public(address: Address) -> bool:
    """Say whether someone on the Internet may have this address: only then is it anywhere."""
    # An odd count of edges at or before a number: it lies after a start, and not after its end.
    return bisect.bisect_right(_EDGES, address.number) % 2 == 0


def _number(packed: bytes) -> int:
    return int.from_bytes(packed, "big")


_EDGES: Final = tuple(
    itertools.chain.from_iterable((first, last + 1) for first, last in sorted(map(span, _SPECIAL)))
)
