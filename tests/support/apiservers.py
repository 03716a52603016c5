"""A server on loopback that speaks Kubernetes' list and watch protocol; badly where told to."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml
from aiohttp import web

from turnfleet.kube import kinds

Object = dict[str, Any]
Fault = Callable[["Asked"], web.Response | None]
TOKEN: Final = "t" * 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as it came."""

    verb: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class _Happened:
    version: int
    plural: str
    kind: str
    found: Object


@dataclass(slots=True, kw_only=True)
class ApiServer:
    """What is stored, what happened, and how to misbehave."""

    asked: list[Asked] = field(default_factory=list)
    fault: Fault | None = None
    """Asked before each request is answered; what it returns is the answer."""
    bookmark_every: float = 0.2
    url: str = ""
    _stored: dict[tuple[str, str, str], Object] = field(default_factory=dict)
    _history: list[_Happened] = field(default_factory=list)
    _versions: Any = field(default_factory=lambda: itertools.count(1000))
    _version: int = 999
    _oldest: int = 0
    _streams: dict[web.StreamResponse, tuple[web.Request, asyncio.Queue[bytes | None]]] = field(
        default_factory=dict
    )
    _deaf: set[int] = field(default_factory=set)

    # --- what a test does -----------------------------------------------------------------------

    async def put(self, kind: kinds.Kind, found: Object) -> Object:
        """Create or change an object."""
        about = found["metadata"]
        key = (kind.plural, about.get("namespace", ""), about["name"])
        known = self._stored.get(key)
        self._version = next(self._versions)
        about = {
            "uid": known["metadata"]["uid"] if known else f"uid-{self._version}",
            "creationTimestamp": "2026-01-01T00:00:00Z",
            **about,
            "resourceVersion": str(self._version),
        }
        stored = {**found, "metadata": about}
        self._stored[key] = stored
        await self._tell(kind.plural, "MODIFIED" if known else "ADDED", stored)
        return stored

    async def remove(self, kind: kinds.Kind, name: str, *, namespace: str = "") -> None:
        """Delete an object."""
        found = self._stored.pop((kind.plural, namespace, name))
        self._version = next(self._versions)
        found = {
            **found, "metadata": {**found["metadata"], "resourceVersion": str(self._version)}
        }  # fmt: skip
        await self._tell(kind.plural, "DELETED", found)

    def forget(self) -> None:
        """Compact: watches from before now are answered 410."""
        self._oldest = self._version
        self._history.clear()

    def send_raw(self, sent: bytes) -> None:
        """Send bytes on every open watch."""
        for _, queue in self._streams.values():
            queue.put_nowait(sent)

    def cut(self) -> None:
        """Break every open watch, without a goodbye."""
        for request, _ in self._streams.values():
            if request.transport is not None:
                request.transport.abort()

    def half_open(self) -> None:
        """Say nothing more on any open watch, and leave its connection as it is."""
        self._deaf.update(id(queue) for _, queue in self._streams.values())

    @property
    def watches(self) -> int:
        """Return how many watches are open."""
        return len(self._streams)

    def count(self, verb: str) -> int:
        """Return how often a verb was asked for."""
        return sum(asked.verb == verb for asked in self.asked)

    async def until(self, condition: Callable[[], bool], *, within: float = 60.0) -> None:
        """Wait for something."""
        async with asyncio.timeout(within):
            while not condition():  # noqa: ASYNC110 - conditions are of any kind
                await asyncio.sleep(0.01)

    def kubeconfig(self, folder: Path) -> Path:
        """Write a kubeconfig that leads here."""
        return kubeconfig(folder, {"server": self.url})

    # --- what it answers ------------------------------------------------------------------------

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        raw = await request.read()
        verb = "watch" if request.query.get("watch") else request.method.lower()
        asked = Asked(
            verb="list" if verb == "get" and name_of(request.path) is None else verb,
            path=request.path,
            query=dict(request.query),
            headers=dict(request.headers),
            body=json.loads(raw) if raw else None,
        )
        self.asked.append(asked)
        if self.fault is not None and (answer := self.fault(asked)) is not None:
            return answer
        match asked.verb:
            case "watch":
                return await self._watch(request)
            case "list":
                return self._list(request)
            case "get":
                key = (
                    plural_of(request.path),
                    namespace_of(request.path) or "",
                    name_of(request.path),
                )
                found = self._stored.get(key)  # type: ignore[arg-type]
                return web.json_response(found) if found else status(404, "NotFound")
            case _:
                return web.json_response(asked.body)

    def _list(self, request: web.Request) -> web.Response:
        items = [
            found for key, found in sorted(self._stored.items()) if _matches(request, key[0], found)
        ]
        start = int(request.query.get("continue", "0"))
        limit = int(request.query.get("limit", "0")) or len(items)
        about = {"resourceVersion": str(self._version)}
        if start + limit < len(items):
            about["continue"] = str(start + limit)
        return web.json_response(
            {"kind": "List", "metadata": about, "items": items[start : start + limit]}
        )

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        since = int(request.query["resourceVersion"])
        if since < self._oldest:
            return status(410, "Expired")
        stream = web.StreamResponse(headers={"Content-Type": "application/json"})
        await stream.prepare(request)
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        for happened in self._history:
            if happened.version > since and _matches(request, happened.plural, happened.found):
                queue.put_nowait(line(happened.kind, happened.found))
        self._streams[stream] = (request, queue)
        try:
            async with asyncio.timeout(float(request.query["timeoutSeconds"])):
                await self._talk(stream, queue)
        except (TimeoutError, ConnectionError):
            pass
        finally:
            del self._streams[stream]
        return stream

    async def _talk(self, stream: web.StreamResponse, queue: asyncio.Queue[bytes | None]) -> None:
        while True:
            try:
                async with asyncio.timeout(self.bookmark_every):
                    sent = await queue.get()
            except TimeoutError:
                if not queue.empty():
                    continue  # a bookmark never overtakes an event
                sent = line("BOOKMARK", {"metadata": {"resourceVersion": str(self._version)}})
            if sent is None:
                return
            if id(queue) not in self._deaf:
                await stream.write(sent)

    async def _tell(self, plural: str, kind: str, found: Object) -> None:
        happened = _Happened(version=self._version, plural=plural, kind=kind, found=found)
        self._history.append(happened)
        for request, queue in self._streams.values():
            if _matches(request, plural, found):
                queue.put_nowait(line(kind, found))
        await asyncio.sleep(0)


def line(kind: str, found: object) -> bytes:
    """Return a watch event."""
    return json.dumps({"type": kind, "object": found}).encode() + b"\n"


def status(code: int, reason: str, message: str = "as told", **headers: str) -> web.Response:
    """Return a refusal in the API server's form."""
    return web.json_response(
        {"kind": "Status", "code": code, "reason": reason, "message": message},
        status=code,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


@contextlib.asynccontextmanager
async def serving(server: ApiServer | None = None, *, port: int = 0) -> AsyncIterator[ApiServer]:
    """Run a server until the block ends; with what it stored, if it ran before."""
    server = server or ApiServer()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield server
    finally:
        server.cut()
        await runner.cleanup()


def parts_of(path: str) -> list[str]:
    """Return a path's parts behind the version: namespaces, NAMESPACE, PLURAL, NAME, ..."""
    parts = path.strip("/").split("/")
    return parts[2 if parts[0] == "api" else 3 :]


def namespace_of(path: str) -> str | None:
    """Return the namespace of a path."""
    parts = parts_of(path)
    return parts[1] if parts[0] == "namespaces" and len(parts) > 2 else None


def plural_of(path: str) -> str:
    """Return the kind's plural of a path."""
    parts = parts_of(path)
    return parts[2] if namespace_of(path) else parts[0]


def name_of(path: str) -> str | None:
    """Return the object's name of a path."""
    parts = parts_of(path)[2 if namespace_of(path) else 0 :]
    return parts[1] if len(parts) > 1 else None


def _matches(request: web.Request, plural: str, found: Object) -> bool:
    namespace = namespace_of(request.path)
    chosen = [part for part in request.query.get("labelSelector", "").split(",") if part]
    wanted = dict(part.split("=", 1) for part in chosen if "=" in part)
    present = {part for part in chosen if "=" not in part}
    fields = request.query.get("fieldSelector", "")
    about = found["metadata"]
    return (
        plural == plural_of(request.path)
        and (namespace is None or about.get("namespace") == namespace)
        and wanted.items() <= about.get("labels", {}).items()
        and present <= about.get("labels", {}).keys()
        and (not fields or fields == f"metadata.name={about['name']}")
    )


def kubeconfig(folder: Path, cluster: Mapping[str, str]) -> Path:
    """Write a kubeconfig that leads to a cluster."""
    path = folder / "kubeconfig"
    path.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "test",
                "clusters": [{"name": "test", "cluster": dict(cluster)}],
                "users": [{"name": "test", "user": {"token": TOKEN}}],
                "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            }
        )
    )
    return path
