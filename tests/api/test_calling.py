"""Whoever answers gets nothing unpacked, remembered, or read beyond what is expected."""

import gzip

from aiohttp import web
from tests.support import sharers

from turnfleet import calling

PACKED = gzip.compress(b"0" * 1_000_000)


async def odd(request: web.Request) -> web.StreamResponse:
    """Answer packed, though nobody asked for that, set a cookie, and tell which one came back."""
    answer = web.Response(body=PACKED, headers={"Content-Encoding": "gzip"})
    answer.set_cookie("who", "you")
    answer.headers["X-Came"] = request.headers.get("Cookie", "none")
    return answer


async def endless(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    while True:
        await answer.write(b"more" * 1000)


async def test_an_answer_is_taken_as_it_is_and_sets_nothing() -> None:
    application = web.Application()
    application.add_routes((web.get("/odd", odd),))
    async with sharers.serving(application) as port, calling.session(timeout=10) as session:
        for _ in range(2):
            async with session.get(f"http://127.0.0.1:{port}/odd") as answer:
                assert await calling.body(answer, most=100_000) == PACKED
                assert answer.headers["X-Came"] == "none"


async def test_of_a_body_that_is_too_long_it_is_told_and_no_more_is_read() -> None:
    application = web.Application()
    application.add_routes((web.get("/endless", endless),))
    async with (
        sharers.serving(application) as port,
        calling.session(timeout=10) as session,
        session.get(f"http://127.0.0.1:{port}/endless") as answer,
    ):
        assert len(await calling.body(answer, most=10_000)) == 10_001
