"""What this machine allows: ports, addresses, and one program per state folder."""

import fcntl
import ipaddress
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_NET_BIND_SERVICE: Final = 10
"""Bit of the capability that permits low ports (linux/capability.h)."""
_PROC: Final = Path("/proc")


class Taken(Exception):  # noqa: N818 - a state of the machine, not a bug
    """Another program works in the state folder."""


def lowest_port(proc: Path = _PROC) -> int:
    """Return the lowest port that this process may bind."""
    capabilities = _field(proc / "self" / "status", "CapEff:")
    if capabilities is not None and int(capabilities, 16) >> _NET_BIND_SERVICE & 1:
        return 1
    try:
        return int((proc / "sys/net/ipv4/ip_unprivileged_port_start").read_text())
    except (OSError, ValueError):
        return 1 if os.geteuid() == 0 else 1024


def refusal(address: str) -> str | None:
    """Return why relays cannot be published under an address, or ``None`` where they can."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "is not an IP address; host names are not looked up"
    if parsed.is_unspecified:
        return "stands for every address; name the one that other devices reach"
    if parsed.is_loopback:
        return "is reached from this machine alone, as it is without --address"
    if parsed.is_multicast or "%" in address:
        return "cannot be published; name an address of this machine's network"
    family = socket.AF_INET if isinstance(parsed, ipaddress.IPv4Address) else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return "is not an address of this machine; `ip address` lists those"
    return None


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Be the only program that works in ``folder``; raise Taken or OSError where that fails.

    The kernel releases the lock with the last process that holds it, however that one ended.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Private, too: whoever can read a file can lock it.
    descriptor = os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    with os.fdopen(descriptor, "r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Taken(lock.read().strip()) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def _field(path: Path, name: str) -> str | None:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    return next((line.split()[1] for line in lines if line.startswith(name)), None)
