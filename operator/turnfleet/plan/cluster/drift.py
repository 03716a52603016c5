"""Whether a live object is as its manifest wants it, without asking the API server to find out.

It is when everything wanted is there, written as the API server writes it: with defaults added,
amounts in their shortest form, and lists that are merged by key in any order. What has been taken
out of a manifest cannot be seen that way, so every manifest carries a hash of itself (``sealed``).
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from turnfleet import names
from turnfleet.plan.cluster import objects

_MERGED_BY: Final[Mapping[str, tuple[str, ...]]] = {
    "containers": ("name",),
    "env": ("name",),
    "imagePullSecrets": ("name",),
    "ownerReferences": ("uid",),
    "ports": ("containerPort", "protocol"),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "volumeMounts": ("mountPath",),
    "volumes": ("name",),
}
"""Lists of which server-side apply owns single items, and what tells the items apart."""

_AMOUNTS: Final = frozenset({"requests", "limits", "sizeLimit"})
"""Fields that hold quantities."""

_QUANTITY: Final = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)([numkMGTPE]|[KMGTPE]i)?")
_BINARY: Final = "KMGTPE"
_DECIMAL: Final[Mapping[str, int]] = {
    "n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18,
}  # fmt: skip


def sealed(manifest: objects.Manifest) -> objects.Manifest:
    """Return a manifest that carries a hash of itself; a Secret's content stays out of it."""
    body = dict(manifest.body)
    shown = body
    if manifest.key.kind is objects.Kind.SECRET:
        shown = body | {"data": sorted(_mapping(body.get("data")))}
    digest = hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()[:16]
    metadata = dict(_mapping(body.get("metadata")))
    annotations = {**_mapping(metadata.get("annotations")), names.ANNOTATION_APPLIED: digest}
    return objects.Manifest(
        key=manifest.key, body=body | {"metadata": metadata | {"annotations": annotations}}
    )


def drifted(manifest: objects.Manifest, live: objects.Live | None) -> bool:
    """Return whether a sealed manifest has to be applied."""
    return live is None or not covers(live.body, manifest.body)


def covers(live: object, wanted: object, *, field: str = "") -> bool:
    """Return whether ``live``, as the API server gives it, holds all of ``wanted``."""
    if live == wanted:
        return True
    match wanted:
        case Mapping():
            present = _mapping(live)
            return isinstance(live, Mapping | None) and all(
                covers(present.get(name), value, field=field if field in _AMOUNTS else name)
                for name, value in wanted.items()
            )
        case list() | tuple():
            return _covers_list(live, wanted, field)
        case str() if field in _AMOUNTS:
            return _amount(live) == _amount(wanted)
        case "":
            return live in {None, ""}  # Left out by the API server.
        case _:
            return False


def _covers_list(live: object, wanted: Sequence[object], field: str) -> bool:
    if not isinstance(live, list | tuple | None):
        return False
    present = live or ()
    keys = _MERGED_BY.get(field)
    if keys is None:
        # Atomic: it is as a whole what somebody applied.
        return len(present) == len(wanted) and all(
            covers(one, other) for one, other in zip(present, wanted, strict=True)
        )
    by_key = {_item_key(item, keys): item for item in present}
    return all(covers(by_key.get(_item_key(item, keys)), item) for item in wanted)


def _item_key(item: object, keys: Sequence[str]) -> tuple[object, ...]:
    fields = _mapping(item)
    return tuple(fields.get(key, "TCP" if key == "protocol" else None) for key in keys)


def _amount(value: object) -> Decimal | object:
    found = _QUANTITY.fullmatch(str(value))
    if found is None:
        return value
    number, suffix = Decimal(found[1]), found[2] or ""
    if suffix.endswith("i"):
        factor = Decimal(1024) ** (_BINARY.index(suffix[0]) + 1)
    else:
        factor = Decimal(10) ** _DECIMAL[suffix]
    return number * factor


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
