"""What each relay is worth: pulses, trials, reports and second looks in, Health out.

A state machine without I/O: events come with their time, ``judge`` folds them. Precedence, for one
relay: what its agent says of itself, silence, the last client's test, then damping. What is said
across relays (self-doubt, whole regions without a way to them) is decided on top.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from turnfleet.model import fleet
from turnfleet.probe import cadence, doubt, record, targets
from turnrelay import contract


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A verdict on the whole fleet."""

    health: Mapping[fleet.RelayKey, fleet.Health]
    suspicion: str | None
    """A sentence while the prober suspects itself."""


class Court:
    """Keeps a record per relay, and judges them together."""

    def __init__(self, rhythm: cadence.Cadence) -> None:
        self._rhythm = rhythm
        self._doubt = doubt.Doubt(rhythm)
        self.records: dict[fleet.RelayKey, record.Record] = {}

    def summon(self, found: Mapping[fleet.RelayKey, targets.Target], now: float) -> None:
        """Take the present set of targets: forget the others, start over with replaced ones."""
        for key in self.records.keys() - found.keys():
            del self.records[key]
        spacing = 1.0 / self._rhythm.tries_per_second
        fresh = 0
        for key, target in found.items():
            known = self.records.get(key)
            if known is None:
                self.records[key] = record.Record(
                    target, self._rhythm, now=now, first_try=now + fresh * spacing
                )
                fresh += 1
            elif known.target != target:
                known.retarget(target, now)
        interval = self._rhythm.stretched(
            self._rhythm.interval,
            count=len(found),
            per_second=self._rhythm.tries_per_second,
        )
        for known in self.records.values():
            known.heartbeat.interval = interval

    def judge(self, now: float) -> Judgement:
        """Return everybody's health at ``now``."""
        found = {key: known.finding(now) for key, known in self.records.items()}
        unverified = self._unverified(now)
        census = self._census({k: f for k, f in found.items() if k not in unverified}, now)
        belief = self._doubt.consider(census, now)
        health: dict[fleet.RelayKey, fleet.Health] = {}
        for key, known in self.records.items():
            finding = found[key]
            if known.offered and _kept(finding, belief):
                health[key] = known.keep()
            elif key in unverified and finding.reason is fleet.Reason.UNREACHABLE:
                health[key] = known.settle(_unverified(known.target), now)
            else:
                health[key] = known.settle(finding, now)
        return Judgement(health=health, suspicion=self._doubt.sentence)

    def settled(self, now: float) -> bool:
        """Return whether the first verdicts are in and offer somebody, or none will soon.

        A newcomer that can offer nobody yet would take clients from an endpoint that can.
        """
        known = self.records.values()
        fruitful = any(each.offered for each in known) or all(each.overdue(now) for each in known)
        return fruitful and all(each.resolved(now) for each in known)

    def _census(self, found: Mapping[fleet.RelayKey, record.Finding], now: float) -> doubt.Census:
        counted = [
            (known, finding)
            for key, finding in found.items()
            if (known := self.records[key]).offered and (finding.reason is None or finding.is_loss)
        ]
        silent = [known for known, _ in counted if known.is_silent(now)]
        onset = min((known.heartbeat.silent_since or now for known in silent), default=None)
        unproven = sum(
            known.is_silent(now) and not (finding.proven or known.proven_dead(now))
            for known, finding in counted
        )
        failed = sum(
            finding.reason is not None and not known.is_silent(now) for known, finding in counted
        )
        # Whoever is well, or back and yet to be tested, shows that the prober is not cut off, also
        # while it is held back.
        well = [
            known.answered_since(onset)
            for known, finding in ((self.records[key], each) for key, each in found.items())
            if finding.reason in {None, fleet.Reason.UNPROVEN} and not known.is_silent(now)
        ]
        return doubt.Census(
            standing=sum(well),
            unasked=len(well) - sum(well) if self._too_early(onset, now) else 0,
            silent=unproven,
            failed=failed + len(silent) - unproven,
        )

    def _too_early(self, onset: float | None, now: float) -> bool:
        """Return whether some relays may not have been asked since ``onset``."""
        asked_within = self._rhythm.interval + self._rhythm.doubt_after
        return onset is not None and now - onset < asked_within

    def _unverified(self, now: float) -> frozenset[fleet.RelayKey]:
        """Return the relays of regions that are silent as a whole while their agents are well."""
        regions: dict[str, list[record.Record]] = {}
        for known in self.records.values():
            if known.target.state is contract.State.READY:
                regions.setdefault(known.target.key.region, []).append(known)
        return frozenset(
            known.target.key
            for members in regions.values()
            if all(member.looks_unverified(now) for member in members)
            for known in members
        )


def _kept(finding: record.Finding, belief: doubt.Belief) -> bool:
    match belief:
        case doubt.Belief.ALL:
            return False
        case doubt.Belief.PROOF:
            return finding.is_loss and not finding.proven
        case doubt.Belief.NOTHING:
            return finding.is_loss


def _unverified(target: targets.Target) -> record.Finding:
    return record.Finding(
        reason=None,
        working=target.transports,
        failing=tuple((t, fleet.Reason.UNVERIFIED) for t in sorted(target.transports)),
    )
