"""The URLs of one relay (RFC 7064 for ``stun:``, RFC 7065 for ``turn:`` and ``turns:``).

One malformed URL makes a browser's RTCPeerConnection constructor throw, so there is one place that
writes them.
"""

from typing import Final

from turnfleet.model import fleet, region

_DNS_PORT: Final = 53
"""Browsers refuse it, so a URL with it would be dead weight."""


def turn(member: fleet.Member, transport: region.Transport) -> tuple[str, ...]:
    """Return the TURN URLs of a relay by a transport: one by name, or one per address.

    Nothing, where the transport is off or no probe got through it.
    """
    port = _port(member, transport)
    if port is None:
        return ()
    scheme = "turns" if transport is region.Transport.TLS else "turn"
    query = "udp" if transport is region.Transport.UDP else "tcp"
    return tuple(f"{scheme}:{host}:{port}?transport={query}" for host in hosts(member))


def stun(member: fleet.Member) -> tuple[str, ...]:
    """Return the STUN URLs of a relay: its UDP listener serves both. They never have a query."""
    port = _port(member, region.Transport.UDP)
    if port is None:
        return ()
    return tuple(f"stun:{host}:{port}" for host in hosts(member))


def hosts(member: fleet.Member) -> tuple[str, ...]:
    """Return the host parts a relay is reached by.

    A name serves every transport and both families; only without one do addresses, IPv6 in
    brackets, and of these none that is known to be silent.
    """
    relay = member.relay
    if relay.hostname is not None:
        return (relay.hostname,)
    silent = member.health.silent
    return tuple(_literal(address) for address in relay.addresses if address not in silent)


def _literal(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _port(member: fleet.Member, transport: region.Transport) -> int | None:
    port = member.relay.listeners.port(transport)
    if transport not in member.health.working or port == _DNS_PORT:
        return None
    return port
