"""The operator as a whole: makes every part, runs them, ends them in order.

When one part ends by itself, all end, with a sentence: half an operator would look like a whole
one, and the next start finds out everything by looking.
"""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Final

from turnfleet.handlers import (
    asking,
    declaring,
    figures,
    following,
    metrics,
    nodes,
    options,
    partings,
    queue,
    reconciling,
    rollcall,
    roster,
)
from turnfleet.kube import (
    announcing,
    borrowing,
    certificates,
    client,
    executing,
    fields,
    holding,
    kinds,
    leading,
    observing,
    reading,
    secret,
    signing,
)
from turnfleet.kube import declaring as values
from turnfleet.plan.cluster import observed

PROGRAM: Final = "turnfleet-operator"
WORKERS: Final = 64
"""Regions that are reconciled at once: API server and etcd take together what comes together."""
_COALESCE: Final = 0.1
"""Seconds for which what a region consists of may change before it is looked at."""
_GRACE: Final = 5.0
"""Seconds that plans under way have at the end."""

_log = logging.getLogger(__name__)


class Ended(Exception):  # noqa: N818 - how an operator ends that was not asked to
    """A part ended by itself, or another replica took over; the text is a sentence."""


class Operator:
    """The parts, wired."""

    def __init__(
        self,
        api: client.Client,
        chosen: options.Options,
        around: options.Around,
        *,
        counted: metrics.Metrics,
        lead: leading.Leading,
    ) -> None:
        self._api = api
        self._chosen = chosen
        self._around = around
        self._metrics = counted
        self._lead = lead
        self._queue: queue.Queue[reading.RegionKey] = queue.Queue(
            clock=around.clock, chance=around.rng.random
        )
        self._announcer = announcing.Announcer(api, instance=around.instance, clock=around.wall)
        self._regions = roster.Roster(changed=self._region_changed)
        self._nodes = nodes.Nodes(changed=self._node_changed)
        self._observing = observing.Regions(
            api,
            namespaces=chosen.namespaces,
            marked=self._part_changed,
            parted=partings.Partings(
                self._regions.objects, announcer=self._announcer, counted=counted
            ).heard,
            clock=around.clock,
            rng=around.rng,
        )
        self._named = self._borrowing(secret.borrowed)
        self._certificates = self._borrowing(certificates.read)
        self._signing = signing.Signing(
            api,
            namespace=chosen.signing[0],
            name=chosen.signing[1],
            entropy=around.entropy,
            clock=around.clock,
            rng=around.rng,
            may_write=lambda: lead.holds,
            changed=self._signed_otherwise,
        )
        self._asking = asking.Asking(
            key=lambda: self._signing.agent_key,
            changed=self._part_changed,
            clock=around.clock,
            wall=around.wall,
            chance=around.rng.random,
        )
        self._roll = rollcall.RollCall(
            api,
            {
                self._regions: [
                    client.Query(kind=kinds.TURN_REGION, namespace=namespace)
                    for namespace in chosen.namespaces or (None,)
                ],
                self._nodes.roster: [client.Query(kind=kinds.NODE)],
            },
        )
        self._reconciler = reconciling.Reconciler(
            reconciling.Parts(
                regions=self._regions,
                nodes=self._nodes,
                observing=self._observing,
                named=self._named,
                certificates=self._certificates,
                signing=self._signing,
                asking=self._asking,
                executor=executing.Executor(api, may_write=lambda: lead.holds),
                announcer=self._announcer,
                metrics=counted,
            ),
            policy=chosen.policy,
            most_rolling=chosen.most_rolling,
            mark=lambda key, after: self._queue.mark(key, after=after),
            may_write=lambda: lead.holds,
            clock=around.clock,
            wall=around.wall,
            entropy=around.entropy,
        )
        self._declaring = (
            None
            if chosen.regions is None
            else declaring.Declaring(
                chosen.regions,
                namespaces=chosen.namespaces,
                live=lambda: self._regions.objects,
                acting=values.Declaring(api),
                may_act=lambda: self._complete and lead.holds,
            )
        )
        self.running = False
        self._complete = False
        figures.watch(
            counted,
            figures.Sources(
                lead=lead,
                queue=self._queue,
                announcer=self._announcer,
                asking=self._asking,
                turns=self._reconciler.neighbours.turns,
                certificates=self._certificates,
                regions=self._regions.objects,
            ),
        )

    def _borrowing(self, read: borrowing.Read[borrowing.T]) -> borrowing.Borrowing[borrowing.T]:
        around = self._around
        return borrowing.Borrowing(
            self._api, read=read, marked=self._part_changed, clock=around.clock, rng=around.rng
        )

    def unready(self) -> str | None:
        """Return why this replica is not ready; one that waits for the lease is."""
        if not self.running:
            return None
        trouble = self._signing.trouble
        if not self._complete:
            trouble = trouble or self._roll.trouble or self._observing.trouble
            return trouble or "What there is has not been listed yet."
        return trouble

    async def run(self, asked: asyncio.Event) -> None:
        """Run every part until ``asked`` is set."""
        self.running = True
        parts = {name: asyncio.create_task(part, name=name) for name, part in self._parts().items()}
        parts["kopf"] = asyncio.create_task(
            following.follow(
                following.registry(
                    self._api,
                    regions=self._regions,
                    nodes=self._nodes.roster,
                    listed=self._roll.ask,
                    wall=self._around.wall,
                ),
                namespaces=self._chosen.namespaces,
                listed=self._roll.call,
                asked=asked,
            ),
            name="kopf",
        )
        ending = asyncio.create_task(asked.wait())
        try:
            await asyncio.wait({*parts.values(), ending}, return_when=asyncio.FIRST_COMPLETED)
            if not asked.is_set():
                raise _failure(parts)
            _log.info("Ending")
        finally:
            await self._end(parts, ending)

    def _parts(self) -> dict[str, Coroutine[None, None, None]]:
        """Return what has to go on for as long as the operator does, by name."""
        declared = {} if self._declaring is None else {"declaring": self._declaring.run()}
        return declared | {
            "lease": self._keep(),
            "watches": self._observing.run(),
            "signing": self._signing.run(),
            "announcer": self._announcer.run(),
            "asking": self._asking.run(),
            "resolver": self._nodes.resolver.run(),
            "roll call": self._roll.run(),
            "queue": self._work(),
        }

    async def _end(self, parts: dict[str, asyncio.Task[None]], ending: asyncio.Task[bool]) -> None:
        ending.cancel()
        self._queue.close()
        if self._complete:
            # Plans under way get to their end; cut off they would cost the next start a look.
            await asyncio.wait({parts["queue"]}, timeout=_GRACE)
        for part in parts.values():
            part.cancel()
        await asyncio.gather(*parts.values(), ending, return_exceptions=True)
        await self._named.close()
        await self._certificates.close()
        self.running = False

    async def _keep(self) -> None:
        # kopf is told to wait by servers that start, and then tells of regions one by one.
        raise Ended(await self._lead.keep(resumed=self._roll.ask))

    async def _work(self) -> None:
        """Reconcile, once everything that a plan looks at is known."""
        await self._roll.complete.wait()
        await self._observing.wait()
        await self._signing.ready.wait()
        self._complete = True
        self._sign_for_those_there_are()
        for key in map(reading.RegionKey._make, self._regions.objects):
            if self._observing.is_unsettled(key):
                self._reconciler.neighbours.turns.presume(key)
        _log.info("%d regions, %d nodes", len(self._regions.objects), len(self._nodes.by_name))
        await self._queue.work(self._reconcile, workers=WORKERS)

    async def _reconcile(self, key: reading.RegionKey) -> queue.Outcome:
        with self._metrics.reconciling():
            return await self._reconciler.reconcile(key)

    def _region_changed(self, change: roster.Change) -> None:
        key = reading.RegionKey(*change.key)
        self._reconciler.learn(change)
        before, after = change.before, change.after
        if after is None:
            self._queue.forget(key)
        elif not self._reconciler.is_own(key, after):
            afresh = before is None or _generation(before) != _generation(after)
            self._queue.mark(key, after=0.0 if afresh else _COALESCE, afresh=afresh)
        if before is None or after is None:
            self._sign_for_those_there_are()

    def _sign_for_those_there_are(self) -> None:
        if self._complete:
            self._signing.keep_only(tuple(self._reconciler.neighbours.names))

    def _signed_otherwise(self, name: str) -> None:
        for key in self._reconciler.neighbours.names.of(name):
            self._queue.mark(key)

    def _part_changed(self, key: reading.RegionKey) -> None:
        if holding.Key(*key) in self._regions.objects:
            self._queue.mark(key, after=_COALESCE)

    def _node_changed(self, before: observed.Node | None, after: observed.Node | None) -> None:
        for key in self._reconciler.concerned(before, after):
            self._queue.mark(key, after=_COALESCE)


def _generation(found: fields.Object) -> int | None:
    return fields.whole(found, "metadata", "generation")


def _failure(parts: dict[str, asyncio.Task[None]]) -> Ended:
    """Return which part ended by itself."""
    ended = next(part for part in parts.values() if part.done())
    error = None if ended.cancelled() else ended.exception()
    if isinstance(error, Ended):
        return error
    _log.error("The %s has ended", ended.get_name(), exc_info=error)
    return Ended(f"The {ended.get_name()} failed, so everything ends: {error!r}")
