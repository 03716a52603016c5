"""How ``openapi`` describes reports. Describes, and never decides: ``learn.report`` does."""

from collections.abc import Mapping
from typing import Final

from turnfleet.api import problems
from turnfleet.learn import report

Schema = Mapping[str, object]

_URL: Final[Schema] = {
    "type": "string",
    "pattern": "^[ -~]{1,300}$",
    "description": "As it was offered.",
}
_MS: Final[Schema] = {"type": "number", "minimum": 0, "maximum": report.MS_MAX}
_STATUSES: Final = ("400", "401", "403", "408", "413", "415", "429", "500")


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
        "required": ["rid"],
        "description": "Names nobody knows are passed over. It has no address in it.",
        "properties": {
            "rid": {
                "type": "string",
                "pattern": "^[ -~]{1,512}$",
                "description": "X-Turnfleet-Rid of the answer, unchanged.",
            },
            "engine": {"enum": list(report.Engine)},
            "outcome": {
                "enum": list(report.Outcome),
                "description": "gathered: no connection was tried, or its end is not known.",
            },
            "connectionType": {
                "type": "string",
                "pattern": "^[ -~]{0,32}$",
                "description": "What the request for servers said, if anything.",
            },
            "times": _list(
                "How long URLs took to give a relay candidate.",
                {
                    "url": _URL,
                    "ms": {**_MS, "description": "From the first host candidate."},
                    "cold": {
                        "type": "boolean",
                        "description": "Whether the name may have had to be resolved.",
                    },
                },
                required=("url", "ms"),
            ),
            "start": {
                **_MS,
                "description": "ms of each time that passed before relays were asked, if known.",
            },
            "pair": {
                "type": "object",
                "description": "The pair of candidates in use.",
                "required": ["local", "remote", "protocol"],
                "properties": {
                    "local": {"enum": list(report.Kind)},
                    "remote": {"enum": list(report.Kind)},
                    "protocol": {"enum": list(report.Protocol)},
                    "url": _URL,
                    "rtt": {**_MS, "description": "ms between the peers."},
                },
            },
            "connect": {**_MS, "description": "ms from the first check to the connection."},
            "errors": _list(
                "URLs that gave no candidate: errorCode of icecandidateerror.",
                {"url": _URL, "code": {"type": "integer", "minimum": 300, "maximum": 799}},
                required=("url", "code"),
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
