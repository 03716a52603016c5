"""HTTP's side of ``answers``: who sent a request, may they, what does it say, what goes back.

The generic way, through aiohttp's router and responses. ``fastpath`` takes the common requests
before they get here, and must give the same answers.
"""

import asyncio
import json
from http import HTTPStatus
from typing import Final

from aiohttp import hdrs, web

from turnfleet import names
from turnfleet.api import access, answers, clients, cors, limits, options, problems, requests

PATH: Final = "/api/get-ice-servers"
CONTENT_TYPE: Final = "application/json"
SERVER: Final = "turnfleet"
"""Without versions: those of what it runs on are nobody's business."""
BODY_TIMEOUT: Final = 10.0
"""Seconds that a client may take to send its hundred bytes."""


class Endpoint:
    """The handlers of everything that is asked about one client."""

    def __init__(
        self,
        *,
        desk: answers.Answers,
        gate: access.Gate,
        observer: clients.Observer,
        limiter: limits.Limiter,
        opts: options.Options,
    ) -> None:
        self.desk = desk
        self.gate = gate
        self._observer = observer
        self._limiter = limiter
        self._body_limit = opts.body_limit

    async def servers(self, request: web.Request) -> web.Response:
        """Answer GET and POST of ``PATH``."""
        query = await self._query(request)
        if isinstance(query, problems.Problem):
            self.desk.tally.refuse(query)
            return problems.response(query)
        answer = self.desk.answer(query)
        return (
            problems.response(answer) if isinstance(answer, problems.Problem) else written(answer)
        )

    async def explain(self, request: web.Request) -> web.Response:
        """Answer GET of the debug view: how an answer would come about, without credentials."""
        query = await self._query(request)
        if isinstance(query, problems.Problem):
            return problems.response(query)
        if query.standing is access.Standing.ANONYMOUS:
            return problems.response(
                problems.Problem(
                    status=HTTPStatus.UNAUTHORIZED,
                    detail="The inside of the fleet takes an API key: Authorization: Bearer KEY.",
                )
            )
        explained = self.desk.explain(query)
        if isinstance(explained, problems.Problem):
            return problems.response(explained)
        return web.Response(
            body=json.dumps(explained).encode(),
            content_type=CONTENT_TYPE,
            headers={hdrs.CACHE_CONTROL: "no-store"},
        )

    async def preflight(self, request: web.Request) -> web.Response:
        """Answer OPTIONS of ``PATH``."""
        origin = request.headers.get(hdrs.ORIGIN)
        return cors.preflight(origin, allowed=self._readable(request, origin))

    async def share(self, request: web.Request, answer: web.StreamResponse) -> None:
        """Say on an answer which page may read it (a signal of ``on_response_prepare``)."""
        answer.headers[hdrs.SERVER] = SERVER
        if request.path.startswith("/api/") and request.method != hdrs.METH_OPTIONS:
            origin = request.headers.get(hdrs.ORIGIN)
            answer.headers.extend(cors.headers(origin, allowed=self._readable(request, origin)))

    def admit(self, request: web.Request) -> access.Standing | problems.Problem:
        """Return what the sender of a request counts as, or why it gets nothing."""
        return self.gate.admit(caller(request))

    async def _query(self, request: web.Request) -> answers.Query | problems.Problem:
        standing = self.admit(request)
        if isinstance(standing, problems.Problem):
            return standing
        peer = request.remote or ""
        address = self._observer.address(peer, clients.forwarded(request.headers))
        if standing is access.Standing.ANONYMOUS:
            wait = self._limiter.wait(address)
            if wait:
                return limits.exceeded(wait)
        asked = await self._asked(request)
        if isinstance(asked, problems.Problem):
            return asked
        return answers.Query(
            asked=asked,
            standing=standing,
            address=address,
            header_place=self._observer.place(peer, request.headers),
        )

    async def _asked(self, request: web.Request) -> requests.Asked | problems.Problem:
        if request.method != hdrs.METH_POST:
            return requests.from_query(request.query)
        try:
            async with asyncio.timeout(BODY_TIMEOUT):
                body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return requests.too_large(self._body_limit)
        except TimeoutError:
            return problems.Problem(
                status=HTTPStatus.REQUEST_TIMEOUT,
                detail=f"The body did not arrive within {BODY_TIMEOUT:.0f} s.",
            )
        if body:
            refused = requests.check_content_type(request.headers.get(hdrs.CONTENT_TYPE, ""))
            if refused is not None:
                return refused
        return requests.from_body(body, request.query)

    def _readable(self, request: web.Request, origin: str | None) -> bool:
        return origin is not None and self.gate.allows_origin(
            origin, request.headers.get(hdrs.HOST)
        )


def caller(request: web.BaseRequest) -> access.Caller:
    """Return the headers that access depends on."""
    headers = request.headers
    return access.Caller(
        host=headers.get(hdrs.HOST),
        origin=headers.get(hdrs.ORIGIN),
        authorization=headers.get(hdrs.AUTHORIZATION),
    )


def written(answer: answers.Answer) -> web.Response:
    """Return the HTTP form of an answer."""
    return web.Response(
        body=answer.body,
        headers={
            hdrs.CONTENT_TYPE: CONTENT_TYPE,
            hdrs.CACHE_CONTROL: "no-store",
            names.HEADER_RID: answer.rid,
            names.HEADER_EXPIRES: str(answer.expires),
        },
    )
