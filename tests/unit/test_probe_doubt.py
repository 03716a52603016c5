"""When many fall silent together: whether the prober doubts them or itself."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support import courts

from turnfleet.model import fleet
from turnfleet.probe import findings

REASONS = fleet.Reason


@pytest.fixture
def six() -> courts.World:
    return courts.offering("eu1", "eu2", "us1", "us2", "ap1", "ap2")


@pytest.fixture
def two() -> courts.World:
    return courts.offering("eu1", "eu2")


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
