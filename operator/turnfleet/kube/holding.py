"""The objects that a query found, as lists and watch events tell of them. No I/O.

Whatever order things come in, what is held is what the server said last: a list replaces all, an
event counts only when it is newer than everything before it. Resource versions of one kind are
ordered numbers (KEP-5504); where a server has others, events count in the order they come.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

Object = Mapping[str, Any]


class Key(NamedTuple):
    """Which object of a kind. ``namespace`` is empty where the kind has none."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


class Change(NamedTuple):
    """What became of one object: new, another one, or gone."""

    key: Key
    before: Object | None
    after: Object | None


def key(found: object) -> Key | None:
    """Return whose an object is; ``None`` for what is no object with a name."""
    about = _about(found)
    namespace, name = about.get("namespace", ""), about.get("name")
    if not isinstance(name, str) or not name or not isinstance(namespace, str):
        return None
    return Key(namespace, name)


def version(found: object) -> str:
    """Return an object's resource version, or nothing."""
    stated = _about(found).get("resourceVersion")
    return stated if isinstance(stated, str) else ""


def slim(found: Object) -> Object:
    """Return an object without ``managedFields``, which nobody here reads: half of its size."""
    about = _about(found)
    if "managedFields" not in about:
        return found
    return {**found, "metadata": {k: v for k, v in about.items() if k != "managedFields"}}


class Holding:
    """What is known of one query."""

    def __init__(self) -> None:
        self._objects: dict[Key, Object] = {}
        self._view: Mapping[Key, Object] | None = None
        self.version: str | None = None
        """From where a watch goes on; ``None``: only a new list will do."""

    @property
    def objects(self) -> Mapping[Key, Object]:
        """Return what is held now: a mapping that no later change touches."""
        if self._view is None:
            self._view = MappingProxyType(dict(self._objects))
        return self._view

    def relist(self, items: Iterable[object], *, at: str) -> tuple[Change, ...]:
        """Take a whole list, complete as of version ``at``; return what is different by it."""
        found = {k: item for item in items if (k := key(item)) and isinstance(item, dict)}
        changes = [Change(k, before, None) for k, before in self._objects.items() if k not in found]
        for k, item in found.items():
            before = self._objects.get(k)
            if before is None or not _same(before, item):
                changes.append(Change(k, before, item))
        self._apply(changes)
        self.version = at
        return tuple(changes)

    def take(self, kind: str, found: object) -> Change | None:
        """Take an event's type and object; return what is different by it, if anything."""
        stated = version(found)
        if self._is_past(stated):
            return None
        if stated:
            self.version = stated
        k = key(found)
        if k is None or not isinstance(found, dict):
            return None
        before = self._objects.get(k)
        match kind:
            case "ADDED" | "MODIFIED" if before is None or not _same(before, found):
                change = Change(k, before, found)
            case "DELETED" if before is not None:
                change = Change(k, before, None)
            case _:  # a bookmark, or a type that a later version has
                return None
        self._apply([change])
        return change

    def is_ahead_of(self, found: object) -> bool:
        """Return whether this has seen a later version than an object's."""
        return self._is_past(version(found)) and version(found) != self.version

    def _is_past(self, stated: str) -> bool:
        known = self.version or ""
        comparable = _is_number(stated) and _is_number(known)
        return comparable and int(stated) <= int(known)

    def _apply(self, changes: Iterable[Change]) -> None:
        for k, _, after in changes:
            self._view = None
            if after is None:
                del self._objects[k]
            else:
                self._objects[k] = after


def _about(found: object) -> Mapping[str, Any]:
    about = found.get("metadata") if isinstance(found, dict) else None
    return about if isinstance(about, dict) else {}


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def _same(one: Object, other: Object) -> bool:
    if version(one) and version(one) == version(other):
        return bool(_about(one).get("uid") == _about(other).get("uid"))
    return one == other and not version(one)
