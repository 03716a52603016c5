"""Requests to the Kubernetes API server: one method for each verb, JSON in and out.

Says what it wants and what came of it; never retries, never caches: whoever asks knows whether the
same request still makes sense. Failures are those of ``failures``, and nothing else is raised.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client import configuration

from turnfleet.kube import failures, kinds, lines, transport

Object = transport.Object
Access = transport.Access

PAGE: Final = 500
"""Objects to one answer of a list."""
_MERGE_PATCH: Final = "application/merge-patch+json"
_APPLY_PATCH: Final = "application/apply-patch+yaml"
_NOBODYS: Final = "1"
"""A resource version that no object has: etcd counts from 1 before anything is in it."""
_UNREAD: Final = "Ignore"
"""Of an apply the server would look for keys that are there twice, and so parse it twice; what it
found would be a warning that nobody reads, and a mapping has no key twice. It refuses unknown
fields in any case: it knows no owner for them."""
_CONNECTIONS: Final = 0
"""No limit: every watch keeps a connection, and an operator of many namespaces has many."""


class Unconfigured(Exception):  # noqa: N818 - what a person has to mend
    """There is no way to the API server; the text says what was tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some of the objects of a list."""

    items: tuple[Object, ...]
    """Without ``apiVersion`` and ``kind``, which lists leave out."""
    resource_version: str
    """Of the list as a whole: a watch that goes on from here misses nothing."""
    more: str | None
    """What to ask for the next page with; ``None``: this is the last one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which objects of a kind: in one namespace or in all, by the server's own selectors."""

    kind: kinds.Kind
    namespace: str | None = None
    """``None``: all namespaces."""
    labels: str = ""
    fields: str = ""

    def __str__(self) -> str:
        """Return how messages name it."""
        where = f"of namespace {self.namespace}" if self.namespace else "of every namespace"
        return f"{self.kind.plural} {where}" if self.kind.namespaced else self.kind.plural

    @property
    def parameters(self) -> dict[str, str]:
        """Return the selectors as URL parameters."""
        chosen = {"labelSelector": self.labels, "fieldSelector": self.fields}
        return {name: text for name, text in chosen.items() if text}


class Client:
    """One API server. ``connected`` makes it."""

    def __init__(self, way: transport.Transport, *, accept: str = transport.WHOLE) -> None:
        self._transport = way
        self._accept = accept
        self.access = way.access

    def terse(self) -> "Client":
        """Return a client of the same connections that is told no more of objects than metadata."""
        return Client(self._transport, accept=transport.METADATA)

    async def close(self) -> None:
        """Close every connection."""
        await self._transport.close()

    async def get(self, kind: kinds.Kind, name: str, *, namespace: str | None = None) -> Object:
        """Return one object."""
        path = kind.path(namespace=namespace, name=name)
        return await self._transport.json("get", kind, path, accept=self._accept)

    async def page(self, query: Query, *, more: str | None = None, limit: int = PAGE) -> Page:
        """Return one page of a list, as of now; ``limit`` 0: everything at once."""
        asked = dict(query.parameters)
        if limit:
            asked["limit"] = str(limit)
        if more is not None:
            asked["continue"] = more
        whole = await self._transport.json(
            "list", query.kind, query.kind.path(namespace=query.namespace), asked
        )
        about, items = whole.get("metadata"), whole.get("items")
        about = about if isinstance(about, dict) else {}
        return Page(
            items=tuple(items) if isinstance(items, list) else (),
            resource_version=str(about.get("resourceVersion") or ""),
            more=str(about["continue"]) if about.get("continue") else None,
        )

    async def list(self, query: Query) -> Sequence[Object]:
        """Return every object that a query finds. Raises Gone when paging took too long."""
        found = await self.page(query)
        items = list(found.items)
        while found.more is not None:
            found = await self.page(query, more=found.more)
            items.extend(found.items)
        return items

    async def create(self, kind: kinds.Kind, manifest: Object) -> Object:
        """Make an object; raises AlreadyExists rather than touch another one."""
        namespace, _ = _whose(manifest)
        return await self._transport.json(
            "create", kind, kind.path(namespace=namespace), body=manifest
        )

    async def replace(
        self, kind: kinds.Kind, manifest: Object, *, subresource: str | None = None
    ) -> Object:
        """Write a whole object; with its ``resourceVersion``, only the one that was read."""
        namespace, name = _whose(manifest)
        path = kind.path(namespace=namespace, name=name, subresource=subresource)
        return await self._transport.json("update", kind, path, body=manifest)

    async def apply(
        self,
        kind: kinds.Kind,
        manifest: Object,
        *,
        manager: str,
        force: bool = True,
        subresource: str | None = None,
        dry_run: bool = False,
        only_new: bool = False,
    ) -> Object:
        """Apply on the server: ``manager`` then owns just the fields that ``manifest`` has.

        Makes the object where there is none. A ``metadata.uid`` in the manifest forbids that: the
        apply then is a Conflict, so that an object deleted meanwhile does not come back. It is one
        too with ``only_new`` where there is an object of that name, whoever made it.
        """
        namespace, name = _whose(manifest)
        if only_new:
            # The server compares versions where there is something to compare with.
            about = {**manifest["metadata"], "resourceVersion": _NOBODYS}
            manifest = {**manifest, "metadata": about}
        asked = {
            "fieldManager": manager,
            "force": "true" if force else "false",
            "fieldValidation": _UNREAD,
        }
        if dry_run:
            asked["dryRun"] = "All"
        return await self._transport.json(
            "apply",
            kind,
            kind.path(namespace=namespace, name=name, subresource=subresource),
            asked,
            body={"apiVersion": kind.api_version, "kind": kind.name, **manifest},
            content_type=_APPLY_PATCH,
            accept=self._accept,
        )

    async def merge_patch(
        self,
        kind: kinds.Kind,
        name: str,
        patch: Object,
        *,
        namespace: str | None = None,
        uid: str | None = None,
        resource_version: str | None = None,
        subresource: str | None = None,
        manager: str | None = None,
    ) -> Object:
        """Change fields (RFC 7386); Conflict unless the object has the uid and version given."""
        must = {"uid": uid, "resourceVersion": resource_version}
        held = {key: value for key, value in must.items() if value is not None}
        body = {**patch, "metadata": {**patch.get("metadata", {}), **held}} if held else patch
        return await self._transport.json(
            "patch",
            kind,
            kind.path(namespace=namespace, name=name, subresource=subresource),
            {"fieldManager": manager} if manager else None,
            body=body,
            content_type=_MERGE_PATCH,
            accept=self._accept,
        )

    async def delete(
        self,
        kind: kinds.Kind,
        name: str,
        *,
        namespace: str | None = None,
        uid: str | None = None,
        resource_version: str | None = None,
        grace_seconds: int | None = None,
        propagation: str | None = None,
    ) -> None:
        """Delete an object; Conflict unless it has the uid and version given.

        ``grace_seconds`` is a pod's; ``propagation`` is Background, Foreground or Orphan.
        """
        must = {"uid": uid, "resourceVersion": resource_version}
        held = {key: value for key, value in must.items() if value is not None}
        options: dict[str, object] = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if held:
            options["preconditions"] = held
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        if propagation is not None:
            options["propagationPolicy"] = propagation
        path = kind.path(namespace=namespace, name=name)
        await self._transport.json("delete", kind, path, body=options)

    @contextlib.asynccontextmanager
    async def events(
        self, query: Query, *, since: str, lasting: float, silence: float
    ) -> AsyncIterator[AsyncGenerator[Object, None]]:
        """Open a watch; yield its events after version ``since``, bookmarks included.

        They end when the server ends it, after ``lasting`` seconds at most. Unavailable is raised
        when nothing came for ``silence`` seconds, or something that is no event.
        """
        asked = {
            **query.parameters,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": since,
            "timeoutSeconds": str(int(lasting)),
        }
        limits = aiohttp.ClientTimeout(
            total=lasting + silence, sock_connect=transport.CONNECT_TIMEOUT, sock_read=silence
        )
        path = query.kind.path(namespace=query.namespace)
        async with (
            self._transport.answer("watch", query.kind, path, asked, limits=limits) as answer,
            contextlib.aclosing(_told_by(answer, what=f"watch {query}")) as found,
        ):
            yield found


@contextlib.asynccontextmanager
async def connected(
    kubeconfig: Path | None, *, program: str, counted: transport.Counted | None = None
) -> AsyncIterator[Client]:
    """Yield a client: of the cluster that this pod runs in, or the one a file names.

    Asks the server nothing yet, which may be absent. Never looks at the environment. ``program``
    is what the server's audit log calls us. Raises Unconfigured.
    """
    settings = configuration.Configuration()
    settings.connection_pool_maxsize = _CONNECTIONS
    # Else aiohttp asks the environment for proxies and ~/.netrc for passwords, in a thread and for
    # each request; a proxy belongs into the kubeconfig.
    settings.client_session_kwargs = {"trust_env": False}
    try:
        if kubeconfig is None:
            config.load_incluster_config(settings)
        else:
            await config.load_kube_config(str(kubeconfig), client_configuration=settings)
        client = Client(transport.Transport(settings, program=program, counted=counted))
    except Exception as error:  # a file may hold anything, and its loader trips over it
        where = f"the file {kubeconfig}" if kubeconfig else "this pod's service account"
        raise Unconfigured(
            f"{where} does not lead to a cluster: {str(error).rstrip('.')}"
        ) from error
    try:
        yield client
    finally:
        # Shielded: a program that ends must not leave connections half closed.
        await asyncio.shield(client.close())


async def _told_by(answer: aiohttp.ClientResponse, *, what: str) -> AsyncGenerator[Object, None]:
    try:
        async with contextlib.aclosing(lines.objects(answer.content.iter_any())) as found:
            async for event in found:
                yield event
    except (aiohttp.ClientError, TimeoutError, OSError, lines.Broken) as error:
        raise failures.Unavailable(f"{what}: {transport.told(error)}") from error


def _whose(manifest: Object) -> tuple[str | None, str]:
    about = manifest["metadata"]
    return about.get("namespace"), about["name"]
