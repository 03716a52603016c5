"""One request to the API server, sent and understood: TLS, tokens, timeouts, what went wrong.

Knows no verb's meaning; ``client`` does.
"""

import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client import configuration, rest

from turnfleet.kube import failures, kinds

Object = Mapping[str, Any]
"""An object as the API server writes it. Not to be changed: watches share what they hold."""
Counted = Callable[[str, kinds.Kind, int], None]
"""Is told verb, kind and HTTP status (0: no answer) of every request."""

WHOLE: Final = "application/json"
METADATA: Final = f"{WHOLE};as=PartialObjectMetadata;g=meta.k8s.io;v=v1,{WHOLE}"
"""How answers may come. A refusal has no metadata of its own: hence the second choice."""

REQUEST_TIMEOUT: Final = 15.0
"""Seconds for one request, its answer read to the end."""
CONNECT_TIMEOUT: Final = 5.0

_METHODS: Final[Mapping[str, str]] = {
    "get": "GET",
    "list": "GET",
    "watch": "GET",
    "create": "POST",
    "update": "PUT",
    "apply": "PATCH",
    "patch": "PATCH",
    "delete": "DELETE",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How else to get to the same API server: for kopf, which makes connections of its own."""

    server: str
    ca_file: str | None
    certificate_file: str | None
    key_file: str | None
    authorization: str = field(repr=False)
    """Of the header, good for a few minutes; empty: none."""
    verify: bool


class Transport:
    """The way to one API server."""

    def __init__(
        self, settings: configuration.Configuration, *, program: str, counted: Counted | None
    ) -> None:
        self._settings = settings
        self._rest = rest.RESTClientObject(settings)
        self._program = program
        self._counted = counted

    async def close(self) -> None:
        """Close every connection."""
        await self._rest.close()

    async def access(self) -> Access:
        """Return how to get to this server; raises Unavailable where there is no token."""
        try:
            authorization = await self._authorization()
        except (OSError, ValueError, config.ConfigException) as error:
            raise failures.Unavailable(f"the token: {told(error)}") from error
        return Access(
            server=self._settings.host,
            ca_file=self._settings.ssl_ca_cert or None,
            certificate_file=self._settings.cert_file or None,
            key_file=self._settings.key_file or None,
            authorization=authorization,
            verify=self._settings.verify_ssl,
        )

    async def json(
        self,
        verb: str,
        kind: kinds.Kind,
        path: str,
        parameters: Mapping[str, str] | None = None,
        *,
        body: Object | None = None,
        content_type: str = "application/json",
        accept: str = WHOLE,
    ) -> Object:
        """Send a request; return the object that it is answered with."""
        limits = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT, sock_connect=CONNECT_TIMEOUT)
        async with self.answer(
            verb,
            kind,
            path,
            parameters,
            body=body,
            content_type=content_type,
            accept=accept,
            limits=limits,
        ) as answer:
            try:
                found = json.loads(await _whole(answer))
            except (
                aiohttp.ClientError,
                TimeoutError,
                OSError,
                ValueError,
                RecursionError,
            ) as error:
                raise failures.Unavailable(f"{verb} {path}: {told(error)}") from error
        if not isinstance(found, dict):
            raise failures.Unavailable(f"{verb} {path}: the answer is no object")
        return found

    @contextlib.asynccontextmanager
    async def answer(
        self,
        verb: str,
        kind: kinds.Kind,
        path: str,
        parameters: Mapping[str, str] | None,
        *,
        limits: aiohttp.ClientTimeout,
        body: Object | None = None,
        content_type: str = "application/json",
        accept: str = WHOLE,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request; yield its answer, which is a good one, with the body still to come."""
        status = 0
        url = f"{self._settings.host}{path}"
        if parameters:
            url = f"{url}?{urlencode(parameters)}"
        try:
            headers = await self._headers(content_type, accept)
            sent = await self._rest.request(
                _METHODS[verb], url, headers=headers, body=body, _request_timeout=limits
            )
            answer: aiohttp.ClientResponse = sent.response
            status = answer.status
            refusal = None if answer.ok else await _whole(answer)
        except (
            aiohttp.ClientError, TimeoutError, OSError, ValueError, config.ConfigException
        ) as error:  # fmt: skip
            raise failures.Unavailable(f"{verb} {path}: {told(error)}", status=status) from error
        finally:
            if self._counted is not None:
                self._counted(verb, kind, status)
        if refusal is not None:
            raise failures.of(f"{verb} {path}", status=status, body=refusal, headers=answer.headers)
        try:
            yield answer
        finally:
            _leave(answer)

    async def _headers(self, content_type: str, accept: str) -> dict[str, str]:
        headers = {
            "Accept": accept,
            "Content-Type": content_type,
            "User-Agent": self._program,
        }
        authorization = await self._authorization()
        if authorization:
            headers["Authorization"] = authorization
        return headers

    async def _authorization(self) -> str:
        # Asked for every time: tokens in files and from programs expire.
        bearer = (await self._settings.auth_settings()).get("BearerToken")
        return "" if bearer is None else str(bearer["value"] or "")


async def _whole(answer: aiohttp.ClientResponse) -> bytes:
    """Read an answer to its end; it is left if that does not come."""
    try:
        # Its own read closes politely what it cannot read, before it could be left at once.
        return await answer.content.read()
    except BaseException:
        _leave(answer)
        raise


def _leave(answer: aiohttp.ClientResponse) -> None:
    """Give up what is left of an answer; a connection whose answer was read whole is kept."""
    connection = answer.connection
    if connection is not None and connection.transport is not None:
        # Closed politely, TLS waits half a minute for a server that may be dead to say goodbye too,
        # nobody holds the socket meanwhile, and a program that ends before that leaks it.
        connection.transport.abort()
    answer.close()


def told(error: BaseException) -> str:
    """Return what an error says, or at least its name."""
    return str(error) or type(error).__name__
