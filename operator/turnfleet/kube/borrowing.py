"""Secrets that regions name instead of having one made: watched one by one, by name.

They belong to somebody else and carry no label of ours, so the server's field selector picks them.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from turnfleet.kube import client, holding, kinds, reading, secret, watching


@dataclass(frozen=True, slots=True, kw_only=True)
class Borrowed:
    """What there is of a named Secret."""

    secret: bytes | None = field(default=None, repr=False)
    problem: str = ""
    """Why it cannot be used, as a sentence."""


@dataclass(slots=True, kw_only=True)
class _Followed:
    watch: watching.Watch
    task: asyncio.Task[None]


class Borrowing:
    """The Secrets that regions name. ``marked`` is called with each region whose Secret changed.

    Has to be closed: it starts a task for each Secret.
    """

    def __init__(
        self,
        api: client.Client,
        *,
        marked: Callable[[reading.RegionKey], None],
        clock: Callable[[], float],
        rng: random.Random,
    ) -> None:
        self._api = api
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

    def found(self, region: reading.RegionKey) -> Borrowed | None:
        """Return what there is of the Secret that a region names; ``None``: not known yet."""
        key = self._wanted[region]
        watch = self._followed[key].watch
        if not watch.synced.is_set():
            return None
        found = watch.objects.get(key)
        if found is None:
            return Borrowed(problem=f"there is no Secret {key.name} in namespace {key.namespace}")
        value = secret.named(found)
        if isinstance(value, str):
            return Borrowed(problem=f"the Secret {key.name} cannot be used: {value}")
        return Borrowed(secret=value)

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
        )
        task = asyncio.create_task(watch.run(), name=f"watch Secret {key}")
        self._followed[key] = _Followed(watch=watch, task=task)

    def _changed(self, key: holding.Key) -> None:
        for region, wanted in self._wanted.items():
            if wanted == key:
                self._marked(region)
