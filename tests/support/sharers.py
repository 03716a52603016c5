"""Replicas that share what they learned: real servers and clients on loopback, and nothing else."""

import asyncio
import contextlib
import os
import random
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import aiohttp
from aiohttp import web

from turnfleet.api import problems
from turnfleet.api import sharing as desk
from turnfleet.learn import facts, page, sources, telling
from turnfleet.learned import cursors, merging, peers, sharing, vouching

KEY: Final = b"k" * 32
QUERY: Final = cursors.Cursors(b"somebody").query()


@dataclass(kw_only=True)
class Replica:
    """One replica, running."""

    known: sources.Sources
    teller: telling.Teller
    desk: desk.Desk
    sharing: sharing.Sharing
    port: int
    told: list[str] = field(default_factory=list)
    """What was said of its peers in the last round."""

    @property
    def url(self) -> peers.Url:
        return peers.Url(base=f"http://127.0.0.1:{self.port}")

    @property
    def learned(self) -> dict[bytes, sources.Record]:
        return dict(self.known.items())

    def counted(self, name: str, **labels: str) -> float:
        """Return a sample of its metrics."""
        [value] = (
            sample.value
            for part in (self.sharing, self.desk)
            for metric in part.measured()
            for sample in metric.samples
            if sample.name == name and sample.labels == labels
        )
        return value


@contextlib.asynccontextmanager
async def replica(
    named: Sequence[peers.Peers] = (),
    *,
    key: Callable[[], bytes | None] = lambda: KEY,
    clock: Callable[[], float] = time.time,
    known: sources.Sources | None = None,
    port: int = 0,
    address: str = "127.0.0.1",
    every: float = 0.05,
) -> AsyncIterator[Replica]:
    """Run one until the block ends. ``named`` may be filled later."""
    known = sources.Sources() if known is None else known
    teller = telling.Teller(known, epoch=os.urandom(page.EPOCH_SIZE))
    taker = merging.Taker(known, clock=clock, ticks=time.monotonic)
    telling_desk = desk.Desk(taker=taker, teller=teller, fleet_key=key, clock=clock)
    application = web.Application(middlewares=(problems.middleware,))
    application.add_routes(telling_desk.routes())
    said: list[str] = []
    asking = sharing.Sharing(
        known=known,
        taker=taker,
        teller=teller,
        named=named,
        fleet_key=key,
        tell=lambda sentences: said.__setitem__(slice(None), sentences),
        clock=clock,
        ticks=time.monotonic,
        entropy=os.urandom,
        rng=random.Random(1),  # noqa: S311 - a test's
        every=every,
    )
    async with serving(application, port=port, address=address) as bound:
        running = asyncio.create_task(asking.run())
        yield Replica(
            known=known, teller=teller, desk=telling_desk, sharing=asking, port=bound, told=said
        )
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


@contextlib.asynccontextmanager
async def serving(
    application: web.Application,
    *,
    port: int = 0,
    address: str = "127.0.0.1",
    context: ssl.SSLContext | None = None,
) -> AsyncIterator[int]:
    """Serve on loopback; yield the port."""
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, address, port, ssl_context=context).start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


def records(count: int, *, start: int = 0, rtt: float = 80.0) -> dict[bytes, sources.Record]:
    """Return what some sources measured a moment ago."""
    now = int(time.time())
    return {
        n.to_bytes(4, "big"): sources.Record(
            cell="JO/32/36",
            facts=facts.pack(
                facts.fact(time=now - n % 60, nonce=n.to_bytes(4, "big"), region=region, rtt=rtt)
                for region in (1, 2)
            ),
        )
        for n in range(start, start + count)
    }


async def until(so: Callable[[], bool], *, within: float = 60.0) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(within):
        while not so():  # noqa: ASYNC110 - what is waited for is the work of a server
            await asyncio.sleep(0.01)


async def get(url: str, header: str | None) -> tuple[int, bytes, Mapping[str, str]]:
    """Ask; return status, body and headers."""
    headers = {} if header is None else {"Authorization": header}
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        return answer.status, await answer.read(), answer.headers


async def post(
    url: str, body: bytes | AsyncIterator[bytes], *, signed: bytes, nonce: bytes, key: bytes = KEY
) -> int:
    """Tell a page by a request that is signed over another one, perhaps."""
    query = vouching.query_of(signed)
    asked = vouching.Voucher(key).ask(query, now=time.time(), nonce=nonce, method="POST")
    headers = {"Authorization": asked.header}
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"{url}{vouching.PATH}?{query}",
            data=body,
            headers=headers,
            # A body in parts is sent once the request is being handled.
            expect100=not isinstance(body, bytes),
        ) as answer,
    ):
        return answer.status
