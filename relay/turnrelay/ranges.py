"""Which peers no client may reach through a relay, and how coturn wants address ranges written.

coturn takes ``low-high``, never CIDR: 4.6.1 drops a CIDR and lets the peer through, later ones
abort. Two more traps decide what is written here:

* Zero is a wildcard: a low end of ``::`` also matches every IPv4 peer, and ``0.0.0.0`` or ``::``
  alone match everything, so that allowing one of them would undo all that is denied.
* Up to 4.15, IPv6 ends are compared byte by byte: ``::1-::ffff:ffff`` misses ``::7f00:0``, whose
  last byte is below 1. The ends of a CIDR are right either way; those beginning at ``::`` are
  written as one range per byte that may be the first one that is not 0.

What is allowed beats what is denied, but for link-local, unique-local and site-local IPv6: from
4.17 on coturn refuses these whatever it is told.
"""

import ipaddress
from typing import Final, TypeAlias

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_ZERO: Final = ipaddress.IPv6Address(0)

BUILT_IN: Final[tuple[tuple[str, str], ...]] = (
    ("0.0.0.0/8", "this network (RFC 791)"),
    ("10.0.0.0/8", "private (RFC 1918)"),
    ("100.64.0.0/10", "carrier-grade NAT (RFC 6598)"),
    ("127.0.0.0/8", "loopback (RFC 1122)"),
    ("168.63.129.16/32", "a cloud's host services (Azure)"),
    ("169.254.0.0/16", "link-local, cloud metadata (RFC 3927)"),
    ("172.16.0.0/12", "private (RFC 1918)"),
    ("192.0.0.0/24", "protocol assignments (RFC 6890)"),
    ("192.0.2.0/24", "documentation (RFC 5737)"),
    ("192.88.99.0/24", "6to4 relay anycast (RFC 7526)"),
    ("192.168.0.0/16", "private (RFC 1918)"),
    ("198.18.0.0/15", "benchmarking (RFC 2544)"),
    ("198.51.100.0/24", "documentation (RFC 5737)"),
    ("203.0.113.0/24", "documentation (RFC 5737)"),
    ("224.0.0.0/4", "multicast (RFC 5771)"),
    ("240.0.0.0/4", "reserved and broadcast (RFC 1112)"),
    ("::/96", "loopback and IPv4-compatible (RFC 4291)"),
    ("::ffff:0:0/96", "IPv4-mapped (RFC 4291)"),
    ("64:ff9b::/96", "NAT64 (RFC 6052)"),
    ("64:ff9b:1::/48", "local NAT64 (RFC 8215)"),
    ("2001::/23", "protocol assignments, Teredo (RFC 2928)"),
    ("2001:db8::/32", "documentation (RFC 3849)"),
    ("2002::/16", "6to4 (RFC 3056)"),
    ("fc00::/7", "unique local (RFC 4193)"),
    ("fe80::/10", "link-local (RFC 4291)"),
    ("fec0::/10", "site-local (RFC 3879)"),
    ("ff00::/8", "multicast (RFC 4291)"),
)
"""Always denied, each with its reason. A region can only allow exceptions."""


_BROADCAST: Final = ipaddress.IPv4Address("255.255.255.255")
_NEVER_PEERS: Final = tuple(map(ipaddress.IPv6Network, ("fc00::/7", "fe80::/10", "fec0::/10")))


def is_never_peer(network: Network) -> bool:
    """Return whether no address of a network is a peer from 4.17 on, whatever is allowed."""
    return isinstance(network, ipaddress.IPv6Network) and any(
        network.subnet_of(each) for each in _NEVER_PEERS
    )


def is_hosts(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Return whether a host can have an address, so that packets can be sent there."""
    return not (address.is_unspecified or address.is_multicast or address == _BROADCAST)


def render(network: Network) -> tuple[str, ...]:
    """Return a network as coturn reads it: ranges, or one address alone.

    The all-zero address itself is left out: coturn never takes it as a peer.
    """
    low, high = network.network_address, network.broadcast_address
    if low == high:
        return () if int(low) == 0 else (_text(low),)
    if low != _ZERO:
        return (f"{_text(low)}-{_text(high)}",)
    # Each range asks one byte to be 1 or more; together they hold all but ``::``.
    lows = (1 << bit for bit in range(0, low.max_prefixlen, 8))
    return tuple(
        f"{ipaddress.IPv6Address(each)}-{_text(high)}" for each in lows if each <= int(high)
    )


def _text(address: Address) -> str:
    """Return an address in hexadecimal groups, IPv4-mapped ones too: Python 3.13 dots those."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        last = int(address.ipv4_mapped)
        return f"::ffff:{last >> 16:x}:{last & 0xFFFF:x}"
    return str(address)


def read(text: object) -> Network | None:
    """Return the network that a CIDR or an address names, or ``None`` when it names none."""
    if not isinstance(text, str) or "%" in text:
        return None
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        return None


def built_in() -> tuple[Network, ...]:
    """Return the networks of the built-in list."""
    return tuple(ipaddress.ip_network(text) for text, _ in BUILT_IN)
