"""The short way for most requests for servers: past aiohttp's router, middlewares and responses.

An answer costs about 15 us to decide and sign; the generic way around it costs twice that. This
takes a request when it is as plain as nearly all are (HTTP/1.1, kept alive, body already here) and
leaves every other to the generic way: a decision that is made before anything is read or written.
What it writes is the same, byte for byte, as ``endpoint`` writes; a test compares the two.

What it relies on in aiohttp, all of it public:

* ``AppRunner.server.request_handler`` is what the server calls for each request, and may be set
  before the first connection;
* of what a handler returns, the server uses ``prepare``, ``write_eof`` and ``keep_alive``;
* ``AbstractStreamWriter.write`` sends bytes as they are while no headers were given to it, and
  raises ConnectionError on a closed connection;
* ``StreamReader.is_eof`` tells that a body is here as a whole, ``read_nowait`` takes it.
"""

import email.utils
import functools
from collections.abc import Awaitable, Callable

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.abc import AbstractStreamWriter

from turnfleet import names
from turnfleet.api import answers, cors, endpoint, problems, requests

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

_QUERY = f"{endpoint.PATH}?"


class Front:
    """Handles plain requests for servers itself, and hands all others to ``behind``."""

    def __init__(self, *, asked: endpoint.Endpoint, server: str, behind: Handler) -> None:
        """``server`` is what answers say in their Server header."""
        self._endpoint = asked
        self._behind = behind
        self._server = server.encode()
        self._shared = functools.lru_cache(maxsize=256)(_shared)
        self._date = (0, b"")

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Handle one request."""
        return self._answer(request) if _plain(request) else await self._behind(request)

    def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        asked = self._endpoint
        started = asked.timer()
        try:
            body = request.content.read_nowait()
            if len(body) > asked.body_limit:
                return self._refused(request, requests.too_large(asked.body_limit))
            outcome = asked.decide(request, body)
            if isinstance(outcome, problems.Problem):
                return self._refused(request, outcome)
            written = Written(self._bytes(request, outcome))
        except Exception:  # noqa: BLE001 - as the generic way does at its edge
            return problems.unexpected(request)
        asked.desk.tally.took(asked.timer() - started)
        return written

    def _refused(self, request: web.BaseRequest, problem: problems.Problem) -> web.Response:
        response = self._endpoint.written(request, problem)
        response.headers[hdrs.SERVER] = self._server.decode()
        return response

    def _bytes(self, request: web.BaseRequest, answer: answers.Answer) -> bytes:
        """Return the status line, the headers in the generic way's order, and the body."""
        origin = request.headers.get(hdrs.ORIGIN)
        shared = self._shared(origin, origin is not None and self._endpoint.may_read(request))
        second, date = self._date
        if second != answer.now:
            date = email.utils.formatdate(answer.now, usegmt=True).encode()
            self._date = (answer.now, date)
        return (
            b"HTTP/1.1 200 OK\r\n"
            b"Content-Type: application/json\r\n"
            b"Cache-Control: no-store\r\n"
            b"%b: %b\r\n"
            b"%b: %d\r\n"
            b"%b"
            b"Server: %b\r\n"
            b"Content-Length: %d\r\n"
            b"Date: %b\r\n\r\n"
            b"%b"
        ) % (
            _RID,
            answer.rid.encode(),
            _EXPIRES,
            answer.expires,
            shared,
            self._server,
            len(answer.body),
            date,
            answer.body,
        )


class Written(web.StreamResponse):
    """An answer that is bytes already, headers included."""

    def __init__(self, whole: bytes) -> None:
        super().__init__()
        self._whole = whole

    @property
    def keep_alive(self) -> bool:
        """Keep the connection: only kept-alive requests come here."""
        return True

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Write everything at once."""
        await request.writer.write(self._whole)
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Write no more."""


_METHODS = frozenset({hdrs.METH_GET, hdrs.METH_POST})
_RID = names.HEADER_RID.encode()
_EXPIRES = names.HEADER_EXPIRES.encode()


def _plain(request: web.BaseRequest) -> bool:
    target, method = request.raw_path, request.method
    return (
        (target == endpoint.PATH or target.startswith(_QUERY))
        and method in _METHODS
        and request.version == HttpVersion11
        and request.keep_alive
        and request.content.is_eof()
        and hdrs.EXPECT not in request.headers
        and hdrs.UPGRADE not in request.headers
    )


def _shared(origin: str | None, allowed: bool) -> bytes:  # noqa: FBT001 - cached by position
    headers = cors.headers(origin, allowed=allowed)
    return b"".join(f"{name}: {value}\r\n".encode() for name, value in headers)
