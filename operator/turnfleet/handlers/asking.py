"""Asks the agents of relays what they say of themselves, and keeps what each said last.

Often where a region waits for something that they tell, else seldom, and never more than a bounded
number at a time: an agent that does not answer costs a connection now and then, and holds up
nobody. Makes no request to the API server; what is new marks the region, and a plan looks at it.
"""

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from turnfleet.handlers import queue, reports
from turnfleet.kube import reading
from turnfleet.model import fleet
from turnfleet.plan.cluster import observed
from turnfleet.probe import agents

SOON: Final = 1.0
"""Seconds between two questions to a relay that is waited for."""
SELDOM: Final = 60.0
"""Seconds between two questions to all others."""
PATIENCE: Final = 2.0
"""Seconds that an answer may take."""
AT_ONCE: Final = 32
_PER_SECOND: Final = 200.0
"""Questions, at most: with more relays that are waited for, each is asked less often."""
_SILENT_MAX: Final = 30.0
"""Seconds between two questions to a relay that is waited for and does not answer."""
_DOUBLINGS: Final = 8
_MUTE: Final = 2
"""Answers missing in a row after which what an agent said before does not count any more."""
_JITTER: Final = 0.2
"""Part of an interval by which questions spread."""
_PORT: Final = "agent"


@dataclass(slots=True, kw_only=True)
class _Known:
    """A relay that is asked."""

    region: reading.RegionKey
    agent: fleet.AgentAddress
    fresh: bool = True
    missed: int = 0
    report: observed.Report | None = None

    @property
    def mute(self) -> bool:
        return self.missed >= _MUTE


class Asking:
    """Every relay's agent. ``changed`` is called with a region of which something new was told.

    ``key`` returns what agents show their status for; ``clock`` gives monotonic seconds, ``wall``
    Unix ones, ``chance`` numbers from 0 to 1.
    """

    def __init__(
        self,
        *,
        key: Callable[[], str],
        changed: Callable[[reading.RegionKey], None],
        clock: Callable[[], float],
        wall: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        self._key = key
        self._changed = changed
        self._wall = wall
        self._chance = chance
        self._agents = agents.Agents(key="", timeout=PATIENCE, at_once=AT_ONCE)
        self._queue: queue.Queue[str] = queue.Queue(clock=clock, chance=chance)
        self._known: dict[str, _Known] = {}
        self._regions: dict[reading.RegionKey, frozenset[str]] = {}
        self._soon: set[str] = set()

    @property
    def mute(self) -> int:
        """Return how many relays do not answer."""
        return sum(known.mute for known in self._known.values())

    def want(
        self, region: reading.RegionKey, pods: Iterable[observed.Pod], *, soon: bool = False
    ) -> None:
        """Ask the agents of a region's relays from now on, and no others of it."""
        there = {pod.uid: agent for pod in pods if (agent := _agent(pod)) is not None}
        for uid in self._regions.pop(region, frozenset()) - there.keys():
            del self._known[uid]
            self._soon.discard(uid)
            self._queue.forget(uid)
        for uid, agent in there.items():
            known = self._known.setdefault(uid, _Known(region=region, agent=agent))
            known.agent = agent
            if known.fresh or (soon and uid not in self._soon):
                known.fresh = False
                self._queue.mark(uid)
        if there:
            self._regions[region] = frozenset(there)
            (self._soon.update if soon else self._soon.difference_update)(there)

    def told(self, seen: observed.Observed) -> observed.Observed:
        """Return what is observed of a region, with what its relays say."""
        return dataclasses.replace(seen, pods=tuple(map(self._with_report, seen.pods)))

    async def run(self) -> None:
        """Ask for ever."""
        async with self._agents:
            await self._queue.work(self._ask, workers=AT_ONCE)

    def _with_report(self, pod: observed.Pod) -> observed.Pod:
        known = self._known.get(pod.uid)
        if known is None or (known.report is None and not known.mute):
            return pod
        return dataclasses.replace(pod, report=known.report, mute=known.mute)

    async def _ask(self, uid: str) -> queue.Outcome:
        asked = self._known.get(uid)
        if asked is None:
            return queue.Outcome()
        self._agents.key = self._key()
        document = await self._agents.document(asked.agent)
        known = self._known.get(uid)
        if known is None:
            return queue.Outcome()
        before = (known.report, known.mute)
        report = reports.read(document, instance=uid, at=self._wall())
        known.missed = 0 if report is not None else known.missed + 1
        if report is not None or known.mute:
            known.report = report
        if _differs(before, (known.report, known.mute), counted=uid in self._soon):
            self._changed(known.region)
        return queue.Outcome(again=self._interval(known, soon=uid in self._soon))

    def _interval(self, known: _Known, *, soon: bool) -> float:
        interval = SELDOM
        if soon:
            interval = min(SOON * 2.0 ** min(known.missed, _DOUBLINGS), _SILENT_MAX)
            interval = max(interval, len(self._soon) / _PER_SECOND)
        return interval * (1.0 - _JITTER * self._chance())


_Heard = tuple[observed.Report | None, bool]


def _differs(before: _Heard, after: _Heard, *, counted: bool) -> bool:
    """Return whether a plan could come out differently for it."""
    return _lasting(before, counted=counted) != _lasting(after, counted=counted)


def _lasting(heard: _Heard, *, counted: bool) -> _Heard:
    report, mute = heard
    if report is None:
        return heard
    # Allocations come and go all the time; they count where a relay is being chosen or drains.
    allocations = report.allocations if counted else 0
    return dataclasses.replace(report, at=0.0, allocations=allocations), mute


def _agent(pod: observed.Pod) -> fleet.AgentAddress | None:
    port = pod.ports.get(_PORT)
    if pod.node is None or pod.ended or port is None or not pod.host_addresses:
        return None
    return fleet.AgentAddress(address=pod.host_addresses[0], port=port)
