"""Which other replicas there are: what the command line names, and the addresses behind it.

A name with a port, as of a headless Service, is every address that it resolves to, each a replica.
A URL is one peer, whoever answers there: the endpoint of another cluster.
"""

import asyncio
import re
import socket
from dataclasses import dataclass
from typing import Final

_NAME: Final = re.compile(r"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]):([0-9]{1,5})", re.ASCII)
_URL: Final = re.compile(
    r"https://([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]{0,200})?",
    re.ASCII,
)
_PORT_MAX: Final = 65535
_RESOLVING: Final = 5.0
"""Seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """Replicas of this cluster, by what resolves to their addresses."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Url:
    """The endpoint of another cluster."""

    base: str
    """What ``vouching.PATH`` comes after."""

    def __str__(self) -> str:
        return self.base


Peers = Name | Url


def parse(text: str) -> Peers | None:
    """Return the peers that a word names; nothing if it names none."""
    if _URL.fullmatch(text):
        return Url(base=text.rstrip("/"))
    found = _NAME.fullmatch(text)
    if found is None or not 0 < int(found[2]) <= _PORT_MAX:
        return None
    return Name(host=found[1].strip("[]"), port=int(found[2]))


async def find(named: Peers) -> tuple[str, ...]:
    """Return the bases of URLs at which these peers are. Raises OSError where none is found."""
    if isinstance(named, Url):
        return (named.base,)
    looking = asyncio.get_running_loop().getaddrinfo(
        named.host, named.port, type=socket.SOCK_STREAM
    )
    async with asyncio.timeout(_RESOLVING):  # TimeoutError is an OSError
        found = await looking
    addresses = dict.fromkeys(str(address[0]) for *_, address in found)
    return tuple(
        f"http://[{address}]:{named.port}" if ":" in address else f"http://{address}:{named.port}"
        for address in addresses
    )
