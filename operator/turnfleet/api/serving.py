"""Listens: an application on a socket, with the fast path in front, until it is told to stop."""

import contextlib
from collections.abc import AsyncIterator
from typing import Final

from aiohttp import web

from turnfleet.api import app, fastpath, observing

KEEP_ALIVE: Final = 75.0
"""Seconds that an idle connection is kept: longer than a reverse proxy's own."""
SHUTDOWN: Final = 5.0
"""Seconds that requests in progress get to finish."""


@contextlib.asynccontextmanager
async def at(application: web.Application, *, host: str, port: int) -> AsyncIterator[int]:
    """Serve on an address; yield the port, which matters where 0 was asked for.

    Raises OSError when the address or port cannot be had. On the way out it stops listening,
    lets requests in progress finish, and closes the rest.
    """
    runner = web.AppRunner(
        application,
        access_log=None,
        logger=observing.server_log(),
        handle_signals=False,
        keepalive_timeout=KEEP_ALIVE,
        shutdown_timeout=SHUTDOWN,
    )
    await runner.setup()
    _put_in_front(runner, application)
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


def _put_in_front(runner: web.AppRunner, application: web.Application) -> None:
    server = runner.server
    if server is None:
        raise RuntimeError("the runner has not been set up")
    server.request_handler = fastpath.Front(
        asked=application[app.ENDPOINT], server=app.SERVER, behind=server.request_handler
    )
