"""A server on loopback that also takes writes as Kubernetes does: enough to run an operator on.

Server-side apply by manager (lists are replaced as a whole), merge patches, preconditions,
``/status`` apart from the rest, discovery for kopf. No defaults, no admission, no controllers.
"""

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web
from tests.support import apiservers

from turnfleet.kube import holding, kinds

Path = tuple[str, ...]
_RESOURCES: Final = (
    kinds.TURN_REGION, kinds.NODE, kinds.NAMESPACE, kinds.POD, kinds.EVENT,
    kinds.CUSTOM_RESOURCE_DEFINITION,
)  # fmt: skip
_BY_PLURAL: Final = {kind.plural: kind for kind in kinds.ALL}


@dataclass(slots=True, kw_only=True)
class Cluster(apiservers.ApiServer):
    """An API server that takes writes."""

    collects: bool = True
    """Whether what a deleted object owned is deleted too."""
    _owned: dict[tuple[str, str, str, str], set[Path]] = field(default_factory=dict)

    def find(self, kind: kinds.Kind, name: str, *, namespace: str = "") -> apiservers.Object | None:
        """Return an object."""
        return self._stored.get((kind.plural, namespace, name))

    def all(self, kind: kinds.Kind) -> dict[str, apiservers.Object]:
        """Return every object of a kind, by name."""
        return {key[2]: found for key, found in self._stored.items() if key[0] == kind.plural}

    def writes(self, *, but: tuple[kinds.Kind, ...] = (kinds.LEASE,)) -> list[apiservers.Asked]:
        """Return the writes that were asked for."""
        left_out = {kind.plural for kind in but}
        return [
            asked
            for asked in self.asked
            if asked.verb not in {"get", "list", "watch"}
            and apiservers.plural_of(asked.path) not in left_out
        ]

    async def delete(self, kind: kinds.Kind, name: str, *, namespace: str = "") -> None:
        """Delete an object, as kubectl would."""
        await self._delete(kind, name, namespace, {})

    async def lose(self, kind: kinds.Kind, name: str, *, namespace: str = "") -> None:
        """Delete an object and what it owned, and tell no watch."""
        streams, self._streams = self._streams, {}
        await self._delete(kind, name, namespace, {})
        self._streams = streams

    async def run_pod(
        self, workload: str, *, namespace: str, node: str, host: str | None = None
    ) -> apiservers.Object:
        """Make a pod of a ReplicaSet, running on a node, with its address ``host``, and ready."""
        owner = self._stored[kinds.REPLICA_SET.plural, namespace, workload]
        template = owner["spec"]["template"]
        number = 1 + len(self.all(kinds.POD))
        reference = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "name": workload,
            "uid": owner["metadata"]["uid"],
            "controller": True,
        }
        pod = {
            "metadata": {
                **template["metadata"],
                "namespace": namespace,
                "name": f"{workload}-{number}",
                "ownerReferences": [reference],
            },
            "spec": {**template["spec"], "nodeName": node},
            "status": {
                "phase": "Running",
                "podIPs": [{"ip": host or f"127.20.8.{number}"}],
                "conditions": [{"type": "Ready", "status": "True"}],
            },
        }
        return await self.put(kinds.POD, pod)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        found = _discovered(request.path)
        if found is not None:
            return web.json_response(found)
        answer = await apiservers.ApiServer.handle(self, request)
        if request.method != "GET" and answer.status < 300:
            answer = await self._write(self.asked[-1], request)
        return _as_accepted(answer, request)

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        """Say within the stream that the past is forgotten, as the API server does."""
        if int(request.query["resourceVersion"]) >= self._oldest:
            return await apiservers.ApiServer._watch(self, request)  # noqa: SLF001 - its own class
        said = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}
        return web.Response(body=apiservers.line("ERROR", said), content_type="application/json")

    async def _write(self, asked: apiservers.Asked, request: web.Request) -> web.Response:
        plural, namespace = (
            apiservers.plural_of(asked.path),
            apiservers.namespace_of(asked.path) or "",
        )
        kind = _BY_PLURAL[plural]
        name = apiservers.name_of(asked.path) or asked.body["metadata"]["name"]
        known = self._stored.get((plural, namespace, name))
        subresource = "status" if asked.path.endswith("/status") else None
        applying = "apply-patch" in request.headers.get("Content-Type", "")
        refusal = _refusal(asked, known, creates=applying and subresource is None)
        if refusal is not None:
            return refusal
        if "dryRun" in asked.query:
            return web.json_response(_merged(known or {}, asked.body))
        match asked.verb:
            case "delete":
                await self._delete(kind, name, namespace, asked.body)
                return web.json_response({"kind": "Status", "status": "Success"})
            case "post" | "put":
                wanted = asked.body
            case _ if applying:
                wanted = self._applied(asked, kind, known, subresource)
            case _:
                wanted = _merged(known or {}, asked.body)
        return web.json_response(await self._store(kind, known, wanted, subresource))

    async def _store(
        self,
        kind: kinds.Kind,
        known: apiservers.Object | None,
        wanted: apiservers.Object,
        subresource: str | None,
    ) -> apiservers.Object:
        wanted = copy.deepcopy(wanted)
        if known is not None and subresource is not None:
            wanted = {**known, "status": wanted.get("status", {})}
        elif known is not None and kind is kinds.TURN_REGION:
            wanted = wanted | ({"status": known["status"]} if "status" in known else {})
        about = {k: v for k, v in wanted["metadata"].items() if k != "resourceVersion"}
        if known is None:
            return await self.put(kind, wanted | {"metadata": about | {"generation": 1}})
        about = {
            k: v for k, v in known["metadata"].items() if k not in {"labels", "annotations"}
        } | about
        if wanted.get("spec") != known.get("spec"):
            about["generation"] = known["metadata"].get("generation", 1) + 1
        wanted = wanted | {"metadata": about | _version(known)}
        if wanted == known:
            return known
        return await self.put(kind, wanted)

    def _applied(
        self,
        asked: apiservers.Asked,
        kind: kinds.Kind,
        known: apiservers.Object | None,
        subresource: str | None,
    ) -> apiservers.Object:
        """Return an object with what a manager applies, and without what it no longer does."""
        body = asked.body
        if subresource is not None:
            body = {"metadata": {}, "status": body.get("status", {})}
        uid = "" if known is None else known["metadata"]["uid"]
        owner = (kind.plural, uid or body["metadata"].get("name", ""), asked.query["fieldManager"],
                 subresource or "")  # fmt: skip
        before, now = self._owned.get(owner, set()), set(_leaves(body))
        result = copy.deepcopy(known or {})
        for path in before - now:
            _remove(result, path)
        self._owned[owner] = now
        merged: apiservers.Object = _merged(result, body)
        return merged

    async def _delete(
        self, kind: kinds.Kind, name: str, namespace: str, options: Mapping[str, Any]
    ) -> None:
        found = self._stored[kind.plural, namespace, name]
        grace = options.get("gracePeriodSeconds")
        if kind is kinds.POD and grace != 0 and "deletionTimestamp" not in found["metadata"]:
            about = found["metadata"] | {
                "deletionTimestamp": "2100-01-01T00:00:00Z",
                "deletionGracePeriodSeconds": grace,
            }
            await self.put(kind, {**found, "metadata": about})
            return
        await self.remove(kind, name, namespace=namespace)
        if self.collects and options.get("propagationPolicy") != "Orphan":
            await self._collect(found["metadata"]["uid"])

    async def _collect(self, uid: str) -> None:
        for key, found in list(self._stored.items()):
            owners = found["metadata"].get("ownerReferences", [])
            if any(owner["uid"] == uid for owner in owners) and key in self._stored:
                await self._delete(_BY_PLURAL[key[0]], key[2], key[1], {"gracePeriodSeconds": 0})


def _as_accepted(answer: web.StreamResponse, request: web.Request) -> web.StreamResponse:
    """Return an answer without what was not asked for."""
    wanted = request.headers.get("Accept", "")
    if "as=PartialObjectMetadata" not in wanted or not isinstance(answer, web.Response):
        return answer
    found = json.loads(answer.text or "{}")
    if found.get("kind") in {"Status", "List"}:
        return answer
    return web.json_response({"kind": "PartialObjectMetadata", "metadata": found["metadata"]})


def _refusal(
    asked: apiservers.Asked, known: apiservers.Object | None, *, creates: bool
) -> web.Response | None:
    body = asked.body or {}
    about = body.get("preconditions", {}) if asked.verb == "delete" else body.get("metadata", {})
    if asked.verb == "post":
        return apiservers.status(409, "AlreadyExists") if known is not None else None
    if known is None and not (creates and "uid" not in about):
        missing = creates
        return apiservers.status(*((409, "Conflict") if missing else (404, "NotFound")))
    for field_name in ("uid", "resourceVersion"):
        if (
            known is not None
            and about.get(field_name, known["metadata"][field_name])
            != (known["metadata"][field_name])
        ):
            return apiservers.status(409, "Conflict")
    return None


def _merged(before: Any, patch: Any) -> Any:  # RFC 7386
    if not isinstance(patch, Mapping):
        return copy.deepcopy(patch)
    result = dict(before) if isinstance(before, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merged(result.get(key), value)
    return result


def _leaves(body: Any, path: Path = ()) -> list[Path]:
    if isinstance(body, Mapping) and body:
        return [leaf for key, value in body.items() for leaf in _leaves(value, (*path, key))]
    return [path]


def _remove(found: Any, path: Path) -> None:
    for step in path[:-1]:
        found = found.get(step) if isinstance(found, dict) else None
    if isinstance(found, dict):
        found.pop(path[-1], None)


def _version(found: apiservers.Object) -> dict[str, str]:
    return {"resourceVersion": holding.version(found)}


def _discovered(path: str) -> apiservers.Object | None:
    """Return what kopf asks for to find out which kinds there are."""
    groups = sorted({(kind.group, kind.version) for kind in _RESOURCES if kind.group})
    if path == "/api":
        return {"versions": ["v1"]}
    if path == "/apis":
        versions = [(g, {"groupVersion": f"{g}/{v}", "version": v}) for g, v in groups]
        return {
            "groups": [
                {"name": group, "preferredVersion": version, "versions": [version]}
                for group, version in versions
            ]
        }
    for group, version in (("", "v1"), *groups):
        if path.strip("/") == (f"apis/{group}/{version}" if group else f"api/{version}"):
            return {
                "resources": [
                    {
                        "name": kind.plural,
                        "singularName": kind.name.lower(),
                        "kind": kind.name,
                        "namespaced": kind.namespaced,
                        "verbs": ["get", "list", "watch", "patch", "create", "delete"],
                    }
                    for kind in _RESOURCES
                    if (kind.group, kind.version) == (group, version)
                ]
            }
    return None
