"""What a plan would change in a cluster, told without changing it.

Reads what the operator would see of a region, plans, and has the API server apply it as a dry run,
so that a difference is one that it would make. Reads a Secret only where a region names it.

Plans with what the file says and nothing else. What kubectl would make of it depends on how it
applies and on who set what, so fields that only the cluster has are named instead of guessed at.
"""

import difflib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from turnfleet import names
from turnfleet.commands import connecting, showing, unwritten
from turnfleet.kube import client, failures, fields, kinds, observing, reading, secret
from turnfleet.model import region
from turnfleet.plan.cluster import naming, objects, observed, planned, planning
from turnfleet.sources import manifests

_VOLATILE: Final = ("managedFields", "resourceVersion", "generation", "creationTimestamp", "uid")
_NOT_THERE: Final = "not-there"
"""Stands for the uid of a region that is not in the cluster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What would change for one region."""

    namespace: str
    name: str
    plan: planned.Plan
    diffs: Mapping[str, str]
    """Unified diffs by object, such as "ConfigMap/turn-eu"."""
    unwritten: tuple[str, ...]
    """Fields that the region has in the cluster, and not in the file: ``unwritten``."""

    @property
    def conditions(self) -> tuple[Mapping[str, str], ...]:
        """Return the conditions that would be written; none where they are so already."""
        told: Any = (self.plan.status or {}).get("conditions", ())
        return tuple(told)

    @property
    def accepted(self) -> bool:
        """Return whether the region would be followed."""
        return all(c["status"] == "True" for c in self.conditions if c["type"] == "Accepted")

    def lines(self) -> Iterator[str]:
        """Yield what a person reads."""
        where = f"{self.namespace}/{self.name}"
        if self.unwritten:
            yield (
                f"# {where}: planned without what the cluster has and the file has not: "
                f"{', '.join(self.unwritten)}; kubectl apply keeps what others have set, such as "
                "kubectl scale"
            )
        if not self.plan:
            yield f"# {where}: nothing to do"
            return
        yield f"# {where}:"
        yield from (f"#   {line}" for line in self._steps())
        yield from (diff.rstrip() for diff in self.diffs.values() if diff)

    def as_json(self) -> dict[str, object]:
        """Return what a program reads."""
        return {
            "region": self.name,
            "namespace": self.namespace,
            "accepted": self.accepted,
            "conditions": [dict(one) for one in self.conditions],
            "diff": dict(self.diffs),
            "unwritten": list(self.unwritten),
            "annotate": {one.pod: dict(one.annotations) for one in self.plan.annotate},
            "delete": [str(one.key) for one in self.plan.delete],
        }

    def _steps(self) -> Iterator[str]:
        for annotate in self.plan.annotate:
            for name, value in annotate.annotations.items():
                yield f"Pod/{annotate.pod}: {name} = {value or '(none)'}"
        for delete in self.plan.delete:
            yield f"{delete.key}: deleted"
        for told in self.conditions:
            yield f"{told['type']} {told['status']}, {told['reason']}: {told['message']}"


async def run(
    found: Mapping[tuple[str, str], manifests.Manifest],
    *,
    policy: observed.Policy,
    kubeconfig: Path | None,
) -> list[Difference]:
    """Return what would change for each region, by namespace and name, that has no problem."""
    async with connecting.cluster(
        kubeconfig, verb="plan", failed="the cluster could not be compared with"
    ) as api:
        nodes = [reading.node(one) for one in await api.list(client.Query(kind=kinds.NODE))]
        looker = _Looker(api, {node.name: node for node in nodes}, policy)
        return [
            await looker.difference(where, one.spec, one.document)
            for (where, _), one in found.items()
            if one.spec is not None
        ]


class _Looker:
    """Looks at one cluster."""

    def __init__(
        self, api: client.Client, nodes: Mapping[str, observed.Node], policy: observed.Policy
    ) -> None:
        self._api = api
        self._nodes = nodes
        self._policy = policy

    async def difference(
        self, namespace: str, spec: region.RegionSpec, document: Mapping[str, Any]
    ) -> Difference:
        """Return what would change for one region."""
        there = await self._region(namespace, spec.name)
        seen = await self._observed(namespace, spec, fields.mapping(there, "status"))
        identity = (
            reading.identity(there)
            if there
            else observed.Identity(
                namespace=namespace, name=spec.name, uid=_NOT_THERE, generation=1, created=0.0
            )
        )
        plan = planning.plan(
            identity=identity,
            wanted=observed.Wanted(spec=spec),
            seen=seen,
            surroundings=observed.Surroundings(
                # Of the whole fleet nothing is known here; what relays have of it stays as it is.
                fresh_secret=b"unknown",
                relay_addresses=frozenset(a for pod in seen.pods for a in pod.addresses),
            ),
            policy=self._policy,
            now=time.time(),
        )
        diffs = {
            str(one.key): await self._diff(one, seen.live.get(one.key), spec) for one in plan.apply
        }
        return Difference(
            namespace=namespace,
            name=spec.name,
            plan=plan,
            diffs=diffs,
            unwritten=unwritten.paths(there, document),
        )

    async def _region(self, namespace: str, name: str) -> fields.Object:
        try:
            return await self._api.get(kinds.TURN_REGION, name, namespace=namespace)
        except failures.NotFound:
            return {}

    async def _observed(
        self, namespace: str, spec: region.RegionSpec, status: Mapping[str, Any]
    ) -> observed.Observed:
        labels = f"{names.LABEL_REGION}={spec.name}"
        found = {
            objects.Key(kind, fields.text(one, "metadata", "name")): one
            for kind, asked in observing.KINDS.items()
            for one in await self._api.list(
                client.Query(kind=asked, namespace=namespace, labels=labels)
            )
        }
        own = frozenset({f"turn-{spec.name}"})
        auth = found.get(naming.key(objects.Kind.SECRET, spec.name))
        named, problem = await self._named(namespace, spec.auth.secret_name)
        return observed.Observed(
            pods=tuple(
                reading.pod(one)
                for key, one in found.items()
                if key.kind is objects.Kind.POD and reading.is_relay_of(one, own)
            ),
            nodes=self._nodes,
            workloads=tuple(
                reading.workload(key.kind, one)
                for key, one in found.items()
                if key.kind in naming.WORKLOADS.values()
            ),
            live={
                key: reading.live(key.kind, one)
                for key, one in found.items()
                if key.kind is not objects.Kind.POD
            },
            auth=None if auth is None else secret.auth(auth),
            named_secret=named,
            named_secret_problem=problem,
            status=status,
        )

    async def _named(self, namespace: str, name: str | None) -> tuple[bytes | None, str]:
        if name is None:
            return None, ""
        try:
            found = await self._api.get(kinds.SECRET, name, namespace=namespace)
        except failures.NotFound:
            return None, f"there is no Secret {name} in namespace {namespace}"
        value = secret.named(found)
        return (value, "") if isinstance(value, bytes) else (None, f"Secret {name}: {value}")

    async def _diff(
        self, manifest: objects.Manifest, live: objects.Live | None, spec: region.RegionSpec
    ) -> str:
        kind = observing.KINDS[manifest.key.kind]
        after: Mapping[str, Any] = manifest.body
        if live is not None:
            after = await self._api.apply(
                kind, dict(manifest.body), manager=names.FIELD_MANAGER, dry_run=True
            )

        def lines(body: Mapping[str, Any]) -> list[str]:
            whole = {"apiVersion": kind.api_version, "kind": kind.name, **body}
            named = spec.auth.secret_name
            return _text(showing.redacted(manifest.key.kind, whole, named=named)).splitlines(
                keepends=True
            )

        return "".join(
            difflib.unified_diff(
                [] if live is None else lines(live.body),
                lines(after),
                fromfile=f"live/{manifest.key}",
                tofile=f"planned/{manifest.key}",
            )
        )


def _text(body: Mapping[str, Any]) -> str:
    """Return an object as YAML, without what changes by itself."""
    metadata = {
        name: value
        for name, value in fields.mapping(body, "metadata").items()
        if name not in _VOLATILE
    }
    annotations = dict(fields.mapping(metadata, "annotations"))
    annotations.pop(names.ANNOTATION_APPLIED, None)
    kept = {name: value for name, value in body.items() if name != "status"}
    about = {**metadata, "annotations": annotations}
    return showing.text(dict(sorted({**kept, "metadata": about}.items())))
