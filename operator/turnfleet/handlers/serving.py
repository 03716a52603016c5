"""``/healthz``, ``/readyz`` and ``/metrics`` of an operator. Answers; decides nothing."""

import contextlib
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus

from aiohttp import hdrs, web

from turnfleet.handlers import metrics


@contextlib.asynccontextmanager
async def at(
    host: str | None, port: int, *, unready: Callable[[], str | None], counted: metrics.Metrics
) -> AsyncIterator[int]:
    """Serve while the block lasts; yield the port. Raises OSError where it cannot be had.

    ``unready`` returns a sentence, or ``None`` when ready.
    """

    async def healthz(_: web.Request) -> web.Response:
        return _verdict(None)

    async def readyz(_: web.Request) -> web.Response:
        return _verdict(unready())

    async def scrape(_: web.Request) -> web.Response:
        return web.Response(
            body=counted.expose(), headers={hdrs.CONTENT_TYPE: metrics.CONTENT_TYPE}
        )

    application = web.Application()
    application.add_routes(
        (
            web.get("/healthz", healthz),
            web.get("/readyz", readyz),
            web.get("/metrics", scrape),
        )
    )
    runner = web.AppRunner(application, access_log=None, handle_signals=False)
    try:
        await runner.setup()
        await web.TCPSite(runner, host, port).start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


def _verdict(sentence: str | None) -> web.Response:
    return web.Response(
        status=HTTPStatus.OK if sentence is None else HTTPStatus.SERVICE_UNAVAILABLE,
        text=f"{sentence or 'ok'}\n",
        headers={hdrs.CACHE_CONTROL: "no-store"},
    )
