"""How ``openapi`` describes reports. Describes, and never decides: ``learn.report`` does."""

from collections.abc import Mapping
from typing import Final

from turnfleet.api import problems
from turnfleet.learn import report

Schema = Mapping[str, object]

_Field: Final = report.Field


def _ascii(least: int, most: int) -> str:
    """Return the pattern of a text."""
    return f"^[ -~]{{{least},{most}}}$"


_URL: Final[Schema] = {
    "type": "string",
    "pattern": _ascii(1, report.URL_MAX),
    "description": "As it was offered.",
}
_MS: Final[Schema] = {"type": "number", "minimum": 0, "maximum": report.MS_MAX}
_CODE: Final[Schema] = {
    "type": "integer",
    "minimum": report.CODES.start,
    "maximum": report.CODES.stop - 1,
}
_STATUSES: Final = ("400", "401", "403", "408", "413", "415", "429", "500", "503")


def operation() -> dict[str, object]:
    """Return the operation of ``/api/ice-report``."""
    problem = {
        "description": "Why it counts for nothing",
        "content": {problems.CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    return {
        "operationId": "postIceReport",
        "tags": ["answers"],
        "summary": "Say how the relays of an answer did",
        "description": (
            f"At most {report.SIZE_MAX} bytes, once for an answer and within an hour of it. The "
            "rid is all that it needs to be admitted. One that was sent before is a 204 too, and "
            "counts for nothing. /api/ice-report.js does all of it in a browser."
        ),
        "security": [{}],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/Report"}},
                "text/plain": {
                    "schema": {
                        "type": "string",
                        "contentMediaType": "application/json",
                        "description": "The same, as a browser's beacon has to call it.",
                    }
                },
            },
        },
        "responses": {"204": {"description": "Taken"}, **dict.fromkeys(_STATUSES, problem)},
    }


def schema() -> dict[str, object]:
    """Return the schema of a body."""
    return {
        "type": "object",
        "required": [_Field.RID],
        "description": "Names nobody knows are passed over. It has no address in it.",
        "properties": {
            _Field.RID: {
                "type": "string",
                "pattern": _ascii(1, report.TOKEN_MAX),
                "description": "X-Turnfleet-Rid of the answer, unchanged.",
            },
            _Field.ENGINE: {"enum": list(report.Engine)},
            _Field.OUTCOME: {
                "enum": list(report.Outcome),
                "description": "gathered: no connection was tried, or its end is not known.",
            },
            _Field.CONNECTION: {
                "type": "string",
                "pattern": _ascii(0, report.CONNECTION_MAX),
                "description": "What the request for servers said, if anything.",
            },
            _Field.TIMES: _list(
                "How long URLs took to give a relay candidate.",
                {
                    _Field.URL: _URL,
                    _Field.MS: {**_MS, "description": "From the first host candidate."},
                    _Field.COLD: {
                        "type": "boolean",
                        "description": "Whether the name may have had to be resolved.",
                    },
                },
                required=(_Field.URL, _Field.MS),
            ),
            _Field.START: {
                **_MS,
                "description": "ms of each time that passed before relays were asked, if known.",
            },
            _Field.PAIR: {
                "type": "object",
                "description": "The pair of candidates in use.",
                "required": [_Field.LOCAL, _Field.REMOTE, _Field.PROTOCOL],
                "properties": {
                    _Field.LOCAL: {"enum": list(report.Kind)},
                    _Field.REMOTE: {"enum": list(report.Kind)},
                    _Field.PROTOCOL: {"enum": list(report.Protocol)},
                    _Field.URL: _URL,
                    _Field.RTT: {**_MS, "description": "ms between the peers."},
                },
            },
            _Field.CONNECT: {**_MS, "description": "ms from the first check to the connection."},
            _Field.FAILURES: _list(
                "URLs that gave no candidate: errorCode of icecandidateerror.",
                {_Field.URL: _URL, _Field.CODE: _CODE},
                required=(_Field.URL, _Field.CODE),
            ),
        },
    }


def _list(
    description: str, properties: Mapping[str, Schema], *, required: tuple[str, ...]
) -> dict[str, object]:
    return {
        "type": "array",
        "maxItems": report.LISTED_MAX,
        "description": description,
        "items": {"type": "object", "required": list(required), "properties": dict(properties)},
    }
