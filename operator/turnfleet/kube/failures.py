"""How a request to the API server can fail, as one exception for each way to react.

``of`` reads an answer; nothing here retries.
"""

import json
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

_LONGEST: Final = 500
"""Characters kept of what a server says: some repeat the whole object."""
_PATIENCE: Final = 300.0
"""Most seconds that a server's ``Retry-After`` is followed."""


class Failure(Exception):  # noqa: N818 - a state of the cluster, not a bug
    """A request that did not work. ``sentence`` says why, in the server's words if it had any."""

    def __init__(
        self,
        sentence: str,
        *,
        status: int = 0,
        reason: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.status = status
        """Of HTTP; 0 where no answer came."""
        self.reason = reason
        """The word of the server's Status, such as ``AlreadyExists``."""
        self.retry_after = retry_after
        """Seconds that the server asks to wait."""


class Unavailable(Failure):
    """No answer, a broken one, or 5xx: the same request may work later.

    A write may have been done or not.
    """


class Throttled(Failure):
    """429: later, after ``retry_after``. Also an eviction that a disruption budget forbids now."""


class NotFound(Failure):
    """404: the object, its namespace or its kind is not there."""


class Conflict(Failure):
    """409: the object is another one by now, another manager owns a field, or a precondition."""


class AlreadyExists(Conflict):
    """409 to a create: there is one of that name."""


class Gone(Failure):
    """410: the history asked for is no longer kept; list again."""


class Forbidden(Failure):
    """403: not allowed, or refused by quota, pod security or another admission."""


class Unauthorized(Failure):
    """401: the server does not know who asks; a token expired, or the cluster was replaced."""


class Invalid(Failure):
    """422: the object breaks a rule of its kind."""


class Refused(Failure):
    """Any other 4xx: the request itself is wrong."""


_KINDS: Final[Mapping[int, type[Failure]]] = {
    HTTPStatus.UNAUTHORIZED: Unauthorized,
    HTTPStatus.FORBIDDEN: Forbidden,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.CONFLICT: Conflict,
    HTTPStatus.GONE: Gone,
    HTTPStatus.UNPROCESSABLE_ENTITY: Invalid,
    HTTPStatus.TOO_MANY_REQUESTS: Throttled,
}


def of(what: str, *, status: int, body: bytes, headers: Mapping[str, str]) -> Failure:
    """Return what an answer from 300 on means. Total: proxies answer in any form.

    ``what`` names the request, as in "get Pod media/turn-eu".
    """
    said = _status(body)
    failure = of_status(what, said, code=status)
    if failure.retry_after is None:
        failure.retry_after = _seconds(headers.get("Retry-After"))
    return failure


def of_status(what: str, said: Mapping[str, Any], *, code: int | None = None) -> Failure:
    """Return what a ``Status`` object means, which is also how a watch reports its end."""
    if code is None:
        stated = said.get("code")
        code = stated if isinstance(stated, int) else int(HTTPStatus.INTERNAL_SERVER_ERROR)
    reason, message = (_text(said.get(key)) for key in ("reason", "message"))
    kind = _KINDS.get(code)
    if kind is Conflict and reason == "AlreadyExists":
        kind = AlreadyExists
    if reason == "Expired":
        kind = Gone
    if kind is None:
        kind = Unavailable if code >= HTTPStatus.INTERNAL_SERVER_ERROR else Refused
    details = said.get("details")
    wait = details.get("retryAfterSeconds") if isinstance(details, dict) else None
    return kind(
        f"{what}: {code} {message or reason or 'without a reason'}",
        status=code,
        reason=reason,
        retry_after=_seconds(wait) or None,
    )


def _status(body: bytes) -> Mapping[str, Any]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        said = None
    if isinstance(said, dict) and said.get("kind") == "Status":
        return said
    return {"message": " ".join(body[:_LONGEST].decode("utf-8", "replace").split())}


def _text(value: object) -> str:
    return value[:_LONGEST] if isinstance(value, str) else ""


def _seconds(value: object) -> float | None:
    """Return a wait; ``None`` for a date, which the API server never sends."""
    if not isinstance(value, str | int | float):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), _PATIENCE) if math.isfinite(seconds) else None
