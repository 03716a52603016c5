"""What browsers are told about reading answers from pages of another origin.

Whether an origin may ask is ``access``'s decision; this only writes it down. No credentials mode:
nothing here depends on cookies.
"""

from collections.abc import Sequence
from typing import Final

from aiohttp import hdrs, web

from turnfleet import names

EXPOSED: Final = f"{names.HEADER_RID}, {names.HEADER_EXPIRES}, Retry-After"
_HEADERS: Final = "Authorization, Content-Type"
_MAX_AGE: Final = "7200"
"""Seconds a browser may remember a preflight: Chromium caps it at this."""


def headers(origin: str | None, *, allowed: bool) -> tuple[tuple[str, str], ...]:
    """Return what an answer says to a page; ``Vary`` is there either way, for caches between."""
    vary = (hdrs.VARY, "Origin")
    if origin is None or not allowed:
        return (vary,)
    return (
        (hdrs.ACCESS_CONTROL_ALLOW_ORIGIN, origin),
        (hdrs.ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED),
        vary,
    )


def share(answer: web.StreamResponse, origin: str | None, *, allowed: bool) -> None:
    """Say on an answer which page may read it."""
    for name, value in headers(origin, allowed=allowed):
        answer.headers[name] = value


def preflight(origin: str | None, *, allowed: bool, methods: Sequence[str]) -> web.Response:
    """Return the answer to OPTIONS. To an origin that is not allowed it grants nothing.

    ``methods`` are those of the path, beside OPTIONS and HEAD.
    """
    router = {*methods, hdrs.METH_OPTIONS, *([hdrs.METH_HEAD] if "GET" in methods else [])}
    answer = web.Response(status=204, headers={hdrs.ALLOW: ", ".join(sorted(router))})
    share(answer, origin, allowed=allowed)
    if origin is not None and allowed:
        answer.headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = ", ".join((*methods, hdrs.METH_OPTIONS))
        answer.headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = _HEADERS
        answer.headers[hdrs.ACCESS_CONTROL_MAX_AGE] = _MAX_AGE
    return answer
