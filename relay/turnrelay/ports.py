"""Which addresses this machine has, and whether a relay's ports on them are free."""

import ipaddress
import socket

from turnrelay import config, placing


def is_own(address: str) -> bool:
    """Return whether this machine has the address, so that nobody translates it on the way."""
    return _bind_error(socket.SOCK_DGRAM, address, 0) is None


def taken(settings: config.Config, placed: placing.Placing) -> tuple[str, ...]:
    """Return the listening ports that another program has, each as a phrase.

    coturn binds with SO_REUSEPORT: a second one on the same port would start without a word and
    take live packets from the first, so the ports are tried without it beforehand.
    """
    listeners = settings.listeners
    plain = {port for port in (listeners.udp, listeners.tcp) if port is not None}
    # Where udp and tcp have different ports, coturn opens both of them for both.
    datagrams = plain if listeners.udp is not None else set()
    streams = {*(plain if listeners.tcp is not None else ()), listeners.tls} - {None}
    wanted = [
        *((socket.SOCK_DGRAM, port) for port in sorted(datagrams)),
        *((socket.SOCK_STREAM, port) for port in sorted(streams)),
    ]
    return tuple(
        f"{'udp' if kind is socket.SOCK_DGRAM else 'tcp'} {address} port {port} ({reason})"
        for kind, port in wanted
        for address in placed.bind
        if (reason := _bind_error(kind, address, port)) is not None
    )


def _bind_error(kind: socket.SocketKind, address: str, port: int) -> str | None:
    ipv6 = isinstance(ipaddress.ip_address(address), ipaddress.IPv6Address)
    with socket.socket(socket.AF_INET6 if ipv6 else socket.AF_INET, kind) as trying:
        if kind is socket.SOCK_STREAM:
            # Passes over connections that are still closing, not over a listener.
            trying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trying.bind((address, port))
            if kind is socket.SOCK_STREAM:
                trying.listen(1)
        except OSError as error:
            return error.strerror or "unknown error"
    return None
