"""Proxies on loopback that keep packets back, so that what is behind them seems to be far away.

Each direction is delayed by half of the round trip. The kernel makes a TCP connection to a proxy at
once, so what a client sends first is kept back by a round trip more: it would have sent it that
much later.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Final

_READ: Final = 65536

Address = tuple[str, int]


@contextlib.asynccontextmanager
async def udp(front: Address, behind: Address, *, rtt: float) -> AsyncIterator[None]:
    """Pass packets on from one address to another and back, ``rtt`` seconds apart in all."""
    loop = asyncio.get_running_loop()
    proxy = _Proxy(rtt / 2, behind)
    transport, _ = await loop.create_datagram_endpoint(lambda: proxy, local_addr=front)
    try:
        yield
    finally:
        transport.close()
        proxy.close()


class _Proxy(asyncio.DatagramProtocol):
    """Takes packets of clients, and has a socket for each, so that answers find back."""

    def __init__(self, half: float, behind: Address) -> None:
        self._half = half
        self._behind = behind
        self._ways: dict[Address, asyncio.Task[asyncio.DatagramTransport]] = {}
        self._front: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._front = transport

    def datagram_received(self, data: bytes, addr: Address) -> None:
        loop = asyncio.get_running_loop()
        way = self._ways.get(addr)
        if way is None:
            way = self._ways[addr] = loop.create_task(self._way(addr))
        loop.call_later(self._half, way.add_done_callback, lambda made: _send(made.result(), data))

    def close(self) -> None:
        for way in self._ways.values():
            if way.done() and not way.cancelled():
                way.result().close()
            way.cancel()

    def answer(self, data: bytes, client: Address) -> None:
        if self._front is not None:
            _send(self._front, data, client)

    async def _way(self, client: Address) -> asyncio.DatagramTransport:
        back = _Back(self._half, lambda data: self.answer(data, client))
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: back, remote_addr=self._behind)
        return transport


class _Back(asyncio.DatagramProtocol):
    """Takes the answers to one client."""

    def __init__(self, half: float, send: Callable[[bytes], None]) -> None:
        self._half = half
        self._send = send

    def datagram_received(self, data: bytes, addr: Address) -> None:  # noqa: ARG002 - known
        asyncio.get_running_loop().call_later(self._half, self._send, data)


def _send(way: asyncio.DatagramTransport, data: bytes, to: Address | None = None) -> None:
    if not way.is_closing():  # packets outlive the ends of their way
        way.sendto(data, to)


@contextlib.asynccontextmanager
async def tcp(front: Address, behind: Address, *, rtt: float) -> AsyncIterator[None]:
    """Pass connections on from one address to another, ``rtt`` seconds there and back."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        farther, there = await asyncio.open_connection(*behind)
        async with asyncio.TaskGroup() as group:
            group.create_task(_flow(reader, there, delay=rtt / 2, handshake=rtt))
            group.create_task(_flow(farther, writer, delay=rtt / 2))

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, *front)
    try:
        yield
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _flow(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    *,
    delay: float,
    handshake: float = 0.0,
) -> None:
    """Pass on what comes, each piece ``delay`` seconds later and the first by more."""
    loop = asyncio.get_running_loop()
    kept: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def read() -> None:
        soonest = 0.0
        while True:
            try:
                data = await reader.read(_READ)
            except ConnectionError:
                data = b""
            due = loop.time() + delay + (handshake if not soonest else 0.0)
            soonest = max(soonest, due)
            kept.put_nowait((soonest, data))
            if not data:
                return

    reading = asyncio.create_task(read())
    try:
        while True:
            due, data = await kept.get()
            await asyncio.sleep(due - loop.time())
            if not data:
                return
            writer.write(data)
    finally:
        reading.cancel()
        writer.close()
