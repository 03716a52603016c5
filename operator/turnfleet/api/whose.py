"""Which source a client is: the network whose reports move its own answers first.

A source is a /24 or a /48 by a keyed hash (``learn.cells``). An address that many clients in many
places may share is none: private ones, which a load balancer or NAT puts in place of the client's,
unless the operator's table of networks says where they are, or all clients are on this machine's
own network.
"""

import functools
from collections.abc import Callable
from typing import Final

from turnfleet.geo import addresses
from turnfleet.ice import rid
from turnfleet.learn import cells
from turnfleet.model import geo

NOBODY: Final = b"\0\0\0\0"
"""The source of clients of whom no address is known, such as those that a back end asks for."""
_REMEMBERED: Final = 4096


class Whose:
    """Tells sources apart by the fleet key as it is now."""

    def __init__(
        self, signer: Callable[[], rid.Signer], *, atlas: geo.Atlas, one_machine: bool
    ) -> None:
        self._signer = signer
        self._atlas = atlas
        self._one_machine = one_machine
        self.forget()

    def forget(self) -> None:
        """Take a new key into account."""
        self.of = functools.lru_cache(maxsize=_REMEMBERED)(self._of)
        """Returns the source that an address is of, or ``NOBODY``."""

    def _of(self, address: str | None) -> bytes:
        parsed = addresses.parse(address) if address is not None else None
        if parsed is None or not (
            self._one_machine
            or addresses.is_public(parsed)
            or self._atlas.by_network(parsed.text) is not None
        ):
            return NOBODY
        return self._signer().source(cells.prefix(parsed.text))
