"""Peers that answer as no replica would: real servers on loopback."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from http import HTTPStatus

from aiohttp import web
from tests.support import sharers

from turnfleet.learn import page, sources, telling
from turnfleet.learned import peers, vouching


class Odd:
    """A peer with the fleet's key, or without it, that answers as a test says."""

    def __init__(self) -> None:
        self.asked = 0
        self.body = b""
        self.status = HTTPStatus.OK
        self.signs = True
        self.stolen: tuple[bytes, str] | None = None
        self.waits = 0.0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer as the test says."""
        self.asked += 1
        await asyncio.sleep(self.waits)
        if self.stolen is not None:
            return web.Response(body=self.stolen[0], headers={vouching.ANSWER: self.stolen[1]})
        voucher = vouching.Voucher(sharers.KEY)
        query = request.rel_url.raw_query_string
        asked = voucher.admit(request.headers["Authorization"], query, now=time.time())
        assert isinstance(asked, vouching.Asked)
        shown = voucher.answer(asked, self.body[: page.SIZE_MAX + 1]) if self.signs else "0" * 64
        return web.Response(status=self.status, body=self.body, headers={vouching.ANSWER: shown})

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[peers.Url]:
        """Serve until the block ends; yield where."""
        application = web.Application()
        application.add_routes((web.route("*", vouching.PATH, self.answer),))
        async with sharers.serving(application) as port:
            yield peers.Url(base=f"http://127.0.0.1:{port}")


def a_page(*, more: bool = False, cursor: int = 5) -> bytes:
    """Return a page of three records as it goes over the wire."""
    teller = telling.Teller(sources.Sources(), epoch=b"a peer's")
    told = teller.tell({})
    return page.pack(
        page.Page(epoch=told.epoch, cursor=cursor, more=more, records=sharers.records(3))
    )
