"""``POST /api/ice-report``: takes what clients say of their answers, and hands on what counts.

A browser's beacon can set no header, so there is no API key: the token of the answer is all that
admits a report. It is signed by the fleet, an hour old at most, and counts once. The page that
sends it may be anybody's, but only pages of the endpoint's origins may read what comes back.

Nothing of a body is logged or kept here. A report that was sent twice is taken as a success and not
counted again: its sender has nothing to mend, and a beacon may well be sent twice. Replicas do not
tell each other which tokens were used, so each of them counts a token once; what is learned from it
is one fact wherever it was taken (``learn.facts``).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final, Protocol

from aiohttp import hdrs, web

from turnfleet.api import board, bodies, clients, cors, heard, limits, offered, problems, whose
from turnfleet.ice import rid
from turnfleet.learn import convert, report, spent, starting

PATH: Final = "/api/ice-report"
KINDS: Final = ("text/plain", "application/json")
"""What a body may call itself: a beacon is text, or the browser would ask the endpoint first."""
LIFE: Final = rid.LIFE + 2 * rid.SKEW
"""Seconds that a token can be sent after it was first sent: its life, and two clocks' skew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A report that counts."""

    told: report.Report
    token: rid.Rid
    """Its source is the client's, or that of the report where the answer's client had none."""
    times: tuple[report.Time, ...]
    """Those it tells, without what the browser waited before it asked."""
    routes: Mapping[str, convert.Route]
    """The URLs that were offered and still lead to a relay, the primary's first."""


class Sink(Protocol):
    """Takes reports that count, each once."""

    def take(self, accepted: Accepted, /, *, now: float) -> None:
        """Take one. ``now`` in Unix seconds. Must not raise, nor wait."""


class Desk:
    """Reads, verifies and counts reports."""

    def __init__(
        self,
        *,
        signer: Callable[[], rid.Signer],
        whose: whose.Whose,
        current: board.Board,
        observer: clients.Observer,
        limiter: limits.Limiter | None,
        may_read: Callable[[web.BaseRequest], bool],
        clock: Callable[[], float],
        sinks: Sequence[Sink],
    ) -> None:
        """``signer`` gives that of the fleet's key as it is now; ``may_read`` as ``Endpoint``'s."""
        self.heard = heard.Heard()
        self._signer = signer
        self._board = current
        self._observer = observer
        self._limiter = limiter
        self._may_read = may_read
        self._clock = clock
        self._sinks = sinks
        self._whose = whose
        self._spent = spent.Spent(life=LIFE)
        self._routes = offered.Routes()

    async def reports(self, request: web.Request) -> web.Response:
        """Answer POST of ``PATH``."""
        refusal = await self._refusal(request)
        if refusal is not None:
            why, problem = refusal
            self.heard.refuse(why)
            return problems.response(problem)
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def preflight(self, request: web.Request) -> web.Response:
        """Answer OPTIONS of ``PATH``: only JSON needs it, text does not."""
        origin = request.headers.get(hdrs.ORIGIN)
        return cors.preflight(origin, allowed=self._may_read(request), methods=(hdrs.METH_POST,))

    async def _refusal(self, request: web.Request) -> tuple[heard.Why, problems.Problem] | None:
        address, _ = self._observer.client(request.remote or "", request.headers)
        if self._limiter is not None and (wait := self._limiter.wait(address)):
            return heard.Why.TOO_MANY, _too_many(wait)
        if (
            request.headers.get(hdrs.CONTENT_TYPE, "").partition(";")[0].strip().lower()
            not in KINDS
        ):
            return heard.Why.UNREADABLE, _UNKNOWN_KIND
        body = await bodies.read(request, limit=report.SIZE_MAX, too_large=_too_large)
        if isinstance(body, problems.Problem):
            large = body.status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            return heard.Why.TOO_LARGE if large else heard.Why.UNREADABLE, body
        return self.take(body, address)

    def take(self, body: bytes, address: str) -> tuple[heard.Why, problems.Problem] | None:
        """Take a body of a client at an address; return why it counts for nothing, if so."""
        told = report.parse(body)
        if isinstance(told, report.Unread):
            return heard.Why.UNREADABLE, _bad(told.detail)
        now = self._clock()
        token = self._signer().verify(told.rid, now=now)
        if isinstance(token, rid.Flaw):
            return _FLAWS[token]
        if not self._spent.spend(_once(token), now=now):
            self.heard.refuse(heard.Why.REPLAYED)
            return None
        routes = self._routes.of(token, self._board.fleet)
        self.heard.accept(told, routes)
        if token.source == whose.NOBODY:
            # A back end asked for a client that it did not tell the address of; here it is.
            token = replace(token, source=self._whose.of(address))
        times = starting.asked_at_once(told)
        accepted = Accepted(told=told, token=token, times=times, routes=routes)
        for sink in self._sinks:
            sink.take(accepted, now=now)
        return None


def _once(token: rid.Rid) -> bytes:
    """Return what is a token's own."""
    return token.time.to_bytes(4, "big") + token.nonce + token.source


def _bad(detail: str) -> problems.Problem:
    return problems.Problem(status=HTTPStatus.BAD_REQUEST, detail=detail)


def _refused(detail: str) -> problems.Problem:
    return problems.Problem(status=HTTPStatus.UNAUTHORIZED, detail=detail, field="rid")


def _too_large(limit: int) -> problems.Problem:
    return problems.Problem(
        status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        detail=f"A report is at most {limit} bytes; leave out what says least.",
    )


def _too_many(wait: int) -> problems.Problem:
    return problems.Problem(
        status=HTTPStatus.TOO_MANY_REQUESTS,
        detail="Too many reports of one network; an answer takes one, when its end is known.",
        retry_after=wait,
    )


_UNKNOWN_KIND: Final = problems.Problem(
    status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    detail=f"A report is JSON, sent as Content-Type: {' or '.join(KINDS)}.",
)
_FLAWS: Final[Mapping[rid.Flaw, tuple[heard.Why, problems.Problem]]] = {
    rid.Flaw.MALFORMED: (
        heard.Why.FORGED,
        _refused("This rid is no token; send what came as X-Turnfleet-Rid, unchanged."),
    ),
    rid.Flaw.FORGED: (
        heard.Why.FORGED,
        _refused("This rid was not signed by this fleet; send it as it came, to the same fleet."),
    ),
    rid.Flaw.EXPIRED: (
        heard.Why.EXPIRED,
        _refused("This rid is over an hour old; a report belongs to an answer of the last hour."),
    ),
    rid.Flaw.FUTURE: (
        heard.Why.FORGED,
        _refused("This rid is from the future: the clocks of two endpoints disagree."),
    ),
    rid.Flaw.UNTIMELY: (
        heard.Why.UNTIMELY,
        problems.Problem(
            status=HTTPStatus.SERVICE_UNAVAILABLE,
            detail="This endpoint's clock is before 1970 or after 2106, so it cannot tell how old "
            "a rid is. Whoever runs it has to set it.",
        ),
    ),
}
