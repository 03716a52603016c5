"""Which peers no client may reach through a relay, and how coturn wants address ranges written.

coturn takes ``low-high``, never CIDR: 4.6.1 drops a CIDR and lets the peer through, later ones
abort. A low end of ``::`` makes it deny every IPv4 peer too, so none is ever written.
"""

import ipaddress
from typing import Final

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

BUILT_IN: Final[tuple[tuple[str, str], ...]] = (
    ("0.0.0.0-0.255.255.255", "this network (RFC 791)"),
    ("10.0.0.0-10.255.255.255", "private (RFC 1918)"),
    ("100.64.0.0-100.127.255.255", "carrier-grade NAT (RFC 6598)"),
    ("127.0.0.0-127.255.255.255", "loopback (RFC 1122)"),
    ("169.254.0.0-169.254.255.255", "link-local, cloud metadata (RFC 3927)"),
    ("172.16.0.0-172.31.255.255", "private (RFC 1918)"),
    ("192.0.0.0-192.0.0.255", "protocol assignments (RFC 6890)"),
    ("192.0.2.0-192.0.2.255", "documentation (RFC 5737)"),
    ("192.88.99.0-192.88.99.255", "6to4 relay anycast (RFC 7526)"),
    ("192.168.0.0-192.168.255.255", "private (RFC 1918)"),
    ("198.18.0.0-198.19.255.255", "benchmarking (RFC 2544)"),
    ("198.51.100.0-198.51.100.255", "documentation (RFC 5737)"),
    ("203.0.113.0-203.0.113.255", "documentation (RFC 5737)"),
    ("224.0.0.0-239.255.255.255", "multicast (RFC 5771)"),
    ("240.0.0.0-255.255.255.255", "reserved and broadcast (RFC 1112)"),
    ("::1-::ffff:ffff", "loopback and IPv4-compatible (RFC 4291)"),
    ("::ffff:0:0-::ffff:ffff:ffff", "IPv4-mapped (RFC 4291)"),
    ("64:ff9b::-64:ff9b::ffff:ffff", "NAT64 (RFC 6052)"),
    ("64:ff9b:1::-64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "local NAT64 (RFC 8215)"),
    ("2001::-2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "protocol assignments, Teredo (RFC 2928)"),
    ("2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "documentation (RFC 3849)"),
    ("2002::-2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "6to4 (RFC 3056)"),
    ("fc00::-fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "unique local (RFC 4193)"),
    ("fe80::-febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "link-local (RFC 4291)"),
    ("fec0::-feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "site-local (RFC 3879)"),
    ("ff00::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "multicast (RFC 4291)"),
)
"""Always denied, as coturn ranges with the reason of each. A region can only allow exceptions."""


def render(network: Network) -> str:
    """Return a network as coturn reads it: ``low-high``, or one address alone."""
    if network.num_addresses == 1:
        return str(network.network_address)
    low = network.network_address
    if low == ipaddress.IPv6Address("::"):
        low += 1
    return f"{low}-{network.broadcast_address}"


def read(text: object) -> Network | None:
    """Return the network that a CIDR or an address names, or ``None`` when it names none."""
    if not isinstance(text, str) or "%" in text:
        return None
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        return None
