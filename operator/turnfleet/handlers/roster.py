"""The objects of one kind as kopf tells of them, and a roll call for what kopf cannot tell.

kopf lists again after it lost a watch for too long, and then tells what is there, never what has
gone meanwhile. So whenever it has listed, after an outage, and every few minutes, a list of our own
says who is still there. Holds objects; decides nothing about them.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from turnfleet.kube import fields, holding


class Change(NamedTuple):
    """What became of one object."""

    key: holding.Key
    before: fields.Object | None
    after: fields.Object | None


class Roster:
    """Objects by namespace and name, the newest that was told of each.

    ``changed`` is called with every difference. Workers of kopf tell of different objects in any
    order, and of one object in order; the roll call may be older than what they told.
    """

    def __init__(self, *, changed: Callable[[Change], None]) -> None:
        self.complete = False
        """Whether a roll call has said that everything is here."""
        self._changed = changed
        self._objects: dict[holding.Key, fields.Object] = {}
        self._gone: dict[str, None] = {}
        self._told_since: set[holding.Key] = set()

    @property
    def objects(self) -> Mapping[holding.Key, fields.Object]:
        """Return what there is; it changes with time."""
        return self._objects

    def told(self, kind: str | None, found: fields.Object) -> None:
        """Take what kopf tells: the type of an event, and the object."""
        key = holding.key(found)
        if key is None:
            return
        if kind == "DELETED":
            self._remember_gone(found)
            if _uid(self._objects.get(key)) == _uid(found):
                self.dismiss(key)
            return
        self._told_since.add(key)
        self._put(key, found)

    def dismiss(self, key: holding.Key) -> None:
        """Take out an object that is known to be gone."""
        before = self._objects.pop(key, None)
        if before is not None:
            self._changed(Change(key, before, None))

    def begin_roll_call(self) -> None:
        """Note that a list is about to be asked for: what is told from now on is newer."""
        self._told_since.clear()

    def end_roll_call(self, items: Iterable[fields.Object]) -> int:
        """Take the list that was asked for; return how many were missing from it."""
        present = {key: item for item in items if (key := holding.key(item)) is not None}
        for key, item in present.items():
            if _uid(item) not in self._gone:
                self._put(key, item)
        absent = [
            key for key in self._objects if key not in present and key not in self._told_since
        ]
        for key in absent:
            self.dismiss(key)
        self._gone.clear()
        self.complete = True
        return len(absent)

    def _put(self, key: holding.Key, found: fields.Object) -> None:
        before = self._objects.get(key)
        if before is not None and _is_not_newer(found, before):
            return
        after = holding.slim(found)
        self._objects[key] = after
        self._changed(Change(key, before, after))

    def _remember_gone(self, found: fields.Object) -> None:
        """Keep in mind what has gone since the last roll call, whose list may still have it."""
        self._gone[_uid(found)] = None


def _is_not_newer(found: fields.Object, before: fields.Object) -> bool:
    one, other = holding.version(found), holding.version(before)
    if one.isdecimal() and other.isdecimal():
        return int(one) <= int(other)
    return one == other != ""


def _uid(found: fields.Object | None) -> str:
    return "" if found is None else fields.text(found, "metadata", "uid")
