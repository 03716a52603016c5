"""Real endpoints on loopback for tests: the whole application on a socket, fast path in front."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from prometheus_client import core
from tests.support import atlas

from turnfleet.api import app, board, options, probes, reporting, serving
from turnfleet.model import fleet, geo
from turnfleet.probe import stats
from turnfleet.steer.backbone import estimating

NOW = 1_800_000_000
FLEET_KEY = b"f" * 32
SERVERS = "/api/get-ice-servers"
REPORTS = "/api/ice-report"


@dataclass(slots=True, kw_only=True)
class Clock:
    """Time that stands still until a test moves it."""

    now: float = NOW

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An HTTP answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def rung(self) -> str:
        """Return which rung placed the client; asked for with ``format=config``."""
        assert self.status == 200
        return str(self.json["selection"]["located"]["rung"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A running endpoint, and a client of it."""

    session: aiohttp.ClientSession
    port: int
    clock: Clock

    async def send(self, method: str, path: str, **more: Any) -> Reply:
        """Send one request."""
        async with self.session.request(method, path, **more) as answer:
            return Reply(status=answer.status, headers=answer.headers, body=await answer.read())

    async def get(self, path: str, **headers: str) -> Reply:
        """Send a GET; underscores in names of headers stand for dashes."""
        return await self.send("GET", path, headers=_named(headers))

    async def ask(self, fields: object = None, *, query: str = "", **headers: str) -> Reply:
        """Send a POST for servers."""
        return await self.send("POST", SERVERS + query, json=fields or {}, headers=_named(headers))

    async def report(self, body: object, *, kind: str = "text/plain", **headers: str) -> Reply:
        """Send a report as a beacon does; bytes go as they are."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {"Content-Type": kind, **_named(headers)}
        return await self.send("POST", REPORTS, data=sent, headers=named)

    async def raw(self, sent: bytes) -> bytes:
        """Send bytes on a connection of their own; return all that comes until it is closed."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(sent)
        await writer.drain()
        try:
            async with asyncio.timeout(60):
                return await reader.read()
        finally:
            writer.close()
            await writer.wait_closed()

    async def hang_up(self, sent: bytes) -> None:
        """Send bytes on a connection of their own, close it, and give the endpoint time to see."""
        _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(sent)
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.close()
        await writer.wait_closed()
        await asyncio.sleep(0.05)


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def counting() -> Callable[[int], bytes]:
    """Return entropy that repeats itself in every run."""
    numbers = itertools.count()
    return lambda size: bytes(next(numbers) % 251 for _ in range(size))


@contextlib.asynccontextmanager
async def running(
    current: board.Board,
    opts: options.Options | None = None,
    *,
    known: geo.Atlas | None = None,
    prober: probes.Prober | None = None,
    port: int = 0,
    sinks: Sequence[reporting.Sink] = (),
) -> AsyncIterator[Running]:
    """Run an endpoint on a port of its own, with the options of one machine by default."""
    opts = opts or options.loopback()
    clock = Clock()
    application = app.create(
        current=current,
        atlas=known or atlas.WrittenAtlas(),
        estimator=estimating.Backbone(),
        fleet_key=FLEET_KEY,
        opts=opts,
        clock=clock,
        entropy=counting(),
        prober=prober,
        attributions=lambda: ("Places by nobody (https://example.com/)",),
        sinks=sinks,
    )
    async with (
        serving.at(application, host="127.0.0.1", port=port) as bound,
        aiohttp.ClientSession(base_url=f"http://127.0.0.1:{bound}") as session,
    ):
        yield Running(session=session, port=bound, clock=clock)


Start = Callable[..., AbstractAsyncContextManager[Running]]


@dataclass(slots=True, kw_only=True)
class WrittenProber:
    """A prober's public face, as a test wants it."""

    settled: asyncio.Event = field(default_factory=asyncio.Event)
    suspicion: str | None = None
    counted: stats.Stats = field(default_factory=stats.Stats)
    asked: list[fleet.RelayKey] = field(default_factory=list)
    """Relays that were to be tested soon."""
    tested: list[Callable[[fleet.RelayKey], None]] = field(default_factory=list)
    """Who wants to know of tests."""

    def test_soon(self, key: fleet.RelayKey) -> bool:
        self.asked.append(key)
        return True

    def on_tested(self, listener: Callable[[fleet.RelayKey], None]) -> None:
        self.tested.append(listener)

    def measured(self) -> Iterable[core.Metric]:
        return self.counted.measured()


class BrokenAtlas(atlas.WrittenAtlas):
    """Breaks the promise that looking up never raises."""

    def by_name(self, name: str, /) -> geo.Place | None:
        raise RuntimeError(f"cannot look up {len(name)} characters")
