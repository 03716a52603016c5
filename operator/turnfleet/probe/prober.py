"""Runs the probes: starts what is due, keeps to the budget, publishes verdicts. Decides nothing."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from prometheus_client import core

from turnfleet.model import fleet
from turnfleet.model import region as declared
from turnfleet.probe import (
    agents,
    beacon,
    cadence,
    desk,
    errands,
    pacing,
    reaching,
    stats,
    targets,
    verdict,
)

_log = logging.getLogger(__name__)

_JUDGE_SHARE: Final = 0.05
"""The part of a core that judging may take: large fleets are judged less often."""
_LOAD_PAUSE: Final = 1.0
"""Seconds between two publications that differ in load alone."""
_REREAD: Final = 1.0
"""Seconds after which the source is looked at even if it did not say that it changed."""
_DEFAULT: Final = cadence.Cadence()


class Prober:
    """Watches every published relay until cancelled.

    ``clock`` is steady, ``wall`` is Unix time (credentials expire by it); both give seconds.
    ``heard`` is told what an agent has counted, each time that one answers.
    """

    def __init__(
        self,
        *,
        published: Callable[[], Sequence[fleet.Published]],
        publish: Callable[[Mapping[fleet.RelayKey, fleet.Health]], None],
        heard: Callable[[fleet.RelayKey, fleet.Usage], None] = lambda _, __: None,
        agent_key: str | None,
        clock: Callable[[], float],
        wall: Callable[[], float],
        rng: random.Random,
        rhythm: cadence.Cadence = _DEFAULT,
    ) -> None:
        self.settled = asyncio.Event()
        """Set once every relay has had its first verdict."""
        self.suspicion: str | None = None
        """A sentence while the prober suspects itself and keeps the last set."""
        self.stats = stats.Stats()
        self._published = published
        self._publish = publish
        self._clock = clock
        self._rhythm = rhythm
        self._court = verdict.Court(rhythm)
        self._asked = _agents(agent_key, rhythm)
        # Silent relays are tried up to twice as often as others; more than that is a burst.
        self._pulses = pacing.Pacer(per_second=2 * rhythm.tries_per_second)
        self._listeners: list[Callable[[fleet.RelayKey], None]] = []
        self._errands = errands.Errands(
            self._court,
            rhythm,
            reacher=reaching.Reacher(rhythm, wall=wall, rng=rng),
            asked=self._asked,
            heard=heard,
            tested=self._tested,
            clock=clock,
            rng=rng,
            counts=self.stats,
        )
        self._beacon = beacon.Beacon(
            answered=self._errands.answered, clock=clock, rng=rng, counts=self.stats
        )
        self._changed = asyncio.Event()
        self._reread_at = 0.0
        self._judge_at = 0.0
        self._health: Mapping[fleet.RelayKey, fleet.Health] = {}
        self._health_at = 0.0

    def source_changed(self) -> None:
        """Look at what is published now, without waiting."""
        self._reread_at = 0.0
        self._changed.set()

    def test_soon(self, key: fleet.RelayKey) -> bool:
        """Test a relay out of turn, within a budget; return whether that makes a difference."""
        if key not in self._court.records or not self._errands.extras.ask(key, self._clock()):
            return False
        self._changed.set()
        return True

    def on_tested(self, listener: Callable[[fleet.RelayKey], None]) -> None:
        """Call ``listener`` whenever a client's test of a relay has ended, whatever it showed."""
        self._listeners.append(listener)

    def rekey(self, agent_key: str) -> None:
        """Show agents another key from now on; a prober made without one asks none."""
        if self._asked is not None:
            self._asked.key = agent_key

    def measured(self) -> Iterator[core.Metric]:
        """Yield what the prober counts about itself."""
        return self.stats.measured()

    async def run(self) -> None:
        """Probe until cancelled. Leaves no socket and no task behind."""
        async with contextlib.AsyncExitStack() as stack:
            await self._beacon.open()
            stack.callback(self._beacon.close)
            if self._asked is not None:
                await stack.enter_async_context(self._asked)
            group = await stack.enter_async_context(asyncio.TaskGroup())
            desks = self._desks(group)
            planned = self._clock()
            while True:
                now = self._clock()
                self.stats.lag = max(0.0, now - planned)
                self._round(now, desks)
                planned = self._clock() + self._rhythm.tick
                await self._pause()

    def _desks(self, group: asyncio.TaskGroup) -> tuple[desk.Desk, ...]:
        chores, rhythm = self._errands, self._rhythm
        kinds = (
            ("client's test", chores.try_as_client, chores.trials, rhythm.trials_at_once),
            ("status poll", chores.ask_agent, chores.polls, rhythm.statuses_at_once),
            ("second look", chores.look_again, chores.looks, rhythm.statuses_at_once),
            ("STUN over TCP", chores.tap, chores.taps, rhythm.statuses_at_once),
        )
        return tuple(
            desk.Desk(
                errand, name=name, group=group, queue=queue, at_once=at_once, counts=self.stats
            )
            for name, errand, queue, at_once in kinds
        )

    async def _pause(self) -> None:
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._rhythm.tick):
                await self._changed.wait()

    def _round(self, now: float, desks: Sequence[desk.Desk]) -> None:
        if now >= self._reread_at:
            self._reread(now)
        self._send_tries(now)
        self._errands.move_forward(now)
        for each in desks:
            each.start_due(now)
        if now >= self._judge_at:
            self._judge(now)
            self._judge_at = now + (self._clock() - now) / _JUDGE_SHARE

    def _reread(self, now: float) -> None:
        self._reread_at = now + _REREAD
        found = targets.find(self._published())
        before = {key: known.target for key, known in self._court.records.items()}
        if found == before:
            return
        self._court.summon(found, now)
        for key in before.keys() - found.keys():
            self._pulses.drop(key)
            self._errands.dismiss(key)
        for key in found:
            if before.get(key) != found[key]:
                known = self._court.records[key]
                self._pulses.schedule(key, known.heartbeat.due)
                self._errands.enrol(key, now)

    def _send_tries(self, now: float) -> None:
        while key := self._pulses.take(now):
            known = self._court.records[key]
            if known.heartbeat.advance(now):
                self._send_try(key, known.target)
                if known.wants_evidence():
                    self._errands.looks.schedule(key, now)
            self._pulses.schedule(key, known.heartbeat.due)

    def _send_try(self, key: fleet.RelayKey, target: targets.Target) -> None:
        first = target.urls[0]
        if first.transport is declared.Transport.UDP and self._beacon.reaches(first):
            self._beacon.send(key, first)
        else:
            self.stats.tries += 1
            self._errands.taps.schedule(key, self._clock())

    def _tested(self, key: fleet.RelayKey) -> None:
        for listener in self._listeners:
            listener(key)

    def _judge(self, now: float) -> None:
        judgement = self._court.judge(now)
        if judgement.suspicion != self.suspicion:
            _log.warning("%s", judgement.suspicion or "the relays answer again")
        self.suspicion = judgement.suspicion
        if judgement.health != self._health and self._worth_publishing(judgement.health, now):
            self._health, self._health_at = judgement.health, now
            self.stats.publishes += 1
            self._publish(judgement.health)
        if not self.settled.is_set() and self._court.settled(now):
            self.settled.set()

    def _worth_publishing(self, health: Mapping[fleet.RelayKey, fleet.Health], now: float) -> bool:
        """Return whether more than load has changed, or load has not been told for a while."""
        if now - self._health_at >= _LOAD_PAUSE or health.keys() != self._health.keys():
            return True
        return any(_offer(new) != _offer(self._health[key]) for key, new in health.items())


def _offer(health: fleet.Health) -> tuple[object, ...]:
    return health.reason, health.working, health.failing, health.silent


def _agents(key: str | None, rhythm: cadence.Cadence) -> agents.Agents | None:
    if key is None:
        return None
    return agents.Agents(key=key, timeout=rhythm.status_timeout, at_once=rhythm.statuses_at_once)
