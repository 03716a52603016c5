"""HTTP's side of ``answers``: who sent a request, may they, what does it say, what goes back.

The generic way, through aiohttp's router and responses. ``fastpath`` takes most requests before
they get here; it shares ``decide`` and ``written``, and so gives the same answers.
"""

import email.utils
import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from aiohttp import hdrs, web

from turnfleet import names
from turnfleet.api import (
    access,
    answers,
    arrivals,
    bodies,
    clients,
    cors,
    limits,
    options,
    placing,
    problems,
    requests,
    written,
)

PATH: Final = "/api/get-ice-servers"
CONTENT_TYPE: Final = "application/json"

_KEYED: Final = access.Standing.KEYED  # 8 times as fast as to look it up (Python 3.11)


class Endpoint:
    """The handlers of everything that is asked about one client."""

    def __init__(
        self,
        *,
        desk: answers.Answers,
        gate: access.Gate,
        observer: clients.Observer,
        limiter: limits.Limiter | None,
        came: arrivals.Arrivals | None,
        opts: options.Options,
        timer: Callable[[], float],
    ) -> None:
        self.desk = desk
        self.gate = gate
        self.timer = timer
        self.body_limit = opts.body_limit
        self.observer = observer
        self._limiter = limiter
        self._came = came

    async def servers(self, request: web.Request) -> web.Response:
        """Answer GET and POST of ``PATH``."""
        started = self.timer()
        body = await bodies.read(request, limit=self.body_limit, too_large=written.too_large)
        outcome = body if isinstance(body, problems.Problem) else self.decide(request, body)
        answer = self.written(request, outcome)
        if isinstance(outcome, answers.Answer):
            self.desk.tally.took(self.timer() - started)
        return answer

    async def explain(self, request: web.Request) -> web.Response:
        """Answer GET of the debug view: how an answer would come about, without credentials."""
        outcome = self._explained(request)
        if isinstance(outcome, problems.Problem):
            return problems.response(outcome)
        return web.Response(
            body=json.dumps(outcome).encode(),
            content_type=CONTENT_TYPE,
            headers={hdrs.CACHE_CONTROL: "no-store"},
        )

    async def preflight(self, request: web.Request) -> web.Response:
        """Answer OPTIONS of ``PATH``."""
        origin = request.headers.get(hdrs.ORIGIN)
        methods = (hdrs.METH_GET, hdrs.METH_POST)
        return cors.preflight(origin, allowed=self.may_read(request), methods=methods)

    def admit(self, request: web.BaseRequest) -> access.Standing | problems.Problem:
        """Return what the sender of a request counts as, or why it gets nothing."""
        headers = request.headers
        return self.gate.admit(
            host=headers.get(hdrs.HOST),
            origin=headers.get(hdrs.ORIGIN),
            authorization=headers.get(hdrs.AUTHORIZATION),
        )

    def may_read(self, request: web.BaseRequest) -> bool:
        """Say whether the page that sent a request may read the answer."""
        headers = request.headers
        origin = headers.get(hdrs.ORIGIN)
        return origin is not None and self.gate.allows_origin(origin, headers.get(hdrs.HOST))

    def decide(self, request: web.BaseRequest, body: bytes) -> answers.Answer | problems.Problem:
        """Return what a request for servers gets; its body has been read."""
        try:
            query = self._query(request, body)
            return query if isinstance(query, problems.Problem) else self.desk.answer(query)
        except Exception:  # noqa: BLE001 - the edge of both ways: the caller gets a document
            return problems.unexpected(request)

    def written(
        self, request: web.BaseRequest, outcome: answers.Answer | problems.Problem
    ) -> web.Response:
        """Return the HTTP form of an outcome, complete with what it tells browsers."""
        if isinstance(outcome, problems.Problem):
            self.desk.tally.refuse(outcome)
            answer = problems.response(outcome)
        else:
            answer = web.Response(
                body=outcome.body,
                headers={
                    hdrs.CONTENT_TYPE: CONTENT_TYPE,
                    hdrs.CACHE_CONTROL: "no-store",
                    names.HEADER_RID: outcome.rid,
                    names.HEADER_EXPIRES: str(outcome.expires),
                    hdrs.DATE: email.utils.formatdate(outcome.now, usegmt=True),
                },
            )
        cors.share(answer, request.headers.get(hdrs.ORIGIN), allowed=self.may_read(request))
        return answer

    def _explained(self, request: web.Request) -> dict[str, object] | problems.Problem:
        query = self._query(request, b"")
        if isinstance(query, problems.Problem):
            return query
        if query.standing is access.Standing.ANONYMOUS:
            return problems.Problem(
                status=HTTPStatus.UNAUTHORIZED,
                detail="The inside of the fleet takes an API key: Authorization: Bearer KEY.",
            )
        return self.desk.explain(query)

    def _query(self, request: web.BaseRequest, body: bytes) -> placing.Query | problems.Problem:
        standing = self.admit(request)
        if isinstance(standing, problems.Problem):
            return standing
        address, header_place = self.observer.client(request.remote or "", request.headers)
        if standing is not _KEYED:
            if self._came is not None:
                self._came.note(address)
            if self._limiter is not None and (wait := self._limiter.wait(address)):
                return limits.exceeded(wait)
        if body:
            refused = written.check_content_type(request.headers.get(hdrs.CONTENT_TYPE, ""))
            if refused is not None:
                return refused
        # Taking a URL apart is a good part of an answer's cost, and most have no query.
        query = request.rel_url.raw_query_string if "?" in request.raw_path else ""
        asked = requests.read(query, body)
        if isinstance(asked, problems.Problem):
            return asked
        return placing.Query(asked, standing, address, header_place)
