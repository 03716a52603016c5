"""Counts how many clients arrive from private addresses: the sign of a proxy nobody trusts.

Behind a load balancer that replaces addresses, every client is placed where the balancer is and
shares one limit with all others. Nothing else looks wrong then, so it has to be told.
"""

import functools
import ipaddress
from typing import Final

_ENOUGH: Final = 100
"""Clients after which a share means something."""
_MOSTLY: Final = 0.5


class Arrivals:
    """Counts requests that come without an API key: those are placed by their address."""

    def __init__(self) -> None:
        self.all = 0
        self.private = 0
        self._is_private = functools.lru_cache(maxsize=4096)(_is_private)
        self._told = (0, 0)

    def note(self, address: str) -> None:
        """Count one, by its canonical address after trusted proxies."""
        self.all += 1
        if self._is_private(address):
            self.private += 1

    def warning(self) -> str | None:
        """Return a sentence where most of those since the last time it was asked were private."""
        came, private = self.all - self._told[0], self.private - self._told[1]
        if came < _ENOUGH:
            return None
        self._told = (self.all, self.private)
        if private <= _MOSTLY * came:
            return None
        return (
            f"{private} of the last {came} clients came from private addresses: they are placed "
            "where the proxy or node is that passed them on, and share its limit. Name the proxies "
            "with --trusted-proxy, or keep addresses with externalTrafficPolicy Local"
        )


def _is_private(address: str) -> bool:
    try:
        return not ipaddress.ip_address(address).is_global
    except ValueError:
        return True
