"""Keeps the Secret that endpoints sign with: the fleet's key, and one secret for each region.

The fleet's key is made once and never replaced while anybody knows it. Writes are collected, so
that a thousand new regions are a few patches, and only what differs is written. Nothing of what is
in there is ever logged, not even its length.
"""

import asyncio
import base64
import logging
import random
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Final

from turnfleet import names
from turnfleet.kube import client, failures, fields, holding, kinds, secret, watching
from turnfleet.model import signing

_GATHER: Final = 0.2
"""Seconds for which changes are collected before they are written."""
_RETRY: Final = 2.0
_RETRY_MAX: Final = 60.0

_log = logging.getLogger(__name__)


class Signing:
    """The Secret as it is, and what regions want in it."""

    def __init__(
        self,
        api: client.Client,
        *,
        namespace: str,
        name: str,
        entropy: Callable[[int], bytes],
        clock: Callable[[], float],
        rng: random.Random,
        may_write: Callable[[], bool],
        changed: Callable[[str], None],
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        """Call ``changed`` with each region that endpoints sign otherwise for from now on."""
        self.ready = asyncio.Event()
        """Set once the fleet's key is known."""
        self.trouble: str | None = None
        """A sentence while what regions want cannot be written."""
        self._api = api
        self._namespace = namespace
        self._name = name
        self._entropy = entropy
        self._may_write = may_write
        self._changed = changed
        self._sleep = sleep
        self._news = asyncio.Event()
        self._key = b""
        self._written: fields.Object | None = None
        self._wanted: dict[str, bytes] = {}
        self._roster: frozenset[str] | None = None
        self._watch = watching.Watch(
            api,
            kinds.SECRET,
            namespaces=(namespace,),
            fields=f"metadata.name={name}",
            changed=self._told,
            clock=clock,
            rng=rng,
        )

    @property
    def agent_key(self) -> str:
        """Return what relays show their status for; empty until the fleet's key is known."""
        if not self._key:
            return ""
        return signing.agent_key(self._key)

    def signed(self, region: str) -> bytes | None:
        """Return what endpoints are told to sign with for a region; ``None``: nothing."""
        found = self._found()
        return None if found is None else secret.entry(found, f"{signing.REGION_PREFIX}{region}")

    def want(self, region: str, value: bytes) -> None:
        """Have a region's credentials signed with a secret from now on."""
        if self._wanted.get(region) != value:
            self._wanted[region] = value
            self._news.set()

    def keep_only(self, regions: Collection[str]) -> None:
        """Take away what is there of regions that are not among ``regions``."""
        roster = frozenset(regions)
        if roster != self._roster:
            self._roster = roster
            for gone in self._wanted.keys() - roster:
                del self._wanted[gone]
            self._news.set()

    async def run(self) -> None:
        """Keep the Secret for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch.run(), name="watch the signing secret")
            group.create_task(self._write(), name="write the signing secret")

    async def _write(self) -> None:
        await self._watch.synced.wait()
        wait = _RETRY
        while True:
            await self._news.wait()
            await self._sleep(_GATHER)
            self._news.clear()
            if not self._may_write():
                self._news.set()
                continue
            try:
                await self._bring_up_to_date()
                self.trouble = None
                wait = _RETRY
            except failures.Failure as failure:
                self._failed(failure)
                self._news.set()
                await self._sleep(max(wait, failure.retry_after or 0.0))
                wait = min(2 * wait, _RETRY_MAX)

    def _failed(self, failure: failures.Failure) -> None:
        sentence = (
            f"The Secret {self._namespace}/{self._name}, which endpoints sign with, cannot be "
            f"written: {failure}"
        )
        if isinstance(failure, failures.Conflict):
            return  # somebody wrote it a moment ago; the watch brings what
        if sentence != self.trouble:
            _log.warning("%s", sentence)
        self.trouble = sentence

    async def _bring_up_to_date(self) -> None:
        found = self._found()
        changes = self._changes(found)
        if not changes:
            self._know(found)
            return
        if found is None:
            manifest = {
                "apiVersion": kinds.SECRET.api_version,
                "kind": kinds.SECRET.name,
                "metadata": {"namespace": self._namespace, "name": self._name},
                "type": "Opaque",
                "data": {key: value for key, value in changes.items() if value is not None},
            }
            written = await self._api.create(kinds.SECRET, manifest)
        else:
            # Under its version: of two replicas that make a key, one has to give way.
            written = await self._api.merge_patch(
                kinds.SECRET,
                self._name,
                {"data": changes},
                namespace=self._namespace,
                resource_version=holding.version(found),
                manager=names.FIELD_MANAGER,
            )
        self._written = written
        self._know(written)
        self._tell(changes, {} if found is None else fields.texts(found, "data"))

    def _tell(self, changes: Mapping[str, str | None], before: Mapping[str, str]) -> None:
        """Say what is signed otherwise; what is signed for the first time is news to nobody."""
        for entry, value in changes.items():
            name = entry.removeprefix(signing.REGION_PREFIX)
            if value is not None and entry != name and entry in before:
                self._changed(name)

    def _changes(self, found: fields.Object | None) -> dict[str, str | None]:
        """Return which entries have to be written, and which taken away."""
        held = {} if found is None else fields.texts(found, "data")
        wanted = {f"{signing.REGION_PREFIX}{name}": value for name, value in self._wanted.items()}
        if _fleet_key(found) is None:
            # A Secret that was emptied by hand gets the key back that relays already have.
            key = self._key or self._entropy(signing.KEY_BYTES)
            wanted[signing.FLEET_KEY] = key.hex().encode()
        changes: dict[str, str | None] = {
            key: encoded
            for key, value in wanted.items()
            if held.get(key) != (encoded := base64.b64encode(value).decode())
        }
        if self._roster is not None:
            for entry in held:
                name = entry.removeprefix(signing.REGION_PREFIX)
                if entry != name and name not in self._roster:
                    changes[entry] = None
        return changes

    def _know(self, found: fields.Object | None) -> None:
        key = _fleet_key(found)
        if key is not None:
            self._key = key
            self.ready.set()

    def _found(self) -> fields.Object | None:
        """Return the Secret as it is: what was written last, until the watch tells of later."""
        told = self._watch.objects.get(holding.Key(self._namespace, self._name))
        versions = holding.version(told), holding.version(self._written)
        if all(version.isdecimal() for version in versions) and int(versions[0]) < int(versions[1]):
            return self._written
        return told

    def _told(self, changes: tuple[holding.Change, ...]) -> None:
        if any(change.after is None for change in changes):
            self._written = None
        self._news.set()


def _fleet_key(found: fields.Object | None) -> bytes | None:
    entry = None if found is None else secret.entry(found, signing.FLEET_KEY)
    return signing.fleet_key(entry)
