"""Keeps the objects of one kind in view: lists them once, then follows every change, for ever.

What is held survives whatever happens to the API server: a watch that ends is taken up where it
ended; where that is too long ago, a new list tells what is different, and only that counts as
changed. Who is not answered waits, longer each time and never as long as its neighbour.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from turnfleet.kube import client, failures, holding, kinds

_log = logging.getLogger(__name__)

Changed = Callable[[tuple[holding.Change, ...]], None]
Sleep = Callable[[float], Awaitable[object]]

_RESUMES: Final = 3
"""Times that the server may fail a watch in a row before a version it does not know is suspected,
as after etcd was restored from a backup."""
_LONG: Final = 0.9
"""The part of the longest silence after which the version is suspected."""
_TELL_AT: Final = 2
"""Which failure in a row is worth a warning: a single one is a server that restarts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How patient a watch is, in seconds."""

    first_wait: float = 0.5
    """Before the second attempt; doubles with each failure in a row."""
    longest_wait: float = 10.0
    """Also how late it is at most, once the server is back."""
    lasting: float = 240.0
    """How long a watch goes on; up to a quarter is added by chance."""
    silence: float = 75.0
    """Longest without a word: servers send bookmarks every minute, so the connection is dead."""
    least: float = 1.0
    """A watch that ended earlier, without a word, has failed."""


_PACE: Final = Pace()


class Watch:
    """The objects of a kind, in some namespaces or all.

    ``changed`` is called in the event loop with what is different: a list's differences at once
    (also none, the first time), then one event each. It must not raise. ``slim`` takes off what
    need not be kept of an object.
    """

    def __init__(
        self,
        api: client.Client,
        kind: kinds.Kind,
        *,
        namespaces: Sequence[str] | None,
        changed: Changed,
        clock: Callable[[], float],
        rng: random.Random,
        labels: str = "",
        fields: str = "",
        sleep: Sleep = asyncio.sleep,
        slim: Callable[[holding.Object], holding.Object] = holding.slim,
        pace: Pace = _PACE,
    ) -> None:
        """``namespaces`` ``None``: all of them, and also for kinds that are in none."""
        self.synced = asyncio.Event()
        """Set once everything was listed; stays set, whatever is lost later."""
        self._changed = changed
        self._view: Mapping[holding.Key, holding.Object] | None = None
        self._followers = {
            namespace: _Follower(
                api,
                client.Query(kind=kind, namespace=namespace, labels=labels, fields=fields),
                changed=self._take,
                clock=clock,
                rng=rng,
                sleep=sleep,
                slim=slim,
                pace=pace,
            )
            for namespace in (dict.fromkeys(namespaces) if namespaces is not None else (None,))
        }

    @property
    def objects(self) -> Mapping[holding.Key, holding.Object]:
        """Return what is known now: a mapping that no later change touches."""
        if self._view is None:
            parts = [follower.held.objects for follower in self._followers.values()]
            whole = {key: found for part in parts for key, found in part.items()}
            self._view = parts[0] if len(parts) == 1 else MappingProxyType(whole)
        return self._view

    def watches(self, namespace: str) -> bool:
        """Return whether a namespace is watched at all."""
        return namespace in self._followers or None in self._followers

    def has_listed(self, namespace: str) -> bool:
        """Return whether ``objects`` tells all about a namespace; False for those not watched."""
        follower = self._followers.get(namespace) or self._followers.get(None)
        return follower is not None and follower.listed

    @property
    def trouble(self) -> str | None:
        """Return a sentence while changes may be missed."""
        return next((f.trouble for f in self._followers.values() if f.trouble is not None), None)

    @property
    def heard_at(self) -> float:
        """Return when, by ``clock``, the server was last heard everywhere."""
        return min(follower.heard_at for follower in self._followers.values())

    async def run(self) -> None:
        """Follow until cancelled. Leaves no connection and no task behind."""
        async with asyncio.TaskGroup() as group:
            for follower in self._followers.values():
                group.create_task(follower.run(), name=f"watch {follower.query}")

    def _take(self, changes: tuple[holding.Change, ...]) -> None:
        self._view = None
        if all(follower.listed for follower in self._followers.values()):
            self.synced.set()
        self._changed(changes)


class _Follower:
    """Lists and watches one query."""

    def __init__(
        self,
        api: client.Client,
        query: client.Query,
        *,
        changed: Changed,
        clock: Callable[[], float],
        rng: random.Random,
        sleep: Sleep,
        slim: Callable[[holding.Object], holding.Object],
        pace: Pace,
    ) -> None:
        self.query = query
        self.held = holding.Holding()
        self.listed = False
        self.trouble: str | None = None
        self.heard_at = clock()
        self._api = api
        self._changed = changed
        self._clock = clock
        self._rng = rng
        self._sleep = sleep
        self._slim = slim
        self._pace = pace
        self._failures = 0
        self._refusals = 0

    async def run(self) -> None:
        while True:
            try:
                if self.held.version is None:
                    await self._list()
                await self._watch()
            except failures.Failure as failure:
                self._failed(failure)
                await self._sleep(self._wait(failure))

    async def _list(self) -> None:
        items: list[holding.Object] = []
        try:
            page = await self._api.page(self.query)
            items.extend(map(self._slim, page.items))
            while page.more is not None:
                page = await self._api.page(self.query, more=page.more)
                items.extend(map(self._slim, page.items))
        except failures.Gone:
            # The snapshot that the pages are of has expired: only one big answer is left.
            page = await self._api.page(self.query, limit=0)
            items = [self._slim(item) for item in page.items]
        changes = self.held.relist(items, at=page.resource_version)
        self._refusals = 0
        self.heard_at = self._clock()
        first, self.listed = not self.listed, True
        if changes or first:
            self._changed(changes)

    async def _watch(self) -> None:
        began = self._clock()
        heard = False
        try:
            async with self._api.events(
                self.query,
                since=self.held.version or "",
                lasting=self._pace.lasting * (1 + self._rng.random() / 4),
                silence=self._pace.silence,
            ) as events:
                # Nothing is missed any more, though there may be nothing to tell for a while.
                self.trouble = None
                self.heard_at = self._clock()
                async for event in events:
                    self._take(event)
                    heard = True
                    self._well()
        finally:
            if not heard and self._clock() - began >= _LONG * self._pace.silence:
                # Not even a bookmark: perhaps the server never had this version.
                self.held.version = None
        if not heard and self._clock() - began < self._pace.least:
            raise failures.Unavailable(f"watch {self.query}: it ended as soon as it began")
        self._well()

    def _take(self, event: holding.Object) -> None:
        kind, found = event.get("type"), event.get("object")
        if kind == "ERROR":
            said = found if isinstance(found, dict) else {}
            raise failures.of_status(f"watch {self.query}", said)
        if kind == "BOOKMARK" and self.held.is_ahead_of(found):
            # Its etcd was restored from a backup: a watch from here would hear nothing for long.
            raise failures.Gone(f"watch {self.query}: the server is at an earlier version")
        if isinstance(kind, str) and isinstance(found, dict):
            change = self.held.take(kind, self._slim(found))
            if change is not None:
                self._changed((change,))

    def _well(self) -> None:
        self.heard_at = self._clock()
        if self._failures >= _TELL_AT:
            _log.info("The API server tells of %s again", self.query)
        self._failures = self._refusals = 0
        self.trouble = None

    def _failed(self, failure: failures.Failure) -> None:
        self._failures += 1
        self._refusals += failure.status != 0
        if _is_about_the_version(failure) or self._refusals >= _RESUMES:
            self.held.version = None
        if self._failures == _TELL_AT:
            _log.warning(
                "Changes of %s may be missed, the last %d known stay: %s",
                self.query,
                len(self.held.objects),
                failure.sentence,
            )
        self.trouble = failure.sentence

    def _wait(self, failure: failures.Failure) -> float:
        longest = self._pace.first_wait * 2.0 ** min(self._failures - 1, 20)
        wait = min(longest, self._pace.longest_wait) * self._rng.uniform(0.5, 1.0)
        return max(wait, failure.retry_after or 0.0)


def _is_about_the_version(failure: failures.Failure) -> bool:
    """Return whether a server may have refused the version that a watch was to go on from."""
    return isinstance(
        failure, failures.Gone | failures.Refused | failures.Invalid | failures.NotFound
    )
