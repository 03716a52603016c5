"""What this endpoint signs with: from the mounted Secret, and from the API server as it changes.

The API server is believed while it is heard: a mounted folder follows up to a minute later. While
it is not, a folder that changes is newer. What was known stays known when the Secret is emptied or
deleted, since relays still accept it. Values are never logged.
"""

import asyncio
import base64
import binascii
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from turnfleet.kube import client, fields, holding, kinds, watching
from turnfleet.model import signing
from turnfleet.sources import mounted

LOOK_EVERY: Final = 2.0
"""Seconds between two looks at the folder."""


class Signing:
    """Holds the newest keys. ``changed`` is called in the event loop when there are others."""

    def __init__(
        self,
        *,
        folder: Path | None,
        api: client.Client,
        secret: tuple[str, str] | None,
        changed: Callable[[], None],
        clock: Callable[[], float],
        rng: random.Random,
        look_every: float = LOOK_EVERY,
    ) -> None:
        """``secret`` is namespace and name; folder or secret may be absent, not both."""
        self.keys: signing.Keys | None = None
        self._unreadable: tuple[str, ...] = ()
        self._unfit: tuple[str, ...] = ()
        self._folder = folder
        self._look_every = look_every
        self._mounted: Mapping[str, bytes] | None = None
        self._changed = changed
        self._watch: watching.Watch | None = None
        if secret is not None:
            self._key = holding.Key(*secret)
            self._watch = watching.Watch(
                api,
                kinds.SECRET,
                namespaces=(secret[0],),
                fields=f"metadata.name={secret[1]}",
                changed=self._told,
                clock=clock,
                rng=rng,
            )

    @property
    def complaints(self) -> tuple[str, ...]:
        """Return a sentence for everything that is wrong."""
        return (*self._unreadable, *self._unfit)

    def look(self) -> None:
        """Take the folder as it is now, where the API server has said nothing better. Blocks."""
        if self._folder is not None:
            self._mount(_entries(self._folder))

    async def run(self) -> None:
        """Follow both for ever."""
        async with asyncio.TaskGroup() as group:
            if self._watch is not None:
                group.create_task(self._watch.run(), name="watch the signing secret")
            group.create_task(self._follow_folder(), name="follow the signing folder")

    @property
    def _heard(self) -> bool:
        watch = self._watch
        return watch is not None and watch.synced.is_set() and watch.trouble is None

    async def _follow_folder(self) -> None:
        while self._folder is not None:
            self._mount(await asyncio.to_thread(_entries, self._folder))
            await asyncio.sleep(self._look_every)

    def _mount(self, found: Mapping[str, bytes] | str) -> None:
        if isinstance(found, str):
            self._unreadable = (f"{found}; what was signed with before goes on",)
            return
        self._unreadable = ()
        if found != self._mounted:
            self._mounted = found
            if not self._heard:
                self._take(found)

    def _told(self, _: tuple[holding.Change, ...]) -> None:
        if self._watch is not None:
            found = self._watch.objects.get(self._key)
            self._take(_decoded(found) if found is not None else {})

    def _take(self, entries: Mapping[str, bytes]) -> None:
        keys, self._unfit = signing.read(entries)
        if keys is None:
            # Emptied, or not filled yet. Relays go by what they have been given.
            keys = self.keys
            missing = f"The Secret to sign with has no valid entry {signing.FLEET_KEY}"
            self._unfit = (f"{missing}; the operator fills it",)
        if keys != self.keys:
            self.keys = keys
            self._changed()


def _entries(folder: Path) -> Mapping[str, bytes] | str:
    """Return what is in the folder, or why that cannot be said."""
    try:
        return mounted.entries(folder)
    except mounted.Unreadable as error:
        return error.sentence


def _decoded(found: holding.Object) -> Mapping[str, bytes]:
    """Return a Secret's entries; what is not base64 is an empty one."""
    entries = {}
    for name, text in fields.texts(found, "data").items():
        try:
            entries[name] = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            entries[name] = b""
    return entries
