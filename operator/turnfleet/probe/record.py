"""Everything known about one relay, and the finding that follows from it alone. Pure."""

import math
from dataclasses import dataclass
from typing import Final

from turnfleet.model import fleet
from turnfleet.model import region as declared
from turnfleet.probe import cadence, damping, findings, heartbeat, targets
from turnrelay import contract

_LOSSES: Final = frozenset(
    {
        fleet.Reason.UNREACHABLE,
        fleet.Reason.RELAY_PORTS_CLOSED,
        fleet.Reason.NAME_UNRESOLVED,
        fleet.Reason.STARTING,
    }
)
"""Reasons that may pass by themselves, so that a relay is better kept than nobody offered at all.
A refusal (401, 403, 486, 508) and a drain are not among them: they are the relay's own word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one relay's own record says, before the others are looked at."""

    reason: fleet.Reason | None
    working: frozenset[declared.Transport] = frozenset()
    failing: tuple[tuple[declared.Transport, fleet.Reason], ...] = ()
    silent: frozenset[str] = frozenset()
    proven: bool = False
    """A loss that cannot be the prober's own fault."""
    partial: bool = False
    """Only UDP is silent: the relay lives, but the prober may be the one without UDP."""

    @property
    def is_loss(self) -> bool:
        """Return whether the relay is lost, rather than declining by its own word."""
        return self.partial or self.reason in _LOSSES


class Record:
    """One relay's record. Times are seconds of any steady clock."""

    def __init__(
        self, target: targets.Target, rhythm: cadence.Cadence, *, now: float, first_try: float
    ) -> None:
        self.target = target
        self.heartbeat = heartbeat.Heartbeat(rhythm, first_try=first_try)
        self.trial: findings.Trial | None = None
        self.trial_due = now
        """When to run the next client's test, if the relay answers STUN by then."""
        self.relays_at = -math.inf
        """When a packet last came through its relay ports."""
        self._refusals = 0
        """Tests in a row in which it refused our credential, since that changed."""
        self._rhythm = rhythm
        self._born = now
        self._damper = damping.Damper(rhythm)
        self._report: findings.Report | None = None
        self._report_until = -math.inf
        self._evidence: findings.Evidence | None = None
        self._evidence_until = -math.inf
        self._last_answer = -math.inf
        self._health = fleet.Health()
        self._load = 0.0

    @property
    def offered(self) -> bool:
        """Return whether the last verdict offers the relay and its source does not object."""
        return self._health.reason is None and self.target.state is contract.State.READY

    def retarget(self, target: targets.Target, now: float) -> None:
        """Take a changed target; what was proven about a replaced one is void."""
        earlier, self.target = self.target, target
        if target.replaces(earlier):
            interval = self.heartbeat.interval
            self.heartbeat = heartbeat.Heartbeat(self._rhythm, first_try=now)
            self.heartbeat.interval = interval
            self.trial, self.trial_due, self._refusals = None, now, 0
            self._report, self._evidence = None, None
            self._born = now
            self._health = fleet.Health()
        elif target.needs_trial(earlier):
            self.trial_due, self._refusals = now, 0

    def answered(self, now: float) -> None:
        """Note an answer to a STUN try."""
        was_down = self.heartbeat.pulse is heartbeat.Pulse.DOWN
        self.heartbeat.answered(now)
        self._last_answer = now
        if was_down:
            self.trial_due = now
            if not self.offered:
                self.trial = None

    def saw(self, evidence: findings.Evidence, now: float) -> None:
        """Note the outcome of a second look over TCP."""
        self._evidence = evidence
        self._evidence_until = now + self._rhythm.evidence_fresh

    def is_renewed(self, report: findings.Report) -> bool:
        """Return whether clients meet another certificate, which may verify or not."""
        before = self._report
        return (
            before is not None
            and before.instance == report.instance
            and before.certificate != report.certificate
        )

    def heard(self, report: findings.Report, now: float, *, fresh: float) -> bool:
        """Note what the agent says; it counts for ``fresh`` seconds. Return whether it does."""
        if report.instance != self.target.instance:
            return False  # the source lags behind a replacement: this is somebody else's word
        was_ill = self._report is not None and self._report.reason is not None
        if was_ill and report.reason is None:
            self.trial_due = now
        self._report = report
        self._report_until = now + fresh
        steps = round(report.usage.load / self._rhythm.load_step)
        self._load = round(steps * self._rhythm.load_step, 4)
        return True

    def tested(self, trial: findings.Trial, now: float, *, interval: float) -> None:
        """Note how a client's test ended; the next one comes after ``interval`` or sooner."""
        self.trial = trial
        self._refusals = self._refusals + 1 if trial.refused else 0
        if trial.working == self.target.transports:
            again = interval
        elif 0 < self._refusals <= self._rhythm.credential_tries:
            again = self._rhythm.credential_again
        else:
            again = self._rhythm.trial_again
        self.trial_due = now + min(interval, again)

    def is_silent(self, now: float) -> bool:
        """Return whether STUN is unanswered for longer than an answer takes."""
        return self.heartbeat.silence(now) > self._rhythm.doubt_after

    def testable(self, now: float) -> bool:
        """Return whether a client's test is due and could say anything."""
        speaks = self._fresh_evidence(now) is findings.Evidence.SPEAKS
        answers = self.heartbeat.pulse is heartbeat.Pulse.UP or speaks
        return answers and now >= self.trial_due and self.target.secret is not None

    def wants_evidence(self) -> bool:
        """Return whether a second look would tell something: silent since at least one try."""
        somewhere = self.target.stream is not None or self.target.agent is not None
        return self.heartbeat.unanswered > 1 and somewhere

    def proven_dead(self, now: float) -> bool:
        """Return whether a second look says that it is not the prober's fault."""
        evidence = self._fresh_evidence(now)
        return evidence is not None and evidence.proves_death

    def answered_since(self, moment: float | None) -> bool:
        """Return whether the last answer is younger than ``moment``."""
        return moment is None or self._last_answer >= moment

    def looks_unverified(self, now: float) -> bool:
        """Return whether the relay is silent, its agent well, and neither contradicts the other.

        A relay that has answered before must be silent for longer: its agent may not have noticed
        yet that it hangs.
        """
        if self.heartbeat.pulse is not heartbeat.Pulse.DOWN or self.proven_dead(now):
            return False
        report = self._fresh_report(now)
        well = report is not None and report.reason is None
        patience = self._rhythm.unverified_after if self.heartbeat.ever_answered else 0.0
        return well and self.heartbeat.silence(now) >= patience

    def resolved(self, now: float) -> bool:
        """Return whether the first verdict is in, or will not come soon."""
        if self.trial is not None or self.heartbeat.pulse is heartbeat.Pulse.DOWN:
            return True
        waits = self.target.state in {contract.State.STARTING, contract.State.READY}
        if self.target.secret is None:
            waits = waits and self.heartbeat.pulse is heartbeat.Pulse.UNKNOWN
        return not waits or self.overdue(now)

    def overdue(self, now: float) -> bool:
        """Return whether a first verdict has been waited for long enough."""
        return now - self._born > self._rhythm.settle_max

    def finding(self, now: float) -> Finding:
        """Return what this record says by itself."""
        report = self._fresh_report(now)
        if report is not None and report.reason is not None:
            return Finding(reason=report.reason, proven=True)
        down = self.heartbeat.pulse is heartbeat.Pulse.DOWN
        speaks = self._fresh_evidence(now) is findings.Evidence.SPEAKS
        if down and not speaks:
            return Finding(reason=fleet.Reason.UNREACHABLE, proven=self.proven_dead(now))
        if self.trial is None and self._health.reason is None:
            return _as_before(self._health)
        if self.trial is None:
            return Finding(reason=fleet.Reason.UNPROVEN)
        return _without_udp(self.trial) if down else _of(self.trial)

    def keep(self) -> fleet.Health:
        """Return the last verdict unchanged, whatever has happened since."""
        return self._health

    def settle(self, finding: Finding, now: float) -> fleet.Health:
        """Turn a finding into the verdict on this relay: losing it and coming back are damped."""
        reason = finding.reason
        if reason is None:
            steady = self.heartbeat.streak >= self._rhythm.streak
            if not self._damper.recovered(now, steady=steady):
                reason = fleet.Reason.DAMPED
        elif self._health.reason is None and reason in _LOSSES:
            self._damper.lose(now)
        else:
            self._damper.ail()
        self._health = fleet.Health(
            working=finding.working,
            failing=finding.failing,
            reason=reason,
            load=self._load,
            silent=finding.silent,
        )
        return self._health

    def _fresh_report(self, now: float) -> findings.Report | None:
        return self._report if now <= self._report_until else None

    def _fresh_evidence(self, now: float) -> findings.Evidence | None:
        silent = self.heartbeat.silent_since is not None
        return self._evidence if silent and now <= self._evidence_until else None


def _of(trial: findings.Trial) -> Finding:
    return Finding(
        reason=trial.reason,
        working=trial.working,
        failing=trial.failing,
        silent=trial.silent,
    )


def _as_before(health: fleet.Health) -> Finding:
    """Return what keeps a relay that was offered unverified until its first test is done."""
    return Finding(reason=None, working=health.working, failing=health.failing)


def _without_udp(trial: findings.Trial) -> Finding:
    udp = declared.Transport.UDP
    working = trial.working - {udp}
    others = tuple((t, reason) for t, reason in trial.failing if t is not udp)
    return Finding(
        reason=None if working else fleet.Reason.UNREACHABLE,
        working=working,
        failing=((udp, fleet.Reason.UNREACHABLE), *others),
        silent=trial.silent,
        partial=True,
    )
