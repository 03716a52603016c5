"""What a caller is told when there is no answer: RFC 9457 problem documents, one sentence each.

A ``Problem`` is a value until ``response`` turns it into HTTP at the edge. Sentences say what to
do, and never repeat a credential or a user name.
"""

import json
import logging
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from aiohttp import hdrs, typedefs, web

CONTENT_TYPE: Final = "application/problem+json"

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a request gets no answer."""

    status: HTTPStatus
    detail: str
    """A sentence that a person can act on."""
    field: str | None = None
    """The field of the request that is wrong."""
    residency: str | None = None
    """The residency group that has nothing to offer."""
    retry_after: int | None = None
    """Seconds until asking again may help."""


def invalid(field: str, detail: str) -> Problem:
    """Return the problem of one wrong field."""
    return Problem(status=HTTPStatus.BAD_REQUEST, detail=detail, field=field)


def response(problem: Problem) -> web.Response:
    """Return the HTTP form of a problem."""
    document: dict[str, str | int] = {
        "type": "about:blank",
        "title": problem.status.phrase,
        "status": problem.status.value,
        "detail": problem.detail,
    }
    if problem.field is not None:
        document["field"] = problem.field
    if problem.residency is not None:
        document["residency"] = problem.residency
    answer = web.Response(
        status=problem.status,
        body=json.dumps(document).encode(),
        content_type=CONTENT_TYPE,
        headers={hdrs.CACHE_CONTROL: "no-store"},
    )
    if problem.retry_after is not None:
        answer.headers[hdrs.RETRY_AFTER] = str(problem.retry_after)
    if problem.status is HTTPStatus.UNAUTHORIZED:
        answer.headers[hdrs.WWW_AUTHENTICATE] = 'Bearer realm="turnfleet"'
    return answer


_ROUTING = {
    HTTPStatus.NOT_FOUND: "There is nothing here; /openapi.json lists what there is.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This path does not take that method; see the Allow header.",
}


@web.middleware
async def middleware(request: web.Request, handler: typedefs.Handler) -> web.StreamResponse:
    """Give every error a problem document, those of the router and those nobody expected too."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        status = HTTPStatus(error.status)
        detail = _ROUTING.get(status, f"{status.phrase}.")
        answer = response(Problem(status=status, detail=detail))
        if hdrs.ALLOW in error.headers:
            answer.headers[hdrs.ALLOW] = error.headers[hdrs.ALLOW]
        return answer
    except ConnectionError:
        # Anybody can hang up. Ours broke, if the client is still there.
        gone = request.transport is None
        return response(disconnected() if gone else unexpected(request))
    except Exception:  # noqa: BLE001 - the edge: whatever it was, the caller gets a document
        return response(unexpected(request))


def disconnected() -> Problem:
    """Log that a client went away, and return what goes nowhere but into the metrics."""
    _LOG.debug("the client hung up before its request was whole")
    return Problem(status=HTTPStatus.BAD_REQUEST, detail="The request ended early.")


def unexpected(request: web.BaseRequest) -> Problem:
    """Log the exception being handled, and return what its victim is told."""
    # The traceback has frames and sentences, never a request's content.
    _LOG.exception("request failed: %s %s", request.method, request.path[:80])
    return Problem(
        status=HTTPStatus.INTERNAL_SERVER_ERROR,
        detail="The endpoint failed; its log says how. Asking again may work.",
    )
