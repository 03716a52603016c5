"""The endpoint's contract as an OpenAPI 3.1 document, for programs that write clients.

Written by hand around one table of fields; ``app`` serves it, and a test drives the running
endpoint with it. It describes, and never decides: ``requests`` and ``answers`` do.
"""

from collections.abc import Mapping
from typing import Final

import turnfleet
from turnfleet import names
from turnfleet.api import problems, reported, requests
from turnfleet.ice import profiles

Schema = Mapping[str, object]

_TEXT: Final[Schema] = {"type": "string"}

_FIELDS: Final[Mapping[str, tuple[str, Schema]]] = {
    "region": (
        (
            "A TurnRegion to be pinned to, or a residency group not to leave. Anything else (a "
            "country, a time zone, a cloud region) is a hint, used where understood."
        ),
        _TEXT,
    ),
    "residency": ("A residency group that every relay has to be in.", _TEXT),
    "connectionType": ("What the client knows of its network; a hint.", _TEXT),
    "ttl": (
        "Seconds that the credentials should last; clamped to 60 s and the regions' own limit.",
        {"type": "integer", "minimum": 1},
    ),
    "profile": (
        "Which URLs of the chosen relays to get. The profile relay needs format=config.",
        {"enum": list(profiles.Profile)},
    ),
    "user": (
        "Whom quotas count. Travels as a digest; random for each answer when absent.",
        {"type": "string", "pattern": "^[A-Za-z0-9._:@-]{1,128}$"},
    ),
    "clientIp": (
        (
            "The client's address. Like country, latitude and longitude it counts with an API key "
            "or on one machine, and is otherwise ignored."
        ),
        {"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]},
    ),
    "country": (
        "The client's country, ISO 3166-1 alpha-2.",
        {"type": "string", "pattern": "^[A-Za-z]{2}$"},
    ),
    "latitude": (
        "Degrees, north positive; counts together with longitude.",
        {"type": "number", "minimum": -90, "maximum": 90},
    ),
    "longitude": (
        "Degrees, east positive; counts together with latitude.",
        {"type": "number", "minimum": -180, "maximum": 180},
    ),
    "format": (
        (
            "array: what RTCPeerConnection takes as iceServers. config: a whole RTCConfiguration "
            "with how it came about. uberti: the object of draft-uberti-behave-turn-rest."
        ),
        {"enum": list(requests.Format)},
    ),
}


def document() -> dict[str, object]:
    """Return the whole document."""
    asking = {
        "tags": ["answers"],
        "description": "Primary, backup and fallback relays for one client, with credentials.",
        "responses": _answers("Servers", *_PROBLEMS),
        "security": [{}, {"key": []}],
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "turnfleet",
            "version": turnfleet.__version__,
            "description": "Hands WebRTC clients the few TURN relays that serve them best.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            "/api/get-ice-servers": {
                "get": {
                    **asking,
                    "operationId": "getIceServers",
                    "summary": "Get servers",
                    "parameters": _parameters(),
                },
                "post": {
                    **asking,
                    "operationId": "postIceServers",
                    "summary": "Get servers, asking in JSON",
                    "parameters": [_parameter("format")],
                    "requestBody": {
                        "required": False,
                        "content": {"application/json": {"schema": _ref("Request")}},
                    },
                },
            },
            "/api/ice-report": {"post": reported.operation()},
            "/api/explain": {
                "get": {
                    "operationId": "explain",
                    "tags": ["operators"],
                    "summary": "Explain the answer that a request would get",
                    "description": "No credentials. With a key, or on one machine.",
                    "security": [{}, {"key": []}],
                    "parameters": _parameters(),
                    "responses": _answers("Selection", *_PROBLEMS),
                }
            },
            "/api/regions": {
                "get": {
                    "operationId": "getRegions",
                    "tags": ["operators"],
                    "summary": "List the regions",
                    "description": "With a key, or on one machine: with relays, states and loads.",
                    "security": [{}, {"key": []}],
                    "responses": _answers("Regions", "400", "401", "403"),
                }
            },
            "/healthz": {"get": _plain("getHealth", "Whether the process answers", ready=False)},
            "/readyz": {"get": _plain("getReadiness", "Whether to send clients here", ready=True)},
        },
        "components": {
            "schemas": {**_schemas(), "Report": reported.schema()},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


_PROBLEMS: Final = ("400", "401", "403", "404", "408", "413", "415", "429", "500", "503")


def _ref(name: str) -> dict[str, object]:
    return {"$ref": f"#/components/schemas/{name}"}


def _parameter(name: str) -> dict[str, object]:
    description, schema = _FIELDS[name]
    return {"name": name, "in": "query", "description": description, "schema": _or_empty(schema)}


def _parameters() -> list[dict[str, object]]:
    return [_parameter(name) for name in _FIELDS]


def _answers(schema: str, *statuses: str) -> dict[str, object]:
    success: dict[str, object] = {
        "description": "An answer",
        "content": {"application/json": {"schema": _ref(schema)}},
    }
    if schema == "Servers":
        success["headers"] = {
            names.HEADER_RID: {
                "description": "Identifies this answer in a report, for one hour.",
                "required": True,
                "schema": _TEXT,
            },
            names.HEADER_EXPIRES: {
                "description": "Unix seconds at which the first credential ends.",
                "required": True,
                "schema": {"type": "integer"},
            },
        }
    problem = {
        "description": "Why not",
        "content": {problems.CONTENT_TYPE: {"schema": _ref("Problem")}},
    }
    return {"200": success, **dict.fromkeys(statuses, problem)}


def _plain(name: str, summary: str, *, ready: bool) -> dict[str, object]:
    text = {"text/plain": {"schema": _TEXT}}
    responses: dict[str, object] = {"200": {"description": "Yes", "content": text}}
    if ready:
        responses["503"] = {"description": "No, with the reason as a sentence", "content": text}
    return {
        "operationId": name,
        "tags": ["operators"],
        "summary": summary,
        "responses": responses,
    }


def _or_empty(schema: Schema) -> Schema:
    return schema if schema is _TEXT else {"anyOf": [schema, {"const": ""}]}


def _nullable(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}, {"const": ""}]}


def _schemas() -> dict[str, object]:
    return {
        "Request": {
            "type": "object",
            "description": (
                "null and empty are as good as absent; other names are ignored, and format=config "
                "says which."
            ),
            "properties": {
                name: {"description": description, **_nullable(schema)}
                for name, (description, schema) in _FIELDS.items()
                # Beside the body as well, and refused when given twice.
                if name != "format"
            },
        },
        "Problem": {
            "type": "object",
            "required": ["type", "title", "status", "detail"],
            "properties": {
                "type": _TEXT,
                "title": _TEXT,
                "status": {"type": "integer"},
                "detail": {"type": "string", "description": "A sentence to act on."},
                "field": {"type": "string", "description": "The field that is wrong."},
                "residency": {"type": "string", "description": "The group with nothing to offer."},
            },
        },
        "Server": {
            "type": "object",
            "required": ["urls"],
            "properties": {
                "urls": {"type": "array", "minItems": 1, "items": _TEXT},
                "username": _TEXT,
                "credential": _TEXT,
            },
        },
        "Servers": {
            "anyOf": [
                {"type": "array", "minItems": 1, "items": _ref("Server")},
                _ref("Config"),
                _ref("Uberti"),
            ]
        },
        "Config": {
            "type": "object",
            "required": [
                "iceServers",
                "iceTransportPolicy",
                "ttl",
                "expiresAt",
                "refreshAfter",
                "selection",
                "rid",
            ],
            "properties": {
                "iceServers": {"type": "array", "minItems": 1, "items": _ref("Server")},
                "iceTransportPolicy": {"enum": ["all", "relay"]},
                "ttl": {"type": "integer", "description": "Seconds that the credentials last."},
                "expiresAt": {"type": "integer", "description": "Unix seconds."},
                "refreshAfter": {
                    "type": "integer",
                    "description": "Seconds after which to ask again.",
                },
                "selection": _ref("Selection"),
                "rid": _TEXT,
            },
        },
        "Uberti": {
            "type": "object",
            "required": ["username", "password", "ttl", "uris"],
            "properties": {
                "username": _TEXT,
                "password": _TEXT,
                "ttl": {"type": "integer"},
                "uris": {"type": "array", "minItems": 1, "items": _TEXT},
            },
        },
        "Selection": {
            "type": "object",
            "required": ["choices", "located", "notes"],
            "properties": {
                "choices": {"type": "array", "items": {"type": "object"}},
                "ranked": {"type": "array", "items": {"type": "object"}},
                "excluded": {"type": "array", "items": {"type": "object"}},
                "located": {"type": "object"},
                "notes": {"type": "array"},
            },
        },
        "Regions": {
            "type": "object",
            "required": ["oneMachine", "attributions", "regions"],
            "properties": {
                "oneMachine": {"type": "boolean"},
                "attributions": {"type": "array", "items": _TEXT},
                "regions": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["name", "residency", "latitude", "longitude"],
                    },
                },
            },
        },
    }
