"""A request as it is written: the query of a GET and the JSON of a POST, as one set of fields.

``fields`` is total: values of JSON's types by name, or a ``Problem``. Which values a field takes,
and what they ask for, ``requests`` decides.
"""

import json
import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final, NoReturn
from urllib import parse

from turnfleet.api import problems

CONTENT_TYPE: Final = "application/json"

FIELDS: Final = frozenset(
    {
        "region", "residency", "connectionType", "ttl", "profile", "user", "clientIp", "country",
        "latitude", "longitude", "format",
    }
)  # fmt: skip
"""Every name that means something."""

_DEGREES = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]{0,400})?([eE][+-]?[0-9]{1,4})?")
_NUMBERS: Final[Mapping[str, tuple[re.Pattern[str], Callable[[str], float]]]] = {
    "ttl": (re.compile(r"[+-]?[0-9]{1,400}"), int),
    "latitude": (_DEGREES, float),
    "longitude": (_DEGREES, float),
}


def check_content_type(value: str) -> problems.Problem | None:
    """Refuse a body that does not call itself JSON.

    Also what keeps other sites' forms out: a page may send text/plain anywhere without asking.
    """
    if value == CONTENT_TYPE or value.partition(";")[0].strip().lower() == CONTENT_TYPE:
        return None
    return problems.Problem(
        status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        detail=f"The body must be JSON, sent as Content-Type: {CONTENT_TYPE}.",
    )


def too_large(limit: int) -> problems.Problem:
    """Return the problem of a body over ``limit`` bytes."""
    return problems.Problem(
        status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        detail=f"The body is over {limit} bytes; a request for servers needs a hundred.",
    )


def fields(query: str, body: bytes) -> dict[str, object] | problems.Problem:
    """Return what a query (still encoded) and a JSON body, empty if there is none, say."""
    beside = _of_query(query) if query else {}
    if isinstance(beside, problems.Problem) or not body:
        return beside
    try:
        document: object = _DECODER.decode(body.decode())
    except (ValueError, RecursionError):
        return problems.Problem(
            status=HTTPStatus.BAD_REQUEST, detail="The body is not JSON; send one JSON object."
        )
    if not isinstance(document, dict):
        return problems.Problem(
            status=HTTPStatus.BAD_REQUEST,
            detail=f"The body is {kind(document)}; send one JSON object.",
        )
    both = beside.keys() & document.keys() & FIELDS
    return _twice(min(both)) if both else {**beside, **document}


def kind(value: object) -> str:
    """Return what JSON calls a value, with its article."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case _:
            return "an object"


def _of_query(query: str) -> dict[str, object] | problems.Problem:
    """Return a query as JSON would have it: numbers are numbers. What is no number stays text."""
    found: dict[str, object] = {}
    for name, value in parse.parse_qsl(query, keep_blank_values=True):
        if name in found and name in FIELDS:
            return _twice(name)
        number = _NUMBERS.get(name)
        found[name] = number[1](value) if number and number[0].fullmatch(value) else value
    return found


def _twice(name: str) -> problems.Problem:
    return problems.invalid(name, f"{name} is given more than once; give it once.")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
