"""Listens: an application on sockets, with the fast path in front, until it is told to stop.

What is not HTTP at all never gets to the application; it is refused here, in the same form.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any, Final

from aiohttp import hdrs, http_exceptions, web

from turnfleet.api import app, fastpath, observing, problems

KEEP_ALIVE: Final = 75.0
"""Seconds that an idle connection is kept: longer than a reverse proxy's own.

Also what a connection has for its first head, since aiohttp has no setting for that alone.
"""
GRACE: Final = 5.0


class Connection(web.RequestHandler):
    """One connection. aiohttp's own errors repeat what was sent and tell its version; these not."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the answer to what could not be read, or not be handled; it closes."""
        super().handle_error(request, status, exc, message)  # logs; raises if it is too late
        detail = f"{HTTPStatus(status).phrase}."
        if isinstance(exc, http_exceptions.LineTooLong):
            detail = "The URL or a header is too long; 8 kB are enough for each."
        elif isinstance(exc, http_exceptions.HttpProcessingError):
            detail = "This is not well-formed HTTP/1.1."
        answer = problems.response(problems.Problem(status=HTTPStatus(status), detail=detail))
        answer.headers[hdrs.SERVER] = app.SERVER
        answer.force_close()
        return answer


class Runner(web.AppRunner):
    """Runs an endpoint; ``setup`` has to follow before it gets sites."""

    def __init__(self, application: web.Application, *, grace: float = GRACE) -> None:
        """``grace`` is how long requests in progress get to finish at the end, seconds."""
        super().__init__(application, handle_signals=False, shutdown_timeout=grace)
        self._listening: _Listening | None = None

    @property
    def server(self) -> web.Server | None:
        """Return what makes the connections of sites, once set up."""
        return self._listening

    async def setup(self) -> None:
        """Set the application up and put the fast path in front of it."""
        await super().setup()
        server = super().server
        if server is None:
            raise RuntimeError("a runner that is set up has a server")
        server.request_handler = fastpath.Front(
            asked=self.app[app.ENDPOINT], server=app.SERVER, behind=server.request_handler
        )
        self._listening = _Listening(server)


class _Listening(web.Server):
    """Makes connections; ``keeper``, the runner's own server, looks after them and ends them."""

    def __init__(self, keeper: web.Server) -> None:
        super().__init__(keeper.request_handler)
        self._keeper = keeper

    def __call__(self) -> Connection:
        return Connection(
            self._keeper,
            loop=asyncio.get_running_loop(),
            logger=observing.server_log(),
            keepalive_timeout=KEEP_ALIVE,
            auto_decompress=False,  # 60 kB can unpack to 60 MB, and nobody packs a hundred bytes
            **_NO_ACCESS_LOG,
        )


_NO_ACCESS_LOG: Final[dict[str, Any]] = {"access_log": None}
"""What ``AppRunner`` passes too, though the parameter's type has no ``None``."""


@contextlib.asynccontextmanager
async def at(application: web.Application, *, host: str, port: int) -> AsyncIterator[int]:
    """Serve on one address; yield the port, which matters where 0 was asked for.

    Raises OSError when the address or port cannot be had. On the way out it stops listening,
    lets requests in progress finish, and closes the rest.
    """
    running = Runner(application)
    try:
        await running.setup()
        await web.TCPSite(running, host, port).start()
        yield int(running.addresses[0][1])
    finally:
        await running.cleanup()
