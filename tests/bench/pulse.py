"""The soak's own STUN check: asks every relay a few times a second, with nothing of turnfleet."""

import asyncio
import itertools
import time
from collections.abc import Mapping
from typing import cast

from tests.bench import ledger

_EVERY = 0.2
_BINDING_REQUEST = b"\x00\x01\x00\x00\x21\x12\xa4\x42"
_BINDING_SUCCESS = b"\x01\x01"
_KEPT = 20.0
"""Seconds that a request may take to be answered: a stopped process answers when it goes on."""


class Pulse(asyncio.DatagramProtocol):
    """Tells a ledger who answers. ``servers`` are addresses and ports by the relay's name."""

    def __init__(self, servers: Mapping[str, tuple[str, int]], *, told: ledger.Ledger) -> None:
        self._servers = servers
        self._told = told
        self._pending: dict[bytes, tuple[str, float]] = {}
        self._numbers = itertools.count()
        self._transport: asyncio.DatagramTransport | None = None
        self.last_answer: dict[str, float] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, _: object) -> None:
        if not data.startswith(_BINDING_SUCCESS):
            return
        request = self._pending.pop(data[8:20], None)
        if request is not None:
            relay, sent = request
            now = time.monotonic()
            self.last_answer[relay] = now
            self._told.answered(relay, sent=sent, at=now)

    def error_received(self, exc: Exception) -> None:
        """Take that nothing listens on a port: no answer is what that means here, too."""

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            now = time.monotonic()
            self._forget(now)
            for relay, server in self._servers.items():
                transaction = next(self._numbers).to_bytes(12, "big")
                self._pending[transaction] = (relay, now)
                if self._transport is not None:
                    self._transport.sendto(_BINDING_REQUEST + transaction, server)
            await asyncio.sleep(_EVERY)

    def _forget(self, now: float) -> None:
        old = [key for key, (_, sent) in self._pending.items() if now - sent > _KEPT]
        for key in old:
            del self._pending[key]


async def start(
    servers: Mapping[str, tuple[str, int]], *, told: ledger.Ledger
) -> tuple[asyncio.DatagramTransport, Pulse]:
    """Open a socket and return it with the pulse, which has yet to ``run``."""
    loop = asyncio.get_running_loop()
    return await loop.create_datagram_endpoint(
        lambda: Pulse(servers, told=told), local_addr=("127.0.0.1", 0)
    )
