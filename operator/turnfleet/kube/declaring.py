"""Applies TurnRegions that are declared in files, and takes away those that no longer are.

Touches only what it labelled: a region that somebody made by hand stays theirs, also when a file
declares one of its name. What is already as declared is not written.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from turnfleet import names
from turnfleet.kube import client, failures, fields, holding, kinds
from turnfleet.plan.cluster import drift

PAUSE_MAX: Final = 60
"""Looks for which a region that is refused again and again is left alone at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What files declare at one moment."""

    bodies: Mapping[holding.Key, fields.Object] = field(default_factory=dict)
    """Manifests by namespace and name."""
    held: frozenset[holding.Key] = frozenset()
    """Declared, but not in a way that can be followed: neither applied nor taken away."""
    complete: bool = False
    """Whether what is not declared is known not to be: else nothing is taken away."""


@dataclass(slots=True, kw_only=True)
class _Pause:
    """A region that could not be applied, and is not asked for again for a while."""

    manifest: fields.Object
    sentence: str
    looks: int
    """Looks that it lasts, of those that the handler takes."""
    left: int


class Declaring:
    """Brings TurnRegions in line with files, as a field manager of its own."""

    def __init__(self, api: client.Client) -> None:
        self._api = api
        self._pauses: dict[holding.Key, _Pause] = {}

    async def bring_about(
        self, declared: Declared, live: Mapping[holding.Key, fields.Object]
    ) -> tuple[str, ...]:
        """Apply and take away; return a sentence for all that did not work."""
        sentences = []
        for gone in self._pauses.keys() - declared.bodies.keys():
            del self._pauses[gone]
        for key, body in sorted(declared.bodies.items()):
            known = live.get(key)
            if known is not None and not is_ours(known):
                sentences.append(
                    f"TurnRegion {key} exists and does not come from values.regions, so it stays "
                    f"as it is; label it {names.LABEL_SOURCE}={names.SOURCE_VALUES} to hand it over"
                )
                continue
            manifest = _manifest(key, body)
            if known is None or not drift.covers(known, manifest):
                sentences += await self._apply(key, manifest, known)
        if declared.complete:
            for key in surplus(declared, live):
                sentences += await self._delete(key, live[key])
        return tuple(sentences)

    async def _apply(
        self, key: holding.Key, manifest: dict[str, Any], known: fields.Object | None
    ) -> list[str]:
        pause = self._pauses.get(key)
        if pause is not None and pause.manifest == manifest and pause.left > 0:
            pause.left -= 1
            return [pause.sentence]
        body = manifest
        if known is not None:
            uid = {"uid": fields.text(known, "metadata", "uid")}
            body = manifest | {"metadata": manifest["metadata"] | uid}
        try:
            await self._api.apply(
                kinds.TURN_REGION,
                body,
                manager=names.FIELD_MANAGER_VALUES,
                only_new=known is None,
            )
        except failures.Failure as failure:
            sentence = f"TurnRegion {key} of values.regions cannot be applied: {failure}"
            looks = 1
            if pause is not None and pause.manifest == manifest:
                looks = min(2 * pause.looks, PAUSE_MAX)
            self._pauses[key] = _Pause(
                manifest=manifest, sentence=sentence, looks=looks, left=looks
            )
            return [sentence]
        self._pauses.pop(key, None)
        return []

    async def _delete(self, key: holding.Key, known: fields.Object) -> list[str]:
        try:
            await self._api.delete(
                kinds.TURN_REGION,
                key.name,
                namespace=key.namespace,
                uid=fields.text(known, "metadata", "uid"),
            )
        except (failures.NotFound, failures.Conflict):
            return []
        except failures.Failure as failure:
            return [f"TurnRegion {key} is no longer in values.regions but stays: {failure}"]
        return []


def is_ours(found: fields.Object) -> bool:
    """Return whether a TurnRegion comes from values.regions."""
    labels = fields.texts(found, "metadata", "labels")
    return labels.get(names.LABEL_SOURCE) == names.SOURCE_VALUES


def surplus(
    declared: Declared, live: Mapping[holding.Key, fields.Object]
) -> Collection[holding.Key]:
    """Return the regions that come from values.regions and are no longer there."""
    wanted = declared.bodies.keys() | declared.held
    return [
        key
        for key, found in sorted(live.items())
        if key not in wanted
        and is_ours(found)
        and "deletionTimestamp" not in fields.mapping(found, "metadata")
    ]


def _manifest(key: holding.Key, body: fields.Object) -> dict[str, Any]:
    """Return what is applied: with a hash of itself, which shows what was taken out of it."""
    about = fields.mapping(body, "metadata")
    spec = fields.mapping(body, "spec")
    labels = {**fields.texts(about, "labels"), names.LABEL_SOURCE: names.SOURCE_VALUES}
    annotations = dict(fields.texts(about, "annotations"))
    whole = json.dumps([labels, annotations, spec], sort_keys=True)
    annotations[names.ANNOTATION_APPLIED] = hashlib.sha256(whole.encode()).hexdigest()[:16]
    return {
        "apiVersion": kinds.TURN_REGION.api_version,
        "kind": kinds.TURN_REGION.name,
        "metadata": {
            "namespace": key.namespace,
            "name": key.name,
            "labels": labels,
            "annotations": annotations,
        },
        "spec": spec,
    }
