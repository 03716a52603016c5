"""A court of the prober on a fake clock, over relays that answer or not as a test says."""

from typing import TYPE_CHECKING

from turnfleet.model import fleet
from turnfleet.model.region import Transport
from turnfleet.probe import cadence, findings, record, targets, verdict
from turnrelay import contract

if TYPE_CHECKING:
    from collections.abc import Mapping

RHYTHM = cadence.Cadence()
EVERYTHING = frozenset({Transport.UDP, Transport.TCP})
STEP = 0.05
WELL = findings.Report(instance="1", reason=None, usage=fleet.Usage(load=0.25))
REASONS = fleet.Reason


def key(name: str) -> fleet.RelayKey:
    """``eu1`` is the relay eu1 of the region eu."""
    return fleet.RelayKey(name[:2], name)


def target(name: str, **changes: str) -> targets.Target:
    return targets.Target(
        key=key(name),
        instance=changes.get("instance", "1"),
        urls=tuple(
            targets.Url(transport=t, address="192.0.2.1", port=3478, server_name=None)
            for t in (Transport.UDP, Transport.TCP)
        ),
        agent=fleet.AgentAddress(address="192.0.2.1", port=9641),
        secret=fleet.Secret(changes.get("secret", "s").encode()),
        ca=None,
        state=contract.State(changes.get("state", "Ready")),
    )


class World:
    """Relays that answer or not, and a court that watches them. Time passes in ``pass_``."""

    def __init__(self, *names: str, step: float = STEP) -> None:
        self.now = 0.0
        self.step = step
        self.court = verdict.Court(RHYTHM)
        self.targets = {key(name): target(name) for name in names}
        self.silent: set[fleet.RelayKey] = set()
        self.untested: set[fleet.RelayKey] = set()
        """Whose client's test takes its time."""
        self.evidence: dict[fleet.RelayKey, findings.Evidence] = {}
        self.reports: dict[fleet.RelayKey, findings.Report] = {}
        self.trial = findings.Trial(working=EVERYTHING)
        self.health: Mapping[fleet.RelayKey, fleet.Health] = {}
        self.suspicion: str | None = None
        self.court.summon(self.targets, self.now)

    def replace(self, *changed: targets.Target) -> None:
        self.targets |= {each.key: each for each in changed}
        self.court.summon(self.targets, self.now)

    def pass_(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end - self.step / 2:
            self.now += self.step
            for name, known in self.court.records.items():
                self._live(name, known)
            judgement = self.court.judge(self.now)
            self.health, self.suspicion = judgement.health, judgement.suspicion

    def _live(self, name: fleet.RelayKey, known: record.Record) -> None:
        tried = known.heartbeat.advance(self.now)
        if tried and name not in self.silent:
            known.answered(self.now)
        elif tried and known.wants_evidence() and name in self.evidence:
            known.saw(self.evidence[name], self.now)
        if name in self.reports:
            known.heard(self.reports[name], self.now, fresh=1.0)
        if known.testable(self.now) and name not in self.untested:
            known.tested(self.trial, self.now, interval=30.0)

    def until_offered(self, name: str, *, at_most: float = 100.0) -> float:
        started = self.now
        while key(name) not in self.offered and self.now - started < at_most:
            self.pass_(STEP)
        return self.now - started

    @property
    def offered(self) -> set[fleet.RelayKey]:
        return {name for name, health in self.health.items() if health.reason is None}

    def reason(self, name: str) -> fleet.Reason | None:
        return self.health[key(name)].reason


def offering(*names: str) -> World:
    """Make a world all of whose relays are on offer."""
    world = World(*names)
    world.pass_(10)
    assert len(world.offered) == len(names)
    return world


def keys(*names: str) -> set[fleet.RelayKey]:
    return {key(name) for name in names}


def silence(world: World, *names: str, evidence: findings.Evidence | None = None) -> None:
    world.silent |= keys(*names)
    if evidence is not None:
        world.evidence |= dict.fromkeys(keys(*names), evidence)


def revive(world: World, *names: str) -> None:
    world.silent -= keys(*names)
