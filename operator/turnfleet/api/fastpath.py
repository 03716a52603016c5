"""The short way for most requests for servers: past aiohttp's router, middlewares and responses.

An answer costs about 15 us to decide and sign; the generic way around it costs twice that. This
takes a request when it is as plain as nearly all are (HTTP/1.1, kept alive, body already here) and
leaves every other to the generic way: a decision that is made before anything is read or written.
What it writes is the same, byte for byte, as ``endpoint`` writes; a test compares the two.

What it relies on in aiohttp, all of it public:

* ``Server.request_handler`` is what the server calls for each request, and may be set before the
  first connection;
* of what a handler returns, the server uses ``prepare``, ``write_eof`` and ``keep_alive``, as long
  as it writes no access log;
* ``AbstractStreamWriter.write`` sends bytes as they are while no headers were given to it, and
  raises ConnectionError on a closed connection; ``drain`` waits while the client reads nothing;
* ``StreamReader.is_eof`` tells that a body is here as a whole, ``read_nowait`` takes it.
"""

import email.utils
from collections.abc import Awaitable, Callable
from typing import Final, cast

from aiohttp import HttpVersion11, hdrs, web

from turnfleet import names
from turnfleet.api import answers, cors, endpoint, problems, written

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

_QUERY = f"{endpoint.PATH}?"


class Front:
    """Handles plain requests for servers itself, and hands all others to ``behind``."""

    def __init__(self, *, asked: endpoint.Endpoint, server: str, behind: Handler) -> None:
        """``server`` is what answers say in their Server header."""
        self._endpoint = asked
        self._behind = behind
        self._server = server
        self._second = 0
        self._common: dict[tuple[str | None, str | None], bytes] = {}

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Handle one request."""
        return self._answer(request) if _plain(request) else await self._behind(request)

    def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        asked = self._endpoint
        started = asked.timer()
        body = request.content.read_nowait()
        if len(body) > asked.body_limit:
            return self._refused(request, written.too_large(asked.body_limit))
        outcome = asked.decide(request, body)
        if isinstance(outcome, problems.Problem):
            return self._refused(request, outcome)
        response = cast("web.StreamResponse", Written(self._bytes(request, outcome)))
        asked.desk.tally.took(asked.timer() - started)
        return response

    def _refused(self, request: web.BaseRequest, problem: problems.Problem) -> web.Response:
        response = self._endpoint.written(request, problem)
        response.headers[hdrs.SERVER] = self._server
        return response

    def _bytes(self, request: web.BaseRequest, answer: answers.Answer) -> bytes:
        """Return the status line, the headers in the generic way's order, and the body."""
        if answer.now != self._second or len(self._common) >= _COMMON:
            self._second = answer.now
            self._common.clear()
        headers = request.headers
        whose = (headers.get(hdrs.ORIGIN), headers.get(hdrs.HOST))
        common = self._common.get(whose)
        if common is None:
            common = self._common[whose] = self._written_once(request, answer.now)
        body = answer.body
        return b"".join(
            (
                _RID,
                answer.rid.encode(),
                _EXPIRES,
                b"%d" % answer.expires,
                common,
                b"%d\r\n\r\n" % len(body),
                body,
            )
        )

    def _written_once(self, request: web.BaseRequest, now: int) -> bytes:
        """Return the headers that a page's answers have in common for a second."""
        origin = request.headers.get(hdrs.ORIGIN)
        headers = (
            (hdrs.DATE, email.utils.formatdate(now, usegmt=True)),
            *cors.headers(origin, allowed=self._endpoint.may_read(request)),
            (hdrs.SERVER, self._server),
        )
        lines = "".join(f"\r\n{name}: {value}" for name, value in headers)
        return f"{lines}\r\n{hdrs.CONTENT_LENGTH}: ".encode()


class Written:
    """An answer that is bytes already, headers included: as much of a response as is used.

    Not a StreamResponse, whose making costs more than all that this does.
    """

    __slots__ = ("_whole",)

    keep_alive = True
    """Only requests that want it come here."""

    def __init__(self, whole: bytes) -> None:
        self._whole = whole

    async def prepare(self, request: web.BaseRequest) -> None:
        """Write everything at once, and wait while a client does not read what it asked for."""
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError
        transport.write(self._whole)
        await request.writer.drain()

    async def write_eof(self) -> None:
        """Write no more."""


_COMMON: Final = 256
"""Pages and names of this endpoint whose headers are kept: strangers can make up any number."""
_METHODS = frozenset({hdrs.METH_GET, hdrs.METH_POST})
_RID = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: no-store\r\n"
    b"%b: " % names.HEADER_RID.encode()
)
_EXPIRES = b"\r\n%b: " % names.HEADER_EXPIRES.encode()


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
