"""Open-loop load: requests leave at a constant rate, whether or not answers keep up.

Latency counts from the moment a request was *due*, so a stall of the server shows in every request
that it delayed (no coordinated omission). The loop spins on its core instead of sleeping: a sleep's
millisecond would be all that is measured.

    python -m tests.bench.paced --port N --rate N --seconds N --core N < requests (JSON list)
"""

import argparse
import asyncio
import collections
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import uvloop
from tests.bench import load

_CONNECTIONS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Of requests sent at ``rate`` a second, in ms."""

    rate: float
    answered: int
    p50: float
    p99: float


def measure(port: int, ask: load.Ask, *, rate: float, seconds: float, core: int | None) -> Latency:
    """Run this module as a process of its own and return what it found."""
    command = [sys.executable, "-m", "tests.bench.paced", "--port", str(port)]
    command += ["--rate", str(rate), "--seconds", str(seconds)]
    if core is not None:
        command += ["--core", str(core)]
    done = subprocess.run(
        command, input=json.dumps(_requests(ask, port)), capture_output=True, text=True,
        check=False, timeout=seconds + 60,
    )  # fmt: skip
    if done.returncode != 0:
        raise load.Spoilt(done.stderr.strip().splitlines()[-1])
    return Latency(**json.loads(done.stdout))


def _requests(ask: load.Ask, port: int) -> list[str]:
    head = f"{ask.path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
    if not ask.bodies:
        return [f"GET {head}\r\n"]
    kind = "Content-Type: application/json\r\n"
    return [f"POST {head}{kind}Content-Length: {len(b)}\r\n\r\n{b}" for b in ask.bodies]


class _Connection(asyncio.Protocol):
    """One request at a time; tells the pacer when its answer is whole."""

    def __init__(self, pacer: "_Pacer") -> None:
        self._pacer = pacer
        self._received = b""
        self._due = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's in everything but their class.
        self._transport = cast("asyncio.Transport", transport)

    def send(self, request: bytes, due: float) -> None:
        assert self._transport is not None
        self._due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        length = head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0]
        if len(body) < int(length):
            return
        if not head.startswith(b"HTTP/1.1 200 "):
            self._pacer.fail(head.split(b"\r\n", 1)[0].decode())
        self._received = b""
        self._pacer.answered(self, self._due)

    def connection_lost(self, _: Exception | None) -> None:
        self._pacer.fail("the server closed a connection")


class _Pacer:
    def __init__(self, requests: Sequence[bytes], *, rate: float, seconds: float) -> None:
        self._requests = requests
        self._rate = rate
        self._total = int(rate * seconds)
        self._idle: collections.deque[_Connection] = collections.deque()
        self._sent = 0
        self._start = 0.0
        self.latencies: list[float] = []
        self._loop = asyncio.get_running_loop()
        self.done: asyncio.Future[None] = self._loop.create_future()

    async def run(self, port: int) -> None:
        for _ in range(_CONNECTIONS):
            _, connection = await self._loop.create_connection(
                lambda: _Connection(self), "127.0.0.1", port
            )
            self._idle.append(connection)
        self._start = time.perf_counter()
        self._spin()
        await self.done

    def _spin(self) -> None:
        due = min(self._total, int((time.perf_counter() - self._start) * self._rate))
        while self._sent < due and self._idle:
            request = self._requests[self._sent % len(self._requests)]
            self._idle.popleft().send(request, self._start + self._sent / self._rate)
            self._sent += 1
        if not self.done.done():
            self._loop.call_soon(self._spin)

    def answered(self, connection: _Connection, due: float) -> None:
        self.latencies.append(time.perf_counter() - due)
        self._idle.append(connection)
        if len(self.latencies) == self._total and not self.done.done():
            self.done.set_result(None)

    def fail(self, why: str) -> None:
        if not self.done.done():
            self.done.set_exception(load.Spoilt(why))


async def _main(args: argparse.Namespace) -> None:
    requests = [text.encode() for text in json.load(sys.stdin)]
    pacer = _Pacer(requests, rate=args.rate, seconds=args.seconds)
    async with asyncio.timeout(args.seconds + 30):
        await pacer.run(args.port)
    latencies = sorted(pacer.latencies)
    found = {
        "rate": args.rate,
        "answered": len(latencies),
        "p50": 1000 * latencies[len(latencies) // 2],
        "p99": 1000 * latencies[len(latencies) * 99 // 100],
    }
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="tests.bench.paced")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--core", type=int)
    arguments = parser.parse_args()
    if arguments.core is not None:
        os.sched_setaffinity(0, {arguments.core})
    uvloop.run(_main(arguments))
