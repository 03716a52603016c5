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
    return courts.offering("eu1", "eu2", "us1", "us2", "ap1", "ap2")


@pytest.fixture
def two() -> courts.World:
    return courts.offering("eu1", "eu2")


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


def test_a_relay_that_hears_late_of_a_secret_is_offered_within_a_second_of_that(
    two: courts.World,
) -> None:
    two.trial = findings.Trial(
        working=frozenset(), failing=((Transport.UDP, REASONS.BAD_CREDENTIAL),)
    )
    two.replace(courts.target("eu1", secret="new"), courts.target("eu2", secret="new"))
    two.pass_(3)
    assert not two.offered
    two.trial = findings.Trial(working=courts.EVERYTHING)
    two.pass_(courts.RHYTHM.credential_again + 0.1)
    assert two.offered == courts.keys("eu1", "eu2")


def test_a_relay_that_goes_on_refusing_is_not_asked_every_second(two: courts.World) -> None:
    two.trial = findings.Trial(
        working=frozenset(), failing=((Transport.UDP, REASONS.BAD_CREDENTIAL),)
    )
    two.replace(courts.target("eu1", secret="new"), courts.target("eu2", secret="new"))
    two.pass_(60)
    appointments = set()
    for _ in range(20):
        two.pass_(1)
        appointments.add(two.court.records[courts.key("eu1")].trial_due)
    assert len(appointments) <= 20 / courts.RHYTHM.trial_again + 1


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
    world = courts.World("us1")
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


@pytest.mark.parametrize("silent", [True, False])
def test_the_first_round_waits_for_somebody_to_offer_but_not_for_ever(
    silent: bool,  # noqa: FBT001 - a table
) -> None:
    world = courts.World("eu1", "eu2")
    courts.silence(world, *(["eu1", "eu2"] if silent else ["eu1"]))
    world.pass_(courts.RHYTHM.settle_max / 2)
    assert world.court.settled(world.now) is not silent
    world.pass_(courts.RHYTHM.settle_max)
    assert world.court.settled(world.now)


def test_the_first_round_waits_for_relays_that_start_but_not_for_ever() -> None:
    world = courts.World()
    world.replace(courts.target("eu1", state="Starting"))
    courts.silence(world, "eu1")
    assert not world.court.settled(world.now)
    world.pass_(courts.RHYTHM.settle_max + 1)
    assert world.court.settled(world.now)
