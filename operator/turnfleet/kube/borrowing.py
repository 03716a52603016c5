"""Secrets that regions name and somebody else owns: watched one by one, by name.

They carry no label of ours, so the server's field selector picks them. Of each only what its reader
made of it is kept: a key that nobody asks for does not stay in memory.
"""

import asyncio
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from turnfleet.kube import client, fields, holding, kinds, reading, watching

T = TypeVar("T")
Read = Callable[[holding.Key, fields.Object | None], T]
"""Makes of a Secret, or of its absence, what is kept; must not raise."""

_READ: Final = "read"
_KEPT: Final = ("namespace", "name", "uid", "resourceVersion")
"""Of the metadata: an annotation of kubectl's holds all of what was applied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Followed:
    watch: watching.Watch
    task: asyncio.Task[None]


class Borrowing(Generic[T]):
    """The Secrets that regions name for one purpose.

    ``marked`` is called with each region whose Secret changed. Has to be closed: it starts a task
    for each.
    """

    def __init__(
        self,
        api: client.Client,
        *,
        read: Read[T],
        marked: Callable[[reading.RegionKey], None],
        clock: Callable[[], float],
        rng: random.Random,
    ) -> None:
        self._api = api
        self._read = read
        self._marked = marked
        self._clock = clock
        self._rng = rng
        self._wanted: dict[reading.RegionKey, holding.Key] = {}
        self._followed: dict[holding.Key, _Followed] = {}

    def want(self, region: reading.RegionKey, name: str | None) -> None:
        """Note which Secret of its namespace a region names; ``None``: none."""
        key = None if name is None else holding.Key(region.namespace, name)
        if self._wanted.get(region) == key:
            return
        if key is None:
            del self._wanted[region]
        else:
            self._wanted[region] = key
            self._follow(key)
        for unused in self._followed.keys() - set(self._wanted.values()):
            self._followed.pop(unused).task.cancel()

    def is_pending(self, region: reading.RegionKey) -> bool:
        """Return whether the Secret that a region names has not been looked at yet."""
        key = self._wanted.get(region)
        return key is not None and not self._followed[key].watch.synced.is_set()

    def found(self, region: reading.RegionKey) -> T | None:
        """Return what there is of the Secret that a region names; ``None``: it names none."""
        key = self._wanted.get(region)
        if key is None:
            return None
        found = self._followed[key].watch.objects.get(key)
        if found is None:
            return self._read(key, None)
        read: T = found[_READ]
        return read

    def each(self) -> Iterator[tuple[reading.RegionKey, T]]:
        """Yield what has been looked at, by region."""
        for region in self._wanted:
            if not self.is_pending(region) and (found := self.found(region)) is not None:
                yield region, found

    async def close(self) -> None:
        """End every watch."""
        tasks = [followed.task for followed in self._followed.values()]
        self._followed.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _follow(self, key: holding.Key) -> None:
        if key in self._followed:
            return
        watch = watching.Watch(
            self._api,
            kinds.SECRET,
            namespaces=(key.namespace,),
            fields=f"metadata.name={key.name}",
            changed=lambda _: self._changed(key),
            clock=self._clock,
            rng=self._rng,
            slim=self._slim,
        )
        task = asyncio.create_task(watch.run(), name=f"watch Secret {key}")
        self._followed[key] = _Followed(watch=watch, task=task)

    def _slim(self, found: fields.Object) -> fields.Object:
        about = fields.mapping(found, "metadata")
        kept = {name: about[name] for name in _KEPT if name in about}
        key = holding.key(found)
        return {"metadata": kept, _READ: None if key is None else self._read(key, found)}

    def _changed(self, key: holding.Key) -> None:
        for region, wanted in self._wanted.items():
            if wanted == key:
                self._marked(region)
