"""Tries things at an API server with somebody's token, without doing them.

Rights are looked at before anything else: whatever the server answers but "you may not" shows that
the account may, be it that nothing has that name or that the body is none. Writes are dry runs.
"""

import contextlib
import http.client
import json
import ssl
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from tests.support import rights

_VERSIONS: Final = {"turnfleet.io": "v1alpha1"}
"""Of groups that are not at v1."""
_METHODS: Final = {
    "get": "GET", "list": "GET", "watch": "GET", "create": "POST", "update": "PUT",
    "patch": "PATCH", "delete": "DELETE",
}  # fmt: skip
_NAMELESS: Final = frozenset({"list", "watch", "create"})
_NO_NAME: Final = "nothing-of-this-name"
_REVIEWS: Final = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_FROM_ANYWHERE: Final = "&watch=true&timeoutSeconds=1&resourceVersion=0"
"""Of a watch. Without a version the server answers only once it is sure to have the newest: 3 s."""
_TIMEOUT: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who tries, by a token, at the server of a URL."""

    server: str
    authority: str
    """The file of the server's authority."""
    token: str

    def may(self, act: rights.Act) -> bool:
        """Return whether the server lets this account do a thing."""
        method = _METHODS[act.verb]
        status, said = self._ask(method, path(act), "" if method == "GET" else "{}")
        # A quota or a policy forbids with the same code and in other words.
        return status != HTTPStatus.FORBIDDEN or f"cannot {act.verb}" not in said

    def is_told(self, act: rights.Act) -> bool:
        """Return whether the server says that it would, as ``kubectl auth can-i`` asks it."""
        group, resource, subresource = _parts(act)
        wanted = {
            "verb": act.verb,
            "group": group,
            "resource": resource,
            "subresource": subresource,
            "namespace": act.namespace or "",
            "name": act.name,
        }
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": wanted},
        }
        status, said = self._ask("POST", _REVIEWS, json.dumps(review))
        assert status == HTTPStatus.CREATED, said
        allowed: bool = json.loads(said)["status"]["allowed"]
        return allowed

    def _ask(self, method: str, target: str, body: str) -> tuple[int, str]:
        kind = "merge-patch+json" if method == "PATCH" else "json"
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": f"application/{kind}"}
        connection = http.client.HTTPSConnection(
            self.server.removeprefix("https://"),
            timeout=_TIMEOUT,
            context=ssl.create_default_context(cafile=self.authority),
        )
        with contextlib.closing(connection):
            connection.request(method, target, body, headers)
            answer = connection.getresponse()
            # A watch that is allowed would go on.
            said = "" if answer.status == HTTPStatus.OK else answer.read().decode()
        if answer.status == HTTPStatus.UNAUTHORIZED:
            raise ValueError(f"the server does not know this token: {said}")
        return answer.status, said


def path(act: rights.Act) -> str:
    """Return the path and the query by which a thing is asked for."""
    group, resource, subresource = _parts(act)
    version = _VERSIONS.get(group, "v1")
    parts = [f"/apis/{group}/{version}" if group else f"/api/{version}"]
    if act.namespace is not None:
        parts.append(f"namespaces/{act.namespace}")
    parts.append(resource)
    if act.verb not in _NAMELESS or subresource:
        parts.append(act.name or _NO_NAME)
    if subresource:
        parts.append(subresource)
    return "/".join(parts) + _query(act)


def _parts(act: rights.Act) -> tuple[str, str, str]:
    """Return group, plural and subresource."""
    group, _, plural = act.resource.rpartition("/")
    resource, _, subresource = plural.partition(":")
    return group, resource, subresource


def _query(act: rights.Act) -> str:
    match act.verb:
        case "get":
            return ""
        case "list" | "watch":
            # A right to one name is a right to a list of nothing but that.
            named = f"&fieldSelector=metadata.name={act.name}" if act.name else ""
            watched = _FROM_ANYWHERE if act.verb == "watch" else ""
            return f"?limit=1{named}{watched}"
        case _:
            return "?dryRun=All"
