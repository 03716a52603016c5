"""Does what a plan says, in its order, and tells what of it worked. Decides nothing.

Nothing that was deleted comes back: an object that is known is applied under its uid, and before
one is made the region itself is asked for, under its uid too; what slips through between the two
belongs to a region that is gone, and the garbage collector takes it. Nothing that is somebody
else's is taken over: what is not known is made only where there is nothing of its name. Every step
is void where the object is another one by now, and a relay is deleted only as it was seen: who has
led meanwhile may have opened it again. Failures are values: who asked decides when to plan again.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from turnfleet import names
from turnfleet.kube import client, failures, holding, kinds, observing, reading
from turnfleet.plan.cluster import objects, observed, planned

_AT_ONCE: Final = 16
"""Pods of a region that are annotated at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A step that did not work."""

    step: str
    """Such as "apply ReplicaSet/turn-eu"."""
    failure: failures.Failure

    @property
    def refused(self) -> str:
        """Return the server's sentence where trying again changes nothing by itself, or ""."""
        lasting = failures.Forbidden | failures.Invalid | failures.Refused
        return str(self.failure) if isinstance(self.failure, lasting) else ""

    def __str__(self) -> str:
        return f"{self.step} failed: {self.failure}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came of a plan."""

    failed: tuple[Failed, ...] = ()
    written: observing.Written = field(default_factory=observing.Written)
    status_version: str = ""
    """Resource version of the TurnRegion after its status was written; empty: it was not."""
    gone: bool = False
    """The region is not there any more, so nothing was made."""
    taken: tuple[objects.Key, ...] = ()
    """Names of which somebody else has an object already; nothing was done to it."""
    happened: tuple[planned.Event, ...] = ()
    """Transitions to announce."""


class Executor:
    """Executes plans against one API server, as one field manager."""

    def __init__(self, api: client.Client, *, may_write: Callable[[], bool]) -> None:
        """``may_write`` is asked before every step: a plan may outlive a lease."""
        self._api = api.terse()
        self._may_write = may_write

    async def execute(
        self,
        plan: planned.Plan,
        *,
        identity: observed.Identity,
        live: Mapping[objects.Key, objects.Live],
    ) -> Report:
        """Do what a plan says for a region of which ``live`` exists."""
        run = _Run(self._api, identity, live, self._may_write)
        if any(one.key not in live for one in plan.apply) and not await run.region_is_there():
            return run.report()
        for manifest in plan.apply:
            if not await run.apply(manifest):
                break  # later ones build on it: no workload without its account
        applied = not run.failed
        if plan.status is not None:
            # Before pods are gone through: endpoints go by it, and a region may have a thousand.
            await run.write_status(plan.status)
        await run.annotate_all(plan.annotate)
        if applied:
            # What ends makes room for what was applied; without that it would only end.
            for deleted in plan.delete:
                await run.delete(deleted)
        return run.report(happened=plan.events if applied else ())


class _Run:
    """One plan being executed."""

    def __init__(
        self,
        api: client.Client,
        identity: observed.Identity,
        live: Mapping[objects.Key, objects.Live],
        may_write: Callable[[], bool],
    ) -> None:
        self._api = api
        self._may_write = may_write
        self._identity = identity
        self._live = live
        self.failed: list[Failed] = []
        self._versions: dict[objects.Key, str] = {}
        self._deleted: dict[objects.Key, str] = {}
        self._status_version = ""
        self._taken: list[objects.Key] = []
        self._gone = False

    def report(self, *, happened: tuple[planned.Event, ...] = ()) -> Report:
        return Report(
            failed=tuple(self.failed),
            written=observing.Written(versions=self._versions, deleted=self._deleted),
            status_version=self._status_version,
            gone=self._gone,
            taken=tuple(self._taken),
            happened=happened,
        )

    async def region_is_there(self) -> bool:
        try:
            found = await self._api.get(
                kinds.TURN_REGION, self._identity.name, namespace=self._identity.namespace
            )
        except failures.NotFound:
            self._gone = True
            return False
        except failures.Failure as failure:
            self._note("get the TurnRegion", failure)
            return False
        about = found["metadata"]
        self._gone = about["uid"] != self._identity.uid
        return not self._gone and "deletionTimestamp" not in about

    async def apply(self, manifest: objects.Manifest) -> bool:
        if self._is_stopped(f"apply {manifest.key}"):
            return False
        known = self._live.get(manifest.key)
        try:
            if known is not None:
                found = await self._apply(manifest, uid=known.uid)
            else:
                found = await self._make(manifest)
        except failures.Failure as failure:
            self._note(f"apply {manifest.key}", failure)
            return False
        self._versions[manifest.key] = found["metadata"]["resourceVersion"]
        return True

    async def _apply(self, manifest: objects.Manifest, *, uid: str) -> client.Object:
        about = {**_about(manifest.body), "uid": uid}
        known = self._live.get(manifest.key)
        if known is not None and manifest.key.kind is objects.Kind.SECRET:
            # Of two secrets that were made from one state of things, the later must not win.
            about["resourceVersion"] = holding.version(known.body)
        body = {**manifest.body, "metadata": about}
        kind = observing.KINDS[manifest.key.kind]
        return await self._api.apply(kind, body, manager=names.FIELD_MANAGER)

    async def _make(self, manifest: objects.Manifest) -> client.Object:
        """Make an object that nobody told of: what exists may lack our label, or be news."""
        try:
            return await self._api.apply(
                observing.KINDS[manifest.key.kind],
                manifest.body,
                manager=names.FIELD_MANAGER,
                only_new=True,
            )
        except failures.Conflict:
            uid = await self._our_own(manifest.key)
            if uid is None:
                raise
            return await self._apply(manifest, uid=uid)

    async def _our_own(self, key: objects.Key) -> str | None:
        """Return the uid of an object that this region controls, though its label was taken off.

        ``None``: it is somebody else's, or gone by now.
        """
        query = client.Query(
            kind=observing.KINDS[key.kind],
            namespace=self._identity.namespace,
            fields=f"metadata.name={key.name}",
        )
        for found in await self._api.list(query):
            there = reading.live(key.kind, found)
            if there.owner == self._identity.uid and not there.deleting:
                return there.uid
            self._taken.append(key)
        return None

    async def annotate_all(self, steps: Sequence[planned.Annotate]) -> None:
        """Annotate several pods at a time: each is another object, and none waits for another."""
        slots = asyncio.Semaphore(_AT_ONCE)

        async def one(step: planned.Annotate) -> None:
            async with slots:
                await self.annotate(step)

        async with asyncio.TaskGroup() as group:
            for step in steps:
                group.create_task(one(step))

    async def annotate(self, annotated: planned.Annotate) -> None:
        if self._is_stopped(f"annotate Pod/{annotated.pod}"):
            return
        try:
            found = await self._api.merge_patch(
                kinds.POD,
                annotated.pod,
                {"metadata": {"annotations": dict(annotated.annotations)}},
                namespace=self._identity.namespace,
                uid=annotated.uid,
                manager=names.FIELD_MANAGER,
            )
        except (failures.NotFound, failures.Conflict):
            return  # another pod by now, of which the watch tells
        except failures.Failure as failure:
            self._note(f"annotate Pod/{annotated.pod}", failure)
            return
        key = objects.Key(objects.Kind.POD, annotated.pod)
        self._versions[key] = found["metadata"]["resourceVersion"]

    async def delete(self, deleted: planned.Delete) -> None:
        if self._is_stopped(f"delete {deleted.key}"):
            return
        try:
            await self._api.delete(
                observing.KINDS[deleted.key.kind],
                deleted.key.name,
                namespace=self._identity.namespace,
                uid=deleted.uid,
                resource_version=deleted.version,
                grace_seconds=deleted.grace,
                propagation="Background",
            )
        except (failures.NotFound, failures.Conflict):
            return
        except failures.Failure as failure:
            self._note(f"delete {deleted.key}", failure)
            return
        self._deleted[deleted.key] = deleted.uid
        # A pod that was annotated first is told of as deleted, at a version nobody answered with.
        self._versions.pop(deleted.key, None)

    async def write_status(self, status: Mapping[str, object]) -> None:
        if self._is_stopped("write the status"):
            return
        body = {
            "metadata": {
                "namespace": self._identity.namespace,
                "name": self._identity.name,
                "uid": self._identity.uid,
            },
            "status": status,
        }
        try:
            found = await self._api.apply(
                kinds.TURN_REGION, body, manager=names.FIELD_MANAGER, subresource="status"
            )
        except (failures.NotFound, failures.Conflict):
            return  # deleted, or another region of that name by now
        except failures.Failure as failure:
            self._note("write the status", failure)
            return
        self._status_version = found["metadata"]["resourceVersion"]

    def _is_stopped(self, step: str) -> bool:
        if self._may_write():
            return False
        self._note(step, failures.Unavailable("the lease was not renewed in time"))
        return True

    def _note(self, step: str, failure: failures.Failure) -> None:
        self.failed.append(Failed(step=step, failure=failure))


def _about(body: Mapping[str, object]) -> Mapping[str, object]:
    about = body.get("metadata")
    return about if isinstance(about, Mapping) else {}
