"""The prober's verdicts, on a fake clock: who is dead, who is kept, and who may come back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support import courts

from turnfleet.model import fleet
from turnfleet.model.region import Transport
from turnfleet.probe import findings, targets
from turnrelay import contract

REASONS = fleet.Reason


@pytest.fixture
def six() -> courts.World:
    world = courts.World("eu1", "eu2", "us1", "us2", "ap1", "ap2")
    world.pass_(10)
    assert len(world.offered) == 6
    return world


@pytest.fixture
def two() -> courts.World:
    world = courts.World("eu1", "eu2")
    world.pass_(10)
    return world


def test_a_relay_is_unproven_until_it_passes_a_clients_test() -> None:
    world = courts.World("eu1")
    world.trial = findings.Trial(
        working=frozenset(), failing=((Transport.UDP, REASONS.BAD_CREDENTIAL),)
    )
    assert world.court.judge(0.0).health[courts.key("eu1")].reason is REASONS.UNPROVEN
    world.pass_(1)
    assert world.reason("eu1") is REASONS.BAD_CREDENTIAL
    world.trial = findings.Trial(working=courts.EVERYTHING)
    world.pass_(courts.RHYTHM.trial_again + 1)
    assert world.reason("eu1") is None


@given(st.floats(0, 1))
@settings(max_examples=20, deadline=None)
def test_a_silent_relay_is_out_within_three_seconds_at_any_phase(phase: float) -> None:
    world = courts.World("eu1", "eu2", "us1")
    world.pass_(10 + phase)
    courts.silence(world, "eu1")
    world.pass_(3)
    assert world.offered == courts.keys("eu2", "us1")
    assert world.reason("eu1") is REASONS.UNREACHABLE
    assert world.suspicion is None


def test_one_of_two_relays_dying_is_believed(two: courts.World) -> None:
    courts.silence(two, "eu1")
    two.pass_(3)
    assert two.offered == courts.keys("eu2")
    assert two.suspicion is None


def test_a_whole_region_of_a_small_fleet_dying_is_believed(six: courts.World) -> None:
    courts.silence(six, "eu1", "eu2")
    six.pass_(3)
    assert six.offered == courts.keys("us1", "us2", "ap1", "ap2")


@pytest.mark.parametrize("evidence", [None, *findings.Evidence])
def test_when_everything_is_silent_the_last_set_is_kept_whatever_the_evidence(
    six: courts.World, evidence: findings.Evidence | None
) -> None:
    courts.silence(six, "ap2")
    six.pass_(10)
    before = six.health
    courts.silence(six, "eu1", "eu2", "us1", "us2", "ap1", evidence=evidence)
    six.pass_(30)
    six.step = 0.25  # Once all is doubted, nothing happens between two heartbeats.
    six.pass_(570)
    assert six.offered == courts.keys("eu1", "eu2", "us1", "us2", "ap1")
    assert six.health == before
    assert six.suspicion is not None
    assert "keeping the last set" in six.suspicion


def test_the_last_relay_on_offer_is_believed_dead_while_held_back_ones_answer(
    two: courts.World,
) -> None:
    held, last = sorted(two.offered)
    for _ in range(6):
        courts.silence(two, held.relay)
        two.pass_(5)
        courts.revive(two, held.relay)
        two.pass_(5)
    assert two.offered == {last}
    courts.silence(two, last.relay)
    two.pass_(3)
    assert two.offered == set()
    assert two.suspicion is None


def test_the_last_relay_on_offer_is_believed_dead_while_one_that_is_back_answers(
    two: courts.World,
) -> None:
    back, last = sorted(two.offered)
    courts.silence(two, back.relay)
    two.pass_(5)
    two.untested.add(back)
    courts.revive(two, back.relay)
    two.pass_(5)
    assert two.reason(back.relay) is REASONS.UNPROVEN
    courts.silence(two, last.relay)
    two.pass_(3)
    assert two.offered == set()
    assert two.suspicion is None


@given(st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_the_last_relay_on_offer_is_out_within_three_seconds_at_any_phase(
    own: float, others: float
) -> None:
    world = courts.World("eu1", "us1", "us2")
    world.untested = courts.keys("us1", "us2")
    for name, phase in (("us1", own), ("us2", others)):
        world.pass_(1 + phase)
        world.replace(courts.target(name, instance="2"))
    world.pass_(10)
    assert world.offered == courts.keys("eu1")
    courts.silence(world, "eu1")
    world.pass_(3)
    assert world.offered == set()
    assert world.suspicion is None


def test_over_half_silent_together_is_doubted_and_then_believed(six: courts.World) -> None:
    courts.silence(six, "eu1", "eu2", "us1", "us2")
    six.pass_(20)
    assert len(six.offered) == 6
    assert "4 relays fell silent together" in str(six.suspicion)
    six.pass_(courts.RHYTHM.doubt_max)
    assert six.offered == courts.keys("ap1", "ap2")
    assert six.suspicion is None


@pytest.mark.parametrize("evidence", [findings.Evidence.REFUSED, findings.Evidence.MUTE])
def test_over_half_silent_with_proof_is_believed_within_three_seconds(
    six: courts.World, evidence: findings.Evidence
) -> None:
    courts.silence(six, "eu1", "eu2", "us1", "us2", evidence=evidence)
    six.pass_(3)
    assert six.offered == courts.keys("ap1", "ap2")


def test_doubt_ends_when_things_answer_and_stragglers_are_then_believed_dead(
    six: courts.World,
) -> None:
    courts.silence(six, "eu1", "eu2", "us1", "us2", "ap1", "ap2")
    six.pass_(60)
    assert "keeping the last set" in str(six.suspicion)
    courts.revive(six, "eu1", "us1", "us2", "ap1", "ap2")
    six.pass_(1)
    assert len(six.offered) == 6
    six.pass_(4)
    assert six.suspicion is None
    assert (
        six.offered == courts.keys("eu1", "us1", "us2", "ap1", "ap2") | set()
        or courts.key("eu2") in six.silent
    )
    assert courts.key("eu2") not in six.offered


def test_nobody_drops_out_when_all_come_back_from_silence(six: courts.World) -> None:
    courts.silence(six, "eu1", "eu2", "us1", "us2", "ap1", "ap2")
    six.pass_(60)
    courts.revive(six, "eu1", "eu2", "us1", "us2", "ap1", "ap2")
    for _ in range(100):
        six.pass_(courts.STEP)
        assert len(six.offered) == 6
    assert six.suspicion is None


def test_a_refusal_counts_even_while_the_prober_doubts_itself(two: courts.World) -> None:
    two.reports = {
        courts.key("eu1"): findings.Report(
            instance="1", reason=REASONS.DRAINING, usage=fleet.Usage(load=0)
        )
    }
    courts.silence(two, "eu2")
    two.pass_(10)
    assert two.offered == courts.keys("eu2")
    assert two.reason("eu1") is REASONS.DRAINING


def test_a_region_that_was_never_reached_is_kept_where_its_agents_are_well(
    six: courts.World,
) -> None:
    six.replace(courts.target("af1"), courts.target("af2"))
    courts.silence(six, "af1", "af2")
    six.reports = {courts.key("af1"): courts.WELL, courts.key("af2"): courts.WELL}
    six.pass_(5)
    assert six.suspicion is None
    for name in ("af1", "af2"):
        health = six.health[courts.key(name)]
        assert health.reason is None
        assert health.working == courts.EVERYTHING
        assert {why for _, why in health.failing} == {REASONS.UNVERIFIED}
    del six.reports[courts.key("af1")], six.reports[courts.key("af2")]
    six.pass_(5)
    assert six.reason("af1") is REASONS.UNREACHABLE


def test_one_healthy_agent_does_not_save_a_region_whose_other_agent_is_silent(
    six: courts.World,
) -> None:
    six.replace(courts.target("af1"), courts.target("af2"))
    courts.silence(six, "af1", "af2")
    six.reports = {courts.key("af1"): courts.WELL}
    six.pass_(5)
    assert six.reason("af1") is REASONS.UNREACHABLE


def test_a_region_that_had_answered_is_out_first_and_unverified_once_its_agents_persist(
    six: courts.World,
) -> None:
    six.reports = dict.fromkeys(six.targets, courts.WELL)
    courts.silence(six, "eu1", "eu2")
    six.pass_(3)
    assert six.offered == courts.keys("us1", "us2", "ap1", "ap2")
    six.pass_(courts.RHYTHM.unverified_after + courts.RHYTHM.hold_first + 3)
    assert six.reason("eu1") in {None, REASONS.DAMPED}


def test_a_relay_whose_udp_alone_is_silent_keeps_its_other_transports(six: courts.World) -> None:
    courts.silence(six, "eu1", evidence=findings.Evidence.SPEAKS)
    six.pass_(3)
    health = six.health[courts.key("eu1")]
    assert health.reason is None
    assert health.working == {Transport.TCP}
    assert health.failing == ((Transport.UDP, REASONS.UNREACHABLE),)
    courts.revive(six, "eu1")
    six.pass_(2)
    assert six.health[courts.key("eu1")].working == courts.EVERYTHING


def test_a_relay_comes_back_after_three_answers_a_test_and_a_hold(two: courts.World) -> None:
    courts.silence(two, "eu1")
    two.pass_(10)
    courts.revive(two, "eu1")
    took = two.until_offered("eu1")
    assert courts.RHYTHM.hold_first <= took <= courts.RHYTHM.hold_first + 3.5
    assert two.offered == courts.keys("eu1", "eu2")


def test_a_relay_that_flaps_is_held_longer_and_says_so(two: courts.World) -> None:
    holds = []
    for _ in range(4):
        courts.silence(two, "eu1")
        two.pass_(5)
        courts.revive(two, "eu1")
        two.pass_(1.5)
        holds.append(two.until_offered("eu1"))
    assert holds == sorted(holds)
    assert holds[-1] > 12
    courts.silence(two, "eu1")
    two.pass_(5)
    courts.revive(two, "eu1")
    two.pass_(4)
    assert two.reason("eu1") is REASONS.DAMPED


def test_a_replaced_relay_has_to_prove_itself_anew(two: courts.World) -> None:
    two.replace(courts.target("eu1", instance="2"))
    assert two.court.judge(two.now).health[courts.key("eu1")].reason is REASONS.UNPROVEN
    assert two.until_offered("eu1") <= 1.0


def test_a_changed_secret_is_tested_at_once_and_nobody_drops_out_meanwhile(
    two: courts.World,
) -> None:
    two.trial = findings.Trial(
        working=frozenset(), failing=((Transport.UDP, REASONS.BAD_CREDENTIAL),)
    )
    two.replace(courts.target("eu1", secret="another"))
    assert two.court.judge(two.now).health[courts.key("eu1")].reason is None
    two.pass_(2 * courts.STEP)
    assert two.reason("eu1") is REASONS.BAD_CREDENTIAL
    assert two.reason("eu2") is None


def test_the_word_of_another_instances_agent_does_not_count(two: courts.World) -> None:
    two.reports = {
        courts.key("eu1"): findings.Report(
            instance="2", reason=REASONS.DRAINING, usage=fleet.Usage(load=0)
        )
    }
    two.pass_(2)
    assert two.reason("eu1") is None


def test_load_comes_from_the_agent_in_steps(two: courts.World) -> None:
    two.reports = {
        courts.key("eu1"): findings.Report(
            instance="1", reason=None, usage=fleet.Usage(load=0.5077)
        )
    }
    two.pass_(1)
    assert two.health[courts.key("eu1")].load == 0.5


def test_a_relay_that_is_gone_from_the_source_is_forgotten(two: courts.World) -> None:
    del two.targets[courts.key("eu1")]
    two.court.summon(two.targets, two.now)
    two.pass_(courts.STEP)
    assert set(two.health) == courts.keys("eu2")


def test_a_relay_without_a_readable_secret_is_never_tested_and_does_not_hold_up_the_start() -> None:
    world = courts.World()
    bare = courts.target("eu1")
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
    world = courts.World()
    world.replace(courts.target("eu1", state="Starting"))
    courts.silence(world, "eu1")
    assert not world.court.settled(world.now)
    world.pass_(courts.RHYTHM.settle_max + 1)
    assert world.court.settled(world.now)
