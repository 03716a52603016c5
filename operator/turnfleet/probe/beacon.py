"""Sends STUN Binding requests to every relay from one UDP socket per family, and hears answers."""

import asyncio
import random
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from turnfleet.model import fleet
from turnfleet.probe import stats, targets
from turnrelay import stun

_REMEMBER: Final = 5.0
"""Seconds that an answer may take and still count."""
_SUCCESS: Final = b"\x01\x01"
_ERROR: Final = b"\x01\x11"
_REQUEST: Final = bytes.fromhex("000100002112a442")


class _Try(NamedTuple):
    key: fleet.RelayKey
    address: str
    port: int


class Beacon(asyncio.DatagramProtocol):
    """Both sockets, and which tries are under way. An answer counts only from where it must come.

    The requests have no attributes, and of the answers only type, cookie, transaction and sender
    matter (any error code proves a relay alive), so the codec is not needed at this rate.
    """

    def __init__(
        self,
        *,
        answered: Callable[[fleet.RelayKey], None],
        clock: Callable[[], float],
        rng: random.Random,
        counts: stats.Stats,
    ) -> None:
        self._answered = answered
        self._clock = clock
        self._rng = rng
        self._counts = counts
        self._sockets: dict[bool, asyncio.DatagramTransport] = {}
        self._tries: dict[bytes, _Try] = {}
        self._order: deque[tuple[float, bytes]] = deque()

    async def open(self) -> None:
        """Open a socket for each family that this machine has."""
        loop = asyncio.get_running_loop()
        for ipv6, local in ((False, "0.0.0.0"), (True, "::")):  # noqa: S104 - it only asks
            try:
                transport, _ = await loop.create_datagram_endpoint(
                    lambda: self, local_addr=(local, 0)
                )
            except OSError:
                continue
            self._sockets[ipv6] = transport

    def close(self) -> None:
        """Close the sockets."""
        for transport in self._sockets.values():
            transport.abort()
        self._sockets.clear()

    def reaches(self, url: targets.Url) -> bool:
        """Return whether there is a socket for a URL's family."""
        return url.ipv6 in self._sockets

    def send(self, key: fleet.RelayKey, url: targets.Url) -> None:
        """Send one try. What cannot be sent counts as unanswered."""
        now = self._clock()
        self._forget(now)
        transaction = self._rng.randbytes(stun.TRANSACTION_SIZE)
        self._tries[transaction] = _Try(key, url.address, url.port)
        self._order.append((now + _REMEMBER, transaction))
        self._counts.tries += 1
        try:
            self._sockets[url.ipv6].sendto(_REQUEST + transaction, (url.address, url.port))
        except OSError:
            return

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        """Take an answer, or ignore it."""
        known = self._tries.get(data[8 : stun.HEADER_SIZE])
        if (
            known is None
            or data[:2] not in {_SUCCESS, _ERROR}
            or data[4:8] != _REQUEST[4:]
            or (known.address, known.port) != addr[:2]
        ):
            self._counts.strays += 1
            return
        del self._tries[data[8 : stun.HEADER_SIZE]]
        self._counts.answers += 1
        self._answered(known.key)

    def error_received(self, exc: Exception) -> None:
        """Ignore it: an unconnected socket's error names no relay."""

    def _forget(self, now: float) -> None:
        while self._order and self._order[0][0] < now:
            self._tries.pop(self._order.popleft()[1], None)
