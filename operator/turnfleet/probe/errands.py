"""What each kind of probe does with one relay, and when it comes back to it.

An errand whose relay is gone ends without a trace; every other one files its finding in the
relay's record and makes the next appointment.
"""

import random
from collections.abc import Callable
from typing import Final

from turnfleet.model import fleet
from turnfleet.probe import (
    agents,
    blame,
    cadence,
    extras,
    findings,
    heartbeat,
    pacing,
    reaching,
    record,
    rehearsal,
    second_look,
    stats,
    targets,
    verdict,
)
from turnrelay import contract

_WAIT: Final = 0.1
"""Seconds until a test is considered again for a relay that does not answer yet."""
_DRAWN: Final = 6
"""Partners drawn for a test; the best two are tried."""
_PROVEN_FOR: Final = 3.0
"""Test intervals for which a relayed packet makes a good witness."""
_JITTER: Final = 0.1
"""Part of an interval by which appointments vary, so that relays drift apart."""


class Errands:
    """The probes that need more than one datagram."""

    def __init__(
        self,
        court: verdict.Court,
        rhythm: cadence.Cadence,
        *,
        reacher: reaching.Reacher,
        asked: agents.Agents | None,
        heard: Callable[[fleet.RelayKey, fleet.Usage], None],
        tested: Callable[[fleet.RelayKey], None],
        clock: Callable[[], float],
        rng: random.Random,
        counts: stats.Stats,
    ) -> None:
        self._court = court
        self._rhythm = rhythm
        self._reacher = reacher
        self._agents = asked
        self._heard = heard
        self._tested = tested
        self._clock = clock
        self._rng = rng
        self._counts = counts
        self._rehearsal = rehearsal.Rehearsal(rhythm, reacher=reacher, rng=rng)
        self.trials = pacing.Pacer(per_second=rhythm.trials_per_second)
        self.extras = extras.Extras(rhythm)
        self.polls = pacing.Pacer(per_second=rhythm.statuses_per_second)
        self.looks = pacing.Pacer(per_second=rhythm.statuses_per_second)
        self.taps = pacing.Pacer(per_second=rhythm.statuses_per_second)

    def enrol(self, key: fleet.RelayKey, now: float) -> None:
        """Make the first appointments of a relay."""
        self.trials.schedule(key, now)
        if self._agents is not None and self._court.records[key].target.agent is not None:
            self.polls.schedule(key, now)

    def dismiss(self, key: fleet.RelayKey) -> None:
        """Cancel all appointments of a relay."""
        for queue in (self.trials, self.extras, self.polls, self.looks, self.taps):
            queue.drop(key)

    def move_forward(self, now: float) -> None:
        """Let the tests that somebody asked for be the next ones."""
        while key := self.extras.take(now):
            if known := self._court.records.get(key):
                self._counts.extras += 1
                known.trial_due = min(known.trial_due, now)
                self.trials.hasten(key, now)

    def answered(self, key: fleet.RelayKey) -> None:
        """Note that a relay has answered a STUN try; one that was dead is tested at once."""
        if known := self._court.records.get(key):
            known.answered(self._clock())
            self.trials.hasten(key, known.trial_due)

    async def try_as_client(self, key: fleet.RelayKey) -> None:
        """Test a relay as a client would use it, once it is time and it answers."""
        known = self._court.records.get(key)
        if known is None:
            return
        now = self._clock()
        if not known.testable(now):
            self.trials.schedule(key, max(known.trial_due, now + _WAIT))
            return
        target = known.target
        try:
            rehearsed = await self._rehearsal.run(
                target, self._partners(key, now), proven=self._proven(now)
            )
            self._file_trial(target, rehearsed, took=self._clock() - now)
        finally:
            if known := self._court.records.get(key):
                known.trial_due = max(known.trial_due, self._clock() + _WAIT)
                self.trials.schedule(key, known.trial_due)

    async def ask_agent(self, key: fleet.RelayKey) -> None:
        """Poll a relay's agent."""
        known = self._court.records.get(key)
        if known is None or known.target.agent is None or self._agents is None:
            return
        interval = self._rhythm.stretched(
            self._rhythm.status_interval,
            count=len(self._court.records),
            per_second=self._rhythm.statuses_per_second,
        )
        self._counts.polls += 1
        report = await self._agents.ask(known.target.agent)
        if report is None:
            self._counts.poll_failures += 1
        now = self._clock()
        if known := self._court.records.get(key):
            if report is not None:
                fresh = interval + self._rhythm.status_fresh
                if known.is_renewed(report):
                    # It may be the certificate of all: at once, they would keep others waiting.
                    known.trial_due = min(known.trial_due, now + self._rng.random() * self._round)
                if known.heard(report, now, fresh=fresh):
                    self._heard(key, report.usage)
                self.trials.hasten(key, known.trial_due)
            self.polls.schedule(key, now + self._varied(interval))

    async def look_again(self, key: fleet.RelayKey) -> None:
        """Take a second look at a relay whose UDP is silent."""
        known = self._court.records.get(key)
        if known is None or not known.wants_evidence():
            return
        target = known.target
        stream = self._reacher.server(target, target.stream) if target.stream else None
        self._counts.second_looks += 1
        evidence = await second_look.look(
            stream, target.agent, seconds=self._rhythm.evidence_timeout
        )
        known.saw(evidence, self._clock())

    async def tap(self, key: fleet.RelayKey) -> None:
        """Try the pulse of a relay without UDP, by STUN over a stream."""
        known = self._court.records.get(key)
        if known is None or known.target.stream is None:
            return
        server = self._reacher.server(known.target, known.target.stream)
        seconds = self._rhythm.retry_after * self._rhythm.tries
        evidence = await second_look.look(server, None, seconds=seconds)
        if evidence is findings.Evidence.SPEAKS:
            self._counts.answers += 1
            self.answered(key)
        else:
            known.saw(evidence, self._clock())

    def _partners(self, key: fleet.RelayKey, now: float) -> tuple[targets.Target, ...]:
        records = self._court.records
        up = [other for other, known in records.items() if other != key and _can_help(known)]
        drawn = self._rng.sample(up, min(_DRAWN, len(up)))
        chosen = blame.partners(key, drawn, self._proven(now))
        return tuple(records[partner].target for partner in chosen)

    def _proven(self, now: float) -> frozenset[fleet.RelayKey]:
        oldest = now - _PROVEN_FOR * self._trial_interval()
        return frozenset(
            key for key, known in self._court.records.items() if known.relays_at >= oldest
        )

    def _file_trial(
        self, tested: targets.Target, rehearsed: rehearsal.Rehearsed, *, took: float
    ) -> None:
        now = self._clock()
        self._counts.trials += 1
        self._counts.trial_seconds = took
        self._counts.failures.update(reason for _, reason in rehearsed.trial.failing)
        for key in rehearsed.relayed:
            if partner := self._court.records.get(key):
                partner.relays_at = now
        known = self._court.records.get(tested.key)
        if known is None or known.target.replaces(tested) or known.target.needs_trial(tested):
            return  # it changed meanwhile: this test is about the one before
        interval = self._rhythm.trial_again if rehearsed.unsure else self._trial_interval()
        known.tested(rehearsed.trial, now, interval=self._varied(interval))
        self._tested(tested.key)

    @property
    def _round(self) -> float:
        """Return how many seconds it takes to test everybody once."""
        return len(self._court.records) / self._rhythm.trials_per_second

    def _trial_interval(self) -> float:
        return self._rhythm.stretched(
            self._rhythm.trial_interval,
            count=len(self._court.records),
            per_second=self._rhythm.trials_per_second,
        )

    def _varied(self, interval: float) -> float:
        return interval * self._rng.uniform(1.0 - _JITTER, 1.0)


def _can_help(known: record.Record) -> bool:
    return (
        known.heartbeat.pulse is heartbeat.Pulse.UP
        and known.target.secret is not None
        and known.target.state is contract.State.READY
    )
