"""A fleet that an operator keeps in a cluster: TurnRegions, watched, and what they are signed with.

Whatever cannot be reached, the last known fleet is published: that of a moment ago, or that of the
last run, which is kept on disk. Reads only, and only what its narrow rights allow.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from turnfleet.kube import client, holding, kinds, watching
from turnfleet.model import fleet
from turnfleet.model import signing as signed
from turnfleet.sources import remembered, roster, signing, trust

_log = logging.getLogger(__name__)

PUBLISH_PAUSE: Final = 0.05
"""Seconds between two publications: a thousand regions that roll together are gone through once."""
SAVE_PAUSE: Final = 1.0
"""Seconds between two writes to disk: a change of one relay seldom comes alone."""
SAVE_EVERY: Final = 60.0
"""Seconds after which the file is written anew, though only its age is another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """Where everything is."""

    namespaces: tuple[str, ...] | None
    """Where TurnRegions are; ``None``: in any namespace."""
    signing_folder: Path | None
    signing_secret: tuple[str, str] | None
    """Namespace and name."""
    state: Path | None
    """Folder of the last known fleet; ``None``: it is not kept."""
    ca: Path | None


class Cluster:
    """Follows one cluster. ``changed`` is called in the event loop when anything below differs."""

    def __init__(
        self,
        where: Whereabouts,
        *,
        api: client.Client,
        changed: Callable[[], None],
        clock: Callable[[], float],
        wall: Callable[[], float],
        rng: random.Random,
    ) -> None:
        """``clock`` is steady, ``wall`` is Unix time; both give seconds."""
        self.published: tuple[fleet.Published, ...] = ()
        self._changed = changed
        self._clock = clock
        self._wall = wall
        self._dirty = asyncio.Event()
        self._worth_saving = asyncio.Event()
        self._roster = roster.Roster()
        self._before: remembered.Remembered | None = None
        self._forgetful: str | None = None
        self._memory = remembered.Memory(where.state) if where.state is not None else None
        self._trust = trust.Bundle(where.ca) if where.ca is not None else None
        self._made: dict[str, fleet.Published] = {}
        self._watch = watching.Watch(
            api,
            kinds.TURN_REGION,
            namespaces=where.namespaces,
            changed=lambda _: self._dirty.set(),
            clock=clock,
            rng=rng,
        )
        self._signing = signing.Signing(
            folder=where.signing_folder,
            api=api,
            secret=where.signing_secret,
            changed=self._dirty.set,
            clock=clock,
            rng=rng,
        )

    @property
    def keys(self) -> signed.Keys | None:
        """Return what is signed with; ``None``: nothing can be answered yet."""
        return self._signing.keys

    @property
    def complaints(self) -> tuple[str, ...]:
        """Return one sentence for everything that is wrong with what was found."""
        trust_complaint = self._trust.complaint if self._trust is not None else None
        own = (trust_complaint, self._forgetful)
        return (
            *self._roster.complaints,
            *self._signing.complaints,
            *(sentence for sentence in own if sentence is not None),
        )

    @property
    def heard(self) -> float | None:
        """Return when the API server was last heard of, Unix seconds; ``None``: never."""
        if self._watch.synced.is_set():
            return self._wall() - (self._clock() - self._watch.heard_at)
        return self._before.heard if self._before is not None else None

    @property
    def trouble(self) -> str | None:
        """Return a sentence while changes of regions may be missed."""
        return self._watch.trouble

    def recall(self) -> None:
        """Take what is on disk, before anything is asked of the API server. Blocks."""
        self._signing.look()
        if self._trust is not None:
            self._trust.look()
        if self._memory is not None:
            try:
                self._before = self._memory.load()
            except remembered.Unusable as error:
                self._forgetful = f"{error}; this start has no last known fleet"
        self._follow()
        if self._before is not None:
            _log.info(
                "%d regions are known from %.0f s ago, until the API server answers",
                len(self._roster.regions),
                max(0.0, self._wall() - self._before.heard),
            )

    async def run(self) -> None:
        """Follow until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch.run(), name="watch regions")
            group.create_task(self._signing.run(), name="follow what is signed with")
            group.create_task(self._publish(), name="publish the fleet")
            if self._memory is not None:
                group.create_task(self._save(self._memory), name="remember the fleet")
            if self._trust is not None:
                group.create_task(self._follow_trust(self._trust), name="follow the CA")

    async def _publish(self) -> None:
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            self._follow()
            await asyncio.sleep(PUBLISH_PAUSE)

    def _follow(self) -> None:
        """Publish what follows from all that is known now."""
        before = self._roster
        self._roster = roster.follow(before, self._objects())
        published = tuple(self._region(each) for each in self._roster.regions)
        self._made = {each.spec.name: each for each in published}
        self.published = published
        if self._roster.regions != before.regions:
            self._worth_saving.set()
        self._changed()

    def _objects(self) -> Mapping[holding.Key, holding.Object]:
        """Return every TurnRegion: remembered where the API server has not told of a namespace."""
        found = self._watch.objects
        if self._before is None or self._watch.synced.is_set():
            return found
        old = {
            key: each
            for key, each in self._before.objects.items()
            if self._watch.watches(key.namespace) and not self._watch.has_listed(key.namespace)
        }
        return {**old, **found}

    def _region(self, each: roster.Region) -> fleet.Published:
        """Return a region as it is published: the same object while nothing of it differs."""
        made = fleet.Published(
            spec=each.spec,
            relays=each.relays,
            secret=self.keys.regions.get(each.spec.name) if self.keys is not None else None,
            ca=self._trust.pem if self._trust is not None else None,
        )
        before = self._made.get(each.spec.name)
        return before if before == made and before is not None else made

    async def _save(self, memory: remembered.Memory) -> None:
        while True:
            try:
                async with asyncio.timeout(SAVE_EVERY):
                    await self._worth_saving.wait()
            except TimeoutError:
                pass
            await self._save_once(memory)
            await asyncio.sleep(SAVE_PAUSE)

    async def _save_once(self, memory: remembered.Memory) -> None:
        """Write what the API server said. What was only remembered is in the file already."""
        self._worth_saving.clear()
        if not self._watch.synced.is_set() and not self._watch.objects:
            return
        heard = self.heard if self.heard is not None else self._wall()
        objects: Sequence[Mapping[str, object]] = self._roster.remembered()
        try:
            await asyncio.to_thread(memory.save, objects, heard=heard)
        except remembered.Unusable as error:
            self._forgetful = f"{error}; a restart without the API server would have no fleet"
        else:
            self._forgetful = None
        self._changed()

    async def _follow_trust(self, bundle: trust.Bundle) -> None:
        while True:
            await asyncio.sleep(trust.LOOK_EVERY)
            if await asyncio.to_thread(bundle.look):
                self._dirty.set()
