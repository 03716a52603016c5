"""What this machine allows: ports, addresses, and one program per state folder."""

import errno
import fcntl
import ipaddress
import os
import re
import socket
import subprocess
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from turnfleet.model import fleet

_NET_BIND_SERVICE: Final = 10
"""Bit of the capability that permits low ports (linux/capability.h)."""
_PROC: Final = Path("/proc")
_VERSION: Final = re.compile(r"^(?:.*\bCoturn-)?\d{1,3}\.\d{1,3}\b", re.MULTILINE)
"""coturn's; other programs print theirs after their names."""
_VERSION_WITHIN: Final = 10.0
"""Seconds that a program may take to print its version."""
_VACATED_WITHIN: Final = 5.0
"""Seconds that the agents of a fleet that was killed may take to end."""


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


def unfit(turnserver: str) -> str | None:
    """Return why a program is not coturn, or ``None``; agents look at its version closely."""
    try:
        asked = subprocess.run(  # noqa: S603 - the user named it
            [turnserver, "--version"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_VERSION_WITHIN,
            check=False,
        )
    except OSError as error:
        return f"cannot be run: {error.strerror}"
    except subprocess.TimeoutExpired:
        return "is not coturn: with --version it does not end"
    if _VERSION.search(asked.stdout.decode("utf-8", "replace")) is None:
        return "is not coturn: with --version it prints no version"
    return None


def occupied(sites: Collection[fleet.AgentAddress]) -> fleet.AgentAddress | None:
    """Return one of the sites where another program goes on listening, or ``None``.

    Waits a moment for it to go: a fleet that was killed takes one to vacate its addresses.
    """
    deadline = time.monotonic() + _VACATED_WITHIN
    while (found := next((site for site in sites if not _free(site)), None)) is not None:
        if time.monotonic() > deadline:
            return found
        time.sleep(0.1)
    return None


def _free(site: fleet.AgentAddress) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As agents do: connections that have ended keep nobody away.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((site.address, site.port))
        except OSError as error:
            return error.errno != errno.EADDRINUSE
    return True


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
