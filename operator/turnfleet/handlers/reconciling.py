"""One region: what was declared, what there is, what to do about it, and doing that.

The only place where the operator acts on a region. Everything is looked at anew each time; what is
remembered between two times only keeps a plan from being made on a world older than the last one's
own writes.
"""

import dataclasses
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from turnfleet import names
from turnfleet.handlers import asking, metrics, neighbours, nodes, queue, roster
from turnfleet.kube import (
    announcing,
    borrowing,
    executing,
    fields,
    holding,
    observing,
    reading,
    secret,
    signing,
)
from turnfleet.model import region, turnregion
from turnfleet.plan.cluster import objects, observed, planned, planning

SETTLING: Final = 0.1
"""Seconds between two looks at whether the watches have told of what was written."""
BEHIND_MAX: Final = 5.0
"""Seconds after which a plan is made though they have not: somebody may have undone it."""
_PAUSED: Final = 1.0
"""Seconds between two looks at whether this replica may write again."""
_SECRET_BYTES: Final = 32

_log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class _Memory:
    """What is kept of a region between two looks at it."""

    uid: str = ""
    generation: int = -1
    wanted: observed.Wanted = field(default_factory=lambda: observed.Wanted(spec=None))
    written: observing.Written = field(default_factory=observing.Written)
    status_version: str = ""
    written_at: float = float("-inf")
    refusal: str = ""
    taken: tuple[objects.Key, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a reconciler works with."""

    regions: roster.Roster
    nodes: nodes.Nodes
    observing: observing.Regions
    named: borrowing.Borrowing[secret.Borrowed]
    """The Secrets that ``auth.secretName`` names."""
    certificates: borrowing.Borrowing[observed.Certificate]
    """Those that ``listeners.tls.secretName`` names."""
    signing: signing.Signing
    asking: asking.Asking
    executor: executing.Executor
    announcer: announcing.Announcer
    metrics: metrics.Metrics


class Reconciler:
    """Reconciles regions, each when the queue says so."""

    def __init__(
        self,
        parts: Parts,
        *,
        policy: observed.Policy,
        most_rolling: int,
        mark: Callable[[reading.RegionKey, float], None],
        may_write: Callable[[], bool],
        clock: Callable[[], float],
        wall: Callable[[], float],
        entropy: Callable[[int], bytes],
    ) -> None:
        """``clock`` gives monotonic seconds, ``wall`` Unix ones."""
        self._parts = parts
        self._policy = policy
        self._may_write = may_write
        self._clock = clock
        self._wall = wall
        self._entropy = entropy
        self.neighbours = neighbours.Neighbours(
            most_rolling=most_rolling, denied_peers=policy.denied_peers, mark=mark
        )
        self._memories: dict[reading.RegionKey, _Memory] = {}
        self._by_dns: set[reading.RegionKey] = set()

    def learn(self, change: roster.Change) -> None:
        """Take in that a TurnRegion is new, different or gone, before anybody looks at it."""
        key = reading.RegionKey(*change.key)
        self.neighbours.learn(key, change)
        if change.after is None:
            self._forget(key)

    def is_own(self, key: reading.RegionKey, found: fields.Object) -> bool:
        """Return whether a TurnRegion is just as this reconciler wrote it: nothing to look at."""
        memory = self._memories.get(key)
        return memory is not None and holding.version(found) == memory.status_version != ""

    def concerned(
        self, before: observed.Node | None, after: observed.Node | None
    ) -> tuple[reading.RegionKey, ...]:
        """Return the regions that a change of a node may mean something for."""
        return tuple(
            key
            for key, memory in self._memories.items()
            if memory.wanted.spec is None
            or any(_selects(memory.wanted.spec, node) for node in (before, after))
            or any(self._parts.observing.is_on(key, node) for node in (before, after))
        )

    async def reconcile(self, key: reading.RegionKey) -> queue.Outcome:
        """Bring one region closer to what is declared."""
        found = self._parts.regions.objects.get(holding.Key(*key))
        if found is None:
            return queue.Outcome()
        identity = reading.identity(found)
        memory = self._remember(key, identity, found)
        if self._is_behind(key, found, memory):
            return queue.Outcome(again=SETTLING)
        if not self._may_write():
            return queue.Outcome(again=_PAUSED)
        seen = self._observe(key, found, memory)
        if seen is None:
            return queue.Outcome()  # a Secret is being read; the watch of that marks it
        with self._parts.metrics.planning():
            plan = planning.plan(
                identity=identity,
                wanted=memory.wanted,
                seen=seen,
                surroundings=self._surroundings(key),
                policy=self._policy,
                now=self._wall(),
            )
        self._note(key, plan, seen)
        if plan.apply and not (seen.live or seen.refusal or seen.taken):
            # A status is about what was seen, and of a new region that is nothing yet: the next
            # look is a tenth of a second away, and spares the API server a write for each region.
            plan = dataclasses.replace(plan, status=None, events=())
        if plan:
            outcome = await self._execute(key, identity, plan, seen, memory)
            if outcome is not None:
                return outcome
        again = None if plan.requeue is None else max(plan.requeue - self._wall(), SETTLING)
        return queue.Outcome(again=again)

    async def _execute(
        self,
        key: reading.RegionKey,
        identity: observed.Identity,
        plan: planned.Plan,
        seen: observed.Observed,
        memory: _Memory,
    ) -> queue.Outcome | None:
        """Return ``None`` where all of a plan worked."""
        report = await self._parts.executor.execute(plan, identity=identity, live=seen.live)
        memory.written = report.written
        memory.status_version = report.status_version
        memory.written_at = self._clock()
        if report.gone:
            # kopf may never tell: the region went while nobody watched.
            self._parts.regions.dismiss(holding.Key(*key))
            return queue.Outcome()
        for event in report.happened:
            self._parts.announcer.announce(identity, event)
        if not report.failed:
            if memory.refusal or memory.taken:
                memory.refusal, memory.taken = "", ()
                return queue.Outcome(again=0.0)
            return None
        return self._failed(report, memory)

    def _failed(self, report: executing.Report, memory: _Memory) -> queue.Outcome:
        for one in report.failed:
            self._parts.metrics.failed(type(one.failure).__name__)
        # The next plan says so in the status; this one did not know.
        memory.refusal = next((one.refused for one in report.failed if one.refused), "")
        memory.taken = report.taken
        waits = [wait for one in report.failed if (wait := one.failure.retry_after) is not None]
        return queue.Outcome(
            failure=str(report.failed[0]),
            wait=max(waits, default=None),
            progressed=bool(report.written.versions or report.written.deleted),
        )

    def _remember(
        self, key: reading.RegionKey, identity: observed.Identity, found: fields.Object
    ) -> _Memory:
        memory = self._memories.get(key)
        if memory is None or memory.uid != identity.uid:
            memory = self._memories[key] = _Memory(uid=identity.uid)
        if memory.generation != identity.generation:
            memory.generation = identity.generation
            memory.wanted = _wanted(found)
            self._provide(key, memory.wanted.spec)
        return memory

    def _provide(self, key: reading.RegionKey, spec: region.RegionSpec | None) -> None:
        """Have what a region needs from elsewhere looked at."""
        if spec is None:
            return  # held: it stays as it was
        self._parts.named.want(key, spec.auth.secret_name)
        self._parts.certificates.want(key, spec.listeners.tls_secret_name)
        if region.AddressSource.EXTERNAL_DNS in spec.addresses.sources:
            self._by_dns.add(key)
        else:
            self._by_dns.discard(key)
        self._parts.nodes.resolve(wanted=bool(self._by_dns))

    def _is_behind(self, key: reading.RegionKey, found: fields.Object, memory: _Memory) -> bool:
        if self._clock() - memory.written_at > BEHIND_MAX:
            return False
        return self._parts.observing.is_behind(key, memory.written) or observing.is_older(
            holding.version(found), memory.status_version
        )

    def _observe(
        self, key: reading.RegionKey, found: fields.Object, memory: _Memory
    ) -> observed.Observed | None:
        """Return what there is of a region; ``None``: not all of it was read yet."""
        if self._parts.named.is_pending(key) or self._parts.certificates.is_pending(key):
            return None
        named = self._parts.named.found(key) or secret.Borrowed()
        seen = self._parts.observing.observed(
            key,
            nodes=self._parts.nodes.by_name,
            status=fields.mapping(found, "status"),
            named_secret=named.secret,
            named_secret_problem=named.problem,
            certificate=self._parts.certificates.found(key),
            refusal=memory.refusal,
            taken=memory.taken,
        )
        return self._parts.asking.told(seen)

    def _surroundings(self, key: reading.RegionKey) -> observed.Surroundings:
        return observed.Surroundings(
            name_taken_by=self.neighbours.names.taken_by(key),
            relay_addresses=self.neighbours.addresses.all,
            may_roll=self.neighbours.turns.may_roll(key),
            elsewhere=self.neighbours.refuges.has(key),
            agent_key=self._parts.signing.agent_key,
            signed=self._parts.signing.signed(key.name),
            fresh_secret=self._entropy(_SECRET_BYTES).hex().encode(),
        )

    def _note(self, key: reading.RegionKey, plan: planned.Plan, seen: observed.Observed) -> None:
        """Tell the rest of the fleet what it has to know of a region."""
        if plan.signing is not None:
            self._parts.signing.want(key.name, plan.signing)
        self._parts.asking.want(key, seen.pods, soon=plan.inquire)
        addresses = {address for pod in seen.pods for address in pod.addresses}
        self.neighbours.said(key, plan, addresses)

    def _forget(self, key: reading.RegionKey) -> None:
        self._memories.pop(key, None)
        self._parts.named.want(key, None)
        self._parts.certificates.want(key, None)
        self._parts.asking.want(key, ())
        self._by_dns.discard(key)
        self._parts.nodes.resolve(wanted=bool(self._by_dns))


def _selects(spec: region.RegionSpec, node: observed.Node | None) -> bool:
    return node is not None and all(
        node.labels.get(label) == value for label, value in spec.relays.node_selector
    )


def _wanted(found: fields.Object) -> observed.Wanted:
    # Lists leave out what their objects are.
    outcome = turnregion.parse({"apiVersion": names.API_VERSION, "kind": names.KIND, **found})
    if isinstance(outcome, region.RegionSpec):
        return observed.Wanted(spec=outcome)
    return observed.Wanted(spec=None, problems=outcome)
