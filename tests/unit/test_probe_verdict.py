"""The prober's verdicts, on a fake clock: who is dead, who is kept, and who may come back."""

from collections.abc import Iterable, Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnfleet.model import fleet
from turnfleet.model.region import Transport
from turnfleet.probe import cadence, findings, record, targets, verdict
from turnrelay import contract

RHYTHM = cadence.Cadence()
EVERYTHING = frozenset({Transport.UDP, Transport.TCP})
STEP = 0.05
WELL = findings.Report(instance="1", reason=None, load=0.25)
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


def keys(*names: str) -> set[fleet.RelayKey]:
    return {key(name) for name in names}


@pytest.fixture
def six() -> World:
    world = World("eu1", "eu2", "us1", "us2", "ap1", "ap2")
    world.pass_(10)
    assert len(world.offered) == 6
    return world


@pytest.fixture
def two() -> World:
    world = World("eu1", "eu2")
    world.pass_(10)
    return world


def silence(world: World, *names: str, evidence: findings.Evidence | None = None) -> None:
    world.silent |= keys(*names)
    if evidence is not None:
        world.evidence |= dict.fromkeys(keys(*names), evidence)


def revive(world: World, *names: str) -> None:
    world.silent -= keys(*names)


def test_a_relay_is_unproven_until_it_passes_a_clients_test() -> None:
    world = World("eu1")
    world.trial = findings.Trial(
        working=frozenset(), failing=((Transport.UDP, REASONS.BAD_CREDENTIAL),)
    )
    assert world.court.judge(0.0).health[key("eu1")].reason is REASONS.UNPROVEN
    world.pass_(1)
    assert world.reason("eu1") is REASONS.BAD_CREDENTIAL
    world.trial = findings.Trial(working=EVERYTHING)
    world.pass_(RHYTHM.trial_again + 1)
    assert world.reason("eu1") is None


@given(st.floats(0, 1))
@settings(max_examples=20, deadline=None)
def test_a_silent_relay_is_out_within_three_seconds_at_any_phase(phase: float) -> None:
    world = World("eu1", "eu2", "us1")
    world.pass_(10 + phase)
    silence(world, "eu1")
    world.pass_(3)
    assert world.offered == keys("eu2", "us1")
    assert world.reason("eu1") is REASONS.UNREACHABLE
    assert world.suspicion is None


def test_one_of_two_relays_dying_is_believed(two: World) -> None:
    silence(two, "eu1")
    two.pass_(3)
    assert two.offered == keys("eu2")
    assert two.suspicion is None


def test_a_whole_region_of_a_small_fleet_dying_is_believed(six: World) -> None:
    silence(six, "eu1", "eu2")
    six.pass_(3)
    assert six.offered == keys("us1", "us2", "ap1", "ap2")


@pytest.mark.parametrize("evidence", [None, *findings.Evidence])
def test_when_everything_is_silent_the_last_set_is_kept_whatever_the_evidence(
    six: World, evidence: findings.Evidence | None
) -> None:
    silence(six, "ap2")
    six.pass_(10)
    before = six.health
    silence(six, "eu1", "eu2", "us1", "us2", "ap1", evidence=evidence)
    six.pass_(600)
    assert six.offered == keys("eu1", "eu2", "us1", "us2", "ap1")
    assert six.health == before
    assert six.suspicion is not None
    assert "keeping the last set" in six.suspicion


def test_the_last_relay_on_offer_is_believed_dead_while_held_back_ones_answer(two: World) -> None:
    held, last = sorted(two.offered)
    for _ in range(6):
        silence(two, held.relay)
        two.pass_(5)
        revive(two, held.relay)
        two.pass_(5)
    assert two.offered == {last}
    silence(two, last.relay)
    two.pass_(3)
    assert two.offered == set()
    assert two.suspicion is None


def test_the_last_relay_on_offer_is_believed_dead_while_one_that_is_back_answers(
    two: World,
) -> None:
    back, last = sorted(two.offered)
    silence(two, back.relay)
    two.pass_(5)
    two.untested.add(back)
    revive(two, back.relay)
    two.pass_(5)
    assert two.reason(back.relay) is REASONS.UNPROVEN
    silence(two, last.relay)
    two.pass_(3)
    assert two.offered == set()
    assert two.suspicion is None


def test_over_half_silent_together_is_doubted_and_then_believed(six: World) -> None:
    silence(six, "eu1", "eu2", "us1", "us2")
    six.pass_(20)
    assert len(six.offered) == 6
    assert "4 relays fell silent together" in str(six.suspicion)
    six.pass_(RHYTHM.doubt_max)
    assert six.offered == keys("ap1", "ap2")
    assert six.suspicion is None


@pytest.mark.parametrize("evidence", [findings.Evidence.REFUSED, findings.Evidence.MUTE])
def test_over_half_silent_with_proof_is_believed_within_three_seconds(
    six: World, evidence: findings.Evidence
) -> None:
    silence(six, "eu1", "eu2", "us1", "us2", evidence=evidence)
    six.pass_(3)
    assert six.offered == keys("ap1", "ap2")


def test_doubt_ends_when_things_answer_and_stragglers_are_then_believed_dead(six: World) -> None:
    silence(six, "eu1", "eu2", "us1", "us2", "ap1", "ap2")
    six.pass_(60)
    assert "keeping the last set" in str(six.suspicion)
    revive(six, "eu1", "us1", "us2", "ap1", "ap2")
    six.pass_(1)
    assert len(six.offered) == 6
    six.pass_(4)
    assert six.suspicion is None
    assert (
        six.offered == keys("eu1", "us1", "us2", "ap1", "ap2") | set() or key("eu2") in six.silent
    )
    assert key("eu2") not in six.offered


def test_nobody_drops_out_when_all_come_back_from_silence(six: World) -> None:
    silence(six, "eu1", "eu2", "us1", "us2", "ap1", "ap2")
    six.pass_(60)
    revive(six, "eu1", "eu2", "us1", "us2", "ap1", "ap2")
    for _ in range(100):
        six.pass_(STEP)
        assert len(six.offered) == 6
    assert six.suspicion is None


def test_a_refusal_counts_even_while_the_prober_doubts_itself(two: World) -> None:
    two.reports = {key("eu1"): findings.Report(instance="1", reason=REASONS.DRAINING, load=0)}
    silence(two, "eu2")
    two.pass_(10)
    assert two.offered == keys("eu2")
    assert two.reason("eu1") is REASONS.DRAINING


def test_a_region_that_was_never_reached_is_kept_where_its_agents_are_well(six: World) -> None:
    six.replace(target("af1"), target("af2"))
    silence(six, "af1", "af2")
    six.reports = {key("af1"): WELL, key("af2"): WELL}
    six.pass_(5)
    assert six.suspicion is None
    for name in ("af1", "af2"):
        health = six.health[key(name)]
        assert health.reason is None
        assert health.working == EVERYTHING
        assert {why for _, why in health.failing} == {REASONS.UNVERIFIED}
    del six.reports[key("af1")], six.reports[key("af2")]
    six.pass_(5)
    assert six.reason("af1") is REASONS.UNREACHABLE


def test_one_healthy_agent_does_not_save_a_region_whose_other_agent_is_silent(six: World) -> None:
    six.replace(target("af1"), target("af2"))
    silence(six, "af1", "af2")
    six.reports = {key("af1"): WELL}
    six.pass_(5)
    assert six.reason("af1") is REASONS.UNREACHABLE


def test_a_region_that_had_answered_is_out_first_and_unverified_once_its_agents_persist(
    six: World,
) -> None:
    six.reports = dict.fromkeys(six.targets, WELL)
    silence(six, "eu1", "eu2")
    six.pass_(3)
    assert six.offered == keys("us1", "us2", "ap1", "ap2")
    six.pass_(RHYTHM.unverified_after + RHYTHM.hold_first + 3)
    assert six.reason("eu1") in {None, REASONS.DAMPED}


def test_a_relay_whose_udp_alone_is_silent_keeps_its_other_transports(six: World) -> None:
    silence(six, "eu1", evidence=findings.Evidence.SPEAKS)
    six.pass_(3)
    health = six.health[key("eu1")]
    assert health.reason is None
    assert health.working == {Transport.TCP}
    assert health.failing == ((Transport.UDP, REASONS.UNREACHABLE),)
    revive(six, "eu1")
    six.pass_(2)
    assert six.health[key("eu1")].working == EVERYTHING


def test_a_relay_comes_back_after_three_answers_a_test_and_a_hold(two: World) -> None:
    silence(two, "eu1")
    two.pass_(10)
    revive(two, "eu1")
    took = two.until_offered("eu1")
    assert RHYTHM.hold_first <= took <= RHYTHM.hold_first + 3.5
    assert two.offered == keys("eu1", "eu2")


def test_a_relay_that_flaps_is_held_longer_and_says_so(two: World) -> None:
    holds = []
    for _ in range(4):
        silence(two, "eu1")
        two.pass_(5)
        revive(two, "eu1")
        two.pass_(1.5)
        holds.append(two.until_offered("eu1"))
    assert holds == sorted(holds)
    assert holds[-1] > 12
    silence(two, "eu1")
    two.pass_(5)
    revive(two, "eu1")
    two.pass_(4)
    assert two.reason("eu1") is REASONS.DAMPED


def test_a_replaced_relay_has_to_prove_itself_anew(two: World) -> None:
    two.replace(target("eu1", instance="2"))
    assert two.court.judge(two.now).health[key("eu1")].reason is REASONS.UNPROVEN
    assert two.until_offered("eu1") <= 1.0


def test_a_changed_secret_is_tested_at_once_and_nobody_drops_out_meanwhile(two: World) -> None:
    two.trial = findings.Trial(
        working=frozenset(), failing=((Transport.UDP, REASONS.BAD_CREDENTIAL),)
    )
    two.replace(target("eu1", secret="another"))
    assert two.court.judge(two.now).health[key("eu1")].reason is None
    two.pass_(2 * STEP)
    assert two.reason("eu1") is REASONS.BAD_CREDENTIAL
    assert two.reason("eu2") is None


def test_the_word_of_another_instances_agent_does_not_count(two: World) -> None:
    two.reports = {key("eu1"): findings.Report(instance="2", reason=REASONS.DRAINING, load=0)}
    two.pass_(2)
    assert two.reason("eu1") is None


def test_load_comes_from_the_agent_in_steps(two: World) -> None:
    two.reports = {key("eu1"): findings.Report(instance="1", reason=None, load=0.5077)}
    two.pass_(1)
    assert two.health[key("eu1")].load == 0.5


def test_a_relay_that_is_gone_from_the_source_is_forgotten(two: World) -> None:
    del two.targets[key("eu1")]
    two.court.summon(two.targets, two.now)
    two.pass_(STEP)
    assert set(two.health) == keys("eu2")


def test_a_relay_without_a_readable_secret_is_never_tested_and_does_not_hold_up_the_start() -> None:
    world = World()
    bare = target("eu1")
    world.replace(
        targets.Target(
            key=bare.key, instance="1", urls=bare.urls, agent=None, secret=None, ca=None,
            state=contract.State.READY,
        )
    )  # fmt: skip
    assert not world.court.settled(world.now)
    world.pass_(1)
    assert world.reason("eu1") is REASONS.UNPROVEN
    assert world.court.settled(world.now)


def test_the_first_round_waits_for_relays_that_start_but_not_for_ever() -> None:
    world = World()
    world.replace(target("eu1", state="Starting"))
    silence(world, "eu1")
    assert not world.court.settled(world.now)
    world.pass_(RHYTHM.settle_max + 1)
    assert world.court.settled(world.now)


events = st.lists(
    st.tuples(
        st.sampled_from(["silence", "revive", "refuse", "drain", "well", "replace", "pass"]),
        st.sampled_from(["eu1", "eu2", "us1", "us2", "ap1"]),
    ),
    max_size=25,
)


def happen(world: World, what: str, name: str) -> None:
    match what:
        case "silence":
            silence(world, name)
        case "refuse":
            silence(world, name, evidence=findings.Evidence.REFUSED)
        case "revive":
            revive(world, name)
            world.evidence.pop(key(name), None)
        case "drain":
            report = findings.Report(instance="1", reason=REASONS.DRAINING, load=0)
            world.reports[key(name)] = report
        case "well":
            world.reports[key(name)] = WELL
        case "replace":
            world.replace(target(name, instance=str(world.now)))
        case _:
            world.pass_(1.3)


@given(events)
@settings(max_examples=40, deadline=None)
def test_whatever_happens_a_fleet_that_answers_is_offered_in_the_end(
    story: Iterable[tuple[str, str]],
) -> None:
    world = World("eu1", "eu2", "us1", "us2", "ap1", step=0.25)
    world.pass_(5)
    for what, name in story:
        happen(world, what, name)
    world.silent.clear()
    world.reports.clear()
    world.pass_(RHYTHM.hold_max + 15)
    assert len(world.offered) == 5
    assert world.suspicion is None


@given(events)
@settings(max_examples=40, deadline=None)
def test_whatever_happens_what_is_offered_answers_or_the_prober_says_why(
    story: Sequence[tuple[str, str]],
) -> None:
    world = World("eu1", "eu2", "us1", "us2", "ap1", step=0.25)
    world.pass_(5)
    for what, name in story:
        happen(world, what, name)
    world.reports.clear()
    world.pass_(RHYTHM.doubt_max + RHYTHM.doubt_grace + 5)
    dead = world.offered & world.silent
    assert not dead or world.suspicion is not None
    assert not dead or not (world.offered - world.silent)
