"""How often one client may ask: a token bucket for each IPv4 address or IPv6 /64.

Kept as one float per client (the generic cell rate algorithm: when its bucket will be full again),
in bounded memory. It must not decide who is limited; ``endpoint`` does.
"""

import functools
import ipaddress
import math
from collections import OrderedDict
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from turnfleet.api import problems

LONGEST_WAIT: Final = 60
"""Seconds in which an empty bucket has surely gained a token, and mostly is full again."""


class Limiter:
    """Lets ``per_minute`` requests through for each client, ``burst`` of them at once."""

    def __init__(
        self,
        *,
        per_minute: int,
        burst: int,
        clock: Callable[[], float],
        capacity: int = 65_536,
    ) -> None:
        """``capacity`` is how many clients are remembered: about 200 bytes each."""
        self._interval = 60 / per_minute
        self._tolerance = self._interval * (burst - 1)
        self._clock = clock
        self._capacity = capacity
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def wait(self, address: str) -> int:
        """Take one token of ``address``; return 0, or the seconds until there is one."""
        client = network(address)
        now = self._clock()
        full_at = max(self._full_at.get(client, now), now)
        if full_at > now + LONGEST_WAIT:
            full_at = now  # no bucket is that empty: the clock stepped back
        excess = full_at - now - self._tolerance
        if excess > 1e-9:  # noqa: PLR2004 - rounding of floats, not a figure
            return math.ceil(excess)
        self._full_at[client] = full_at + self._interval
        self._full_at.move_to_end(client)
        if len(self._full_at) > self._capacity:
            # The client that asked longest ago: its bucket is the likeliest to be full anyway.
            self._full_at.popitem(last=False)
        return 0

    def __len__(self) -> int:
        return len(self._full_at)


def exceeded(wait: int) -> problems.Problem:
    """Return the problem of a client that has to wait for ``wait`` seconds."""
    return problems.Problem(
        status=HTTPStatus.TOO_MANY_REQUESTS,
        detail="Too many answers for one network; credentials last, so keep and reuse them.",
        retry_after=wait,
    )


@functools.lru_cache(maxsize=4096)
def network(address: str) -> str:
    """Return whom a limit counts: an IPv4 address, or the /64 that one IPv6 subscriber holds."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(parsed) >> 64 << 64, 64)))
