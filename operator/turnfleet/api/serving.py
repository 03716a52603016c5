"""Listens: an application on sockets, with the fast path in front, until it is told to stop."""

import contextlib
from collections.abc import AsyncIterator
from typing import Final

from aiohttp import web

from turnfleet.api import app, fastpath, observing

KEEP_ALIVE: Final = 75.0
"""Seconds that an idle connection is kept: longer than a reverse proxy's own."""
GRACE: Final = 5.0


def runner(application: web.Application, *, grace: float = GRACE) -> web.AppRunner:
    """Return what runs an endpoint; ``set_up`` has to follow before it gets sites.

    ``grace`` is how long requests in progress get to finish at the end, seconds.
    """
    return web.AppRunner(
        application,
        access_log=None,
        logger=observing.server_log(),
        handle_signals=False,
        keepalive_timeout=KEEP_ALIVE,
        shutdown_timeout=grace,
        auto_decompress=False,  # 60 kB can unpack to 60 MB, and nobody packs a hundred bytes
    )


async def set_up(prepared: web.AppRunner) -> None:
    """Set a runner up and put the fast path in front of its application."""
    await prepared.setup()
    server = prepared.server
    if server is None:
        raise RuntimeError("a runner that is set up has a server")
    server.request_handler = fastpath.Front(
        asked=prepared.app[app.ENDPOINT], server=app.SERVER, behind=server.request_handler
    )


@contextlib.asynccontextmanager
async def at(application: web.Application, *, host: str, port: int) -> AsyncIterator[int]:
    """Serve on one address; yield the port, which matters where 0 was asked for.

    Raises OSError when the address or port cannot be had. On the way out it stops listening,
    lets requests in progress finish, and closes the rest.
    """
    running = runner(application)
    try:
        await set_up(running)
        await web.TCPSite(running, host, port).start()
        yield int(running.addresses[0][1])
    finally:
        await running.cleanup()
