"""Which fields a region has in a cluster that a file of it leaves out: an apply may keep them.

Pure. Only fields that make another region of it count: defaults of the schema, which the API
server writes into every region, do not.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from turnfleet.kube import fields
from turnfleet.model import turnregion


class _Field(NamedTuple):
    path: tuple[str, ...]
    value: object


def paths(live: Mapping[str, Any], written: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the fields, such as ``spec.relays.replicas``. Lists count as one field each."""
    declared = turnregion.parse(written)
    beside = _beside(fields.mapping(live, "spec"), fields.mapping(written, "spec"), ("spec",))
    return tuple(
        ".".join(field.path)
        for field in beside
        if turnregion.parse(_with(written, *field)) != declared
    )


def _beside(
    live: Mapping[str, Any], written: Mapping[str, Any], path: tuple[str, ...]
) -> Iterator[_Field]:
    for name, value in live.items():
        own = written.get(name)
        if isinstance(value, Mapping) and value and (own is None or isinstance(own, Mapping)):
            yield from _beside(value, own or {}, (*path, name))
        elif name not in written:
            yield _Field((*path, name), value)


def _with(document: Mapping[str, Any], path: tuple[str, ...], value: object) -> dict[str, Any]:
    """Return a document with one field more."""
    first, *rest = path
    inner = _with(document.get(first) or {}, tuple(rest), value) if rest else value
    return {**document, first: inner}
