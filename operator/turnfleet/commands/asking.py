"""Asks a running endpoint for JSON; whatever goes wrong becomes one sentence.

Redirects are not followed, so that an API key goes to nobody but the endpoint that was named.
"""

import http.client
import json
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from turnfleet.commands import output

TIMEOUT: Final = 10.0
"""Seconds to connect, and again between two pieces of an answer."""
_BODY_MAX: Final = 64 * 1024 * 1024
_OK: Final = 200
_UNAUTHORIZED: Final = 401


def read_key(path: Path | None) -> str | None:
    """Return the API key in a file, or ``None`` without one."""
    if path is None:
        return None
    try:
        key = path.read_text("ascii").strip()
    except OSError as error:
        raise output.Failure(f"cannot read the key file {path}: {error.strerror}") from error
    except UnicodeDecodeError:
        key = ""
    if not key.isprintable() or not key or " " in key:
        raise output.Failure(f"{path} holds no API key: one line of printable characters")
    return key


def get(endpoint: str, path: str, query: Mapping[str, str], *, key: str | None) -> object:
    """Return the JSON value at ``path`` of ``endpoint`` (``http://127.0.0.1:8080``)."""
    connection, prefix = _connection(endpoint)
    target = f"{prefix}{path}?{urllib.parse.urlencode(query)}"
    headers = {"Accept": "application/json"}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    try:
        connection.request("GET", target, headers=headers)
        answer = connection.getresponse()
        status, body = answer.status, answer.read(_BODY_MAX)
    except http.client.HTTPException as error:
        raise output.Failure(f"{endpoint} does not speak HTTP: {error!r}") from error
    except OSError as error:
        raise output.Failure(f"{endpoint} cannot be asked: {error}; is it running?") from error
    finally:
        connection.close()
    try:
        value: object = json.loads(body)
    except ValueError:
        value = None
    if status == _OK and value is not None:
        return value
    raise output.Failure(_complaint(endpoint, status, value))


def _connection(endpoint: str) -> tuple[http.client.HTTPConnection, str]:
    try:
        parts = urllib.parse.urlsplit(endpoint)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise output.Failure(f"--endpoint {endpoint}: {error}") from error
    if parts.scheme not in {"http", "https"} or not host:
        raise output.Failure(f"--endpoint {endpoint}: give it as http://HOST:PORT or https://HOST")
    of_scheme = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
    return of_scheme[parts.scheme](host, port, timeout=TIMEOUT), parts.path.rstrip("/")


def _complaint(endpoint: str, status: int, value: object) -> str:
    detail = value.get("detail") if isinstance(value, dict) else None
    if status == _UNAUTHORIZED:
        return f"{endpoint} wants an API key: give it by --key-file ({detail or status})"
    if isinstance(detail, str):
        return f"{endpoint} says: {detail}"
    return f"{endpoint} answers {status} and no turnfleet JSON; is it a turnfleet endpoint?"
