"""What a cluster holds of each region, put together from watches. Makes no request of its own.

Six kinds are watched by the server's own label selector, so that nothing of anybody else comes in.
What came is kept by region; what a plan looks at is made of it when it is asked for.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from turnfleet import names
from turnfleet.kube import client, fields, holding, kinds, parting, reading, secret, watching
from turnfleet.plan.cluster import naming, objects, observed

KINDS: Final[Mapping[objects.Kind, kinds.Kind]] = {
    objects.Kind.SERVICE_ACCOUNT: kinds.SERVICE_ACCOUNT,
    objects.Kind.CONFIG_MAP: kinds.CONFIG_MAP,
    objects.Kind.SECRET: kinds.SECRET,
    objects.Kind.DISRUPTION_BUDGET: kinds.POD_DISRUPTION_BUDGET,
    objects.Kind.REPLICA_SET: kinds.REPLICA_SET,
    objects.Kind.DAEMON_SET: kinds.DAEMON_SET,
    objects.Kind.POD: kinds.POD,
}
_WORKLOADS: Final = (objects.Kind.REPLICA_SET, objects.Kind.DAEMON_SET)
Found = dict[objects.Key, fields.Object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a plan has written: until the watches tell of it, what they hold is old."""

    versions: Mapping[objects.Key, str] = field(default_factory=dict)
    """Resource versions that the API server answered with."""
    deleted: Mapping[objects.Key, str] = field(default_factory=dict)
    """uids of what was told to go."""


class Regions:
    """Everything that regions consist of, by region.

    ``marked`` is called in the event loop with each region something of which is different, and
    ``parted`` with what a relay, by the name of its pod, said at its end: a plan would come late.
    """

    def __init__(
        self,
        api: client.Client,
        *,
        namespaces: Sequence[str] | None,
        marked: Callable[[reading.RegionKey], None],
        parted: Callable[[reading.RegionKey, str, parting.Words], None] = lambda *_: None,
        clock: Callable[[], float],
        rng: random.Random,
    ) -> None:
        """``namespaces`` ``None``: all of them."""
        self._marked = marked
        self._parted = parted
        self._found: dict[reading.RegionKey, Found] = defaultdict(dict)
        slimming = _Slimming()
        self._watches = {
            kind: watching.Watch(
                api,
                watched,
                namespaces=namespaces,
                labels=names.LABEL_REGION,
                changed=lambda changes, kind=kind: self._take(kind, changes),  # type: ignore[misc]
                clock=clock,
                rng=rng,
                slim=slimming.slim,
            )
            for kind, watched in KINDS.items()
        }

    @property
    def synced(self) -> bool:
        """Return whether everything was listed once."""
        return all(watch.synced.is_set() for watch in self._watches.values())

    @property
    def trouble(self) -> str | None:
        """Return a sentence while changes may be missed."""
        return next((w.trouble for w in self._watches.values() if w.trouble is not None), None)

    async def wait(self) -> None:
        """Wait until everything was listed once."""
        for watch in self._watches.values():
            await watch.synced.wait()

    async def run(self) -> None:
        """Watch for ever."""
        async with asyncio.TaskGroup() as group:
            for kind, watch in self._watches.items():
                group.create_task(watch.run(), name=f"watch {kind}")

    def has(self, key: reading.RegionKey) -> bool:
        """Return whether anything of a region is there."""
        return bool(self._found.get(key))

    def is_on(self, key: reading.RegionKey, node: observed.Node | None) -> bool:
        """Return whether a region has a pod on a node."""
        return node is not None and any(
            one.kind is objects.Kind.POD and fields.text(body, "spec", "nodeName") == node.name
            for one, body in self._found.get(key, {}).items()
        )

    def is_unsettled(self, key: reading.RegionKey) -> bool:
        """Return whether a relay of a region is on its way out or in: it may be rolling."""
        return any(
            pod.deleting_until is not None or pod.closed is not None or not pod.ready
            for one, body in self._found.get(key, {}).items()
            if one.kind is objects.Kind.POD
            for pod in (reading.pod(body),)
        )

    def is_behind(self, key: reading.RegionKey, written: Written) -> bool:
        """Return whether something that was written has not been told of yet."""
        found = self._found.get(key, {})
        return any(
            is_older(holding.version(found.get(one)), version)
            for one, version in written.versions.items()
        ) or any(
            one in found
            and fields.text(found[one], "metadata", "uid") == uid
            and not fields.text(found[one], "metadata", "deletionTimestamp")
            for one, uid in written.deleted.items()
        )

    def observed(
        self,
        key: reading.RegionKey,
        *,
        nodes: Mapping[str, observed.Node],
        status: Mapping[str, Any],
        named_secret: bytes | None = None,
        named_secret_problem: str = "",
        certificate: observed.Certificate | None = None,
        refusal: str = "",
        taken: tuple[objects.Key, ...] = (),
    ) -> observed.Observed:
        """Return what a plan for a region looks at."""
        found = self._found.get(key, {})
        own = _own(key)
        auth = found.get(naming.key(objects.Kind.SECRET, key.name))
        pods = [
            reading.pod(body)
            for one, body in found.items()
            if one.kind is objects.Kind.POD and reading.is_relay_of(body, own)
        ]
        return observed.Observed(
            pods=tuple(sorted(pods, key=lambda pod: pod.name)),
            nodes=nodes,
            workloads=tuple(
                reading.workload(one.kind, body)
                for one, body in sorted(found.items(), key=lambda pair: pair[0])
                if one.kind in _WORKLOADS and "deletionTimestamp" not in body["metadata"]
            ),
            live={
                one: reading.live(one.kind, body)
                for one, body in found.items()
                if one.kind is not objects.Kind.POD
            },
            auth=None if auth is None else secret.auth(auth),
            named_secret=named_secret,
            named_secret_problem=named_secret_problem,
            certificate=certificate,
            status=status,
            refusal=refusal,
            taken=taken,
        )

    def _take(self, kind: objects.Kind, changes: tuple[holding.Change, ...]) -> None:
        for change in changes:
            one = objects.Key(kind, change.key.name)
            # A label that moved concerns two regions.
            before = None if change.before is None else reading.region_of(change.before)
            after = None if change.after is None else reading.region_of(change.after)
            if before is not None and before != after:
                self._found[before].pop(one, None)
                if not self._found[before]:
                    del self._found[before]
                self._marked(before)
            if after is not None and change.after is not None:
                self._found[after][one] = change.after
                self._listen(after, change)
                self._marked(after)

    def _listen(self, key: reading.RegionKey, change: holding.Change) -> None:
        """Hear what a relay says at its end; what was said before the first look was heard."""
        before, after = change.before, change.after
        if before is None or after is None or not reading.is_relay_of(after, _own(key)):
            return
        words = parting.news(before, after)
        if words is not None:
            self._parted(key, change.key.name, words)


def _own(key: reading.RegionKey) -> frozenset[str]:
    return frozenset({f"turn-{key.name}"})


_POD_SPEC: Final = frozenset({"nodeName", "containers", "terminationGracePeriodSeconds"})
_SHORT: Final = 80
"""Characters of the longest text worth looking for its equal."""
_POOL: Final = 50_000
"""Texts among which equals are looked for. Resource versions and times never come again, and some
Pythons keep what ``sys.intern`` was given until they end."""


class _Slimming:
    """Takes off what no plan looks at, and keeps equal texts once: most of an object by size."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def slim(self, found: fields.Object) -> fields.Object:
        """Return an object to keep."""
        kept = dict(holding.slim(found))
        if "containerStatuses" in fields.mapping(found, "status"):
            spec = fields.mapping(kept, "spec")
            kept["spec"] = {key: value for key, value in spec.items() if key in _POD_SPEC}
        if len(self._texts) > _POOL:
            self._texts.clear()
        shared: fields.Object = self._shared(kept)
        return shared

    def _shared(self, found: Any) -> Any:
        match found:
            case dict():
                return {self._text(key): self._shared(value) for key, value in found.items()}
            case list():
                return [self._shared(value) for value in found]
            case str():
                return self._text(found)
            case _:
                return found

    def _text(self, found: str) -> str:
        return self._texts.setdefault(found, found) if len(found) <= _SHORT else found


def is_older(held: str, written: str) -> bool:
    """Return whether a resource version is older than one that was written; "" is none at all."""
    if not held or not written:
        return bool(written)
    if held.isdecimal() and written.isdecimal():
        return int(held) < int(written)
    return held != written
