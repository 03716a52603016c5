"""The agent's four pages. /healthz and /readyz are open; the others need the agent key.

Serves what it is given and decides nothing about the relay.
"""

import asyncio
import hmac
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import http_exceptions, web

from turnrelay import contract, status

_LOG: Final = logging.getLogger(__name__)
_BODY_MAX: Final = 1024
_BIND_AGAIN: Final = 1.0
_CONNECTIONS_MAX: Final = 100
"""More than ask at once. Whoever reaches the port could open more and say nothing, until the agent
has no descriptor left to look after coturn with; the oldest make way."""
_IDLE_MAX: Final = 60.0
"""Seconds; also what a connection has for its first request."""
_NO_STORE: Final = {"Cache-Control": "no-store"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def create(
    *, current: Callable[[], status.Status], key: Callable[[], str | None]
) -> web.Application:
    """Return the application. ``key`` gives the agent key in force; without one nobody enters."""

    async def healthz(_request: web.Request) -> web.StreamResponse:
        return _json({"status": "ok"}, code=200)

    async def readyz(_request: web.Request) -> web.StreamResponse:
        verdict = current().standing.verdict
        # No sentence: it may quote coturn's last words, and with them addresses of clients.
        body = {
            "ready": verdict.ready,
            "state": verdict.state.value,
            "reason": verdict.reason.value,
        }
        return _json(body, code=200 if verdict.ready else 503)

    async def show_status(_request: web.Request) -> web.StreamResponse:
        return _json(status.document(current()), code=200)

    async def show_metrics(_request: web.Request) -> web.StreamResponse:
        return web.Response(
            body=status.metrics(current()),
            headers={"Content-Type": status.METRICS_TYPE, **_NO_STORE},
        )

    def guarded(handler: Handler) -> Handler:
        async def guard(request: web.Request) -> web.StreamResponse:
            if not _admits(request.headers.get("Authorization", ""), key()):
                return _unauthorized()
            return await handler(request)

        return guard

    application = web.Application(client_max_size=_BODY_MAX)
    application.router.add_get(contract.PATH_HEALTHZ, healthz)
    application.router.add_get(contract.PATH_READYZ, readyz)
    application.router.add_get(contract.PATH_STATUS, guarded(show_status))
    application.router.add_get(contract.PATH_METRICS, guarded(show_metrics))
    return application


async def serve(application: web.Application, *, address: str, port: int) -> None:
    """Serve until cancelled; a port that is taken is tried again."""
    runner = web.AppRunner(
        application,
        access_log=None,
        logger=_requests_log(),
        shutdown_timeout=1,
        keepalive_timeout=_IDLE_MAX,
    )
    await runner.setup()
    try:
        listening = await _bound(runner, address, port)
        try:
            await asyncio.Event().wait()
        finally:
            listening.close()  # not waited for: that lasts until the last client leaves
    finally:
        await runner.cleanup()


async def _bound(runner: web.AppRunner, address: str, port: int) -> asyncio.Server:
    said = False
    while True:
        try:
            return await asyncio.get_running_loop().create_server(
                lambda: _connection(runner), address, port
            )
        except OSError as error:
            if not said:
                _LOG.warning(
                    "status cannot be served at %s port %d: %s", address, port, error.strerror
                )
            said = True
            await asyncio.sleep(_BIND_AGAIN)


def _connection(runner: web.AppRunner) -> asyncio.Protocol:
    server = runner.server
    if server is None:
        raise RuntimeError("a runner that is set up has a server")
    for oldest in server.connections[:-_CONNECTIONS_MAX]:
        oldest.force_close()
    return server()


def _requests_log() -> logging.Logger:
    log = _LOG.getChild("requests")
    if _well_formed not in log.filters:
        log.addFilter(_well_formed)
    return log


def _well_formed(record: logging.LogRecord) -> bool:
    # Anybody can send what is no HTTP, as often as he likes, and aiohttp would log a traceback with
    # the bytes at fault: an agent key, perhaps.
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, http_exceptions.HttpProcessingError)


def _admits(header: str, key: str | None) -> bool:
    scheme, _, token = header.partition(" ")
    if key is None or scheme.lower() != "bearer":
        return False
    given = token.strip().encode("utf-8", "surrogateescape")
    return hmac.compare_digest(given, key.encode())


def _json(body: object, *, code: int) -> web.Response:
    return web.json_response(body, status=code, headers=_NO_STORE)


def _unauthorized() -> web.Response:
    return web.json_response(
        {
            "title": "Unauthorized",
            "status": 401,
            "detail": "This page needs the agent key as a bearer token.",
        },
        status=401,
        headers={**_NO_STORE, "WWW-Authenticate": "Bearer"},
        content_type="application/problem+json",
    )
