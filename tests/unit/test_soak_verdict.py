"""The soak's own judgement: it must be able to fail, and must not blame the innocent."""

import pytest
from tests.bench import ledger, vitals


@pytest.fixture
def told() -> ledger.Ledger:
    return ledger.Ledger(tolerance=3.0)


def test_an_answer_may_name_a_relay_that_just_died(told: ledger.Ledger) -> None:
    told.struck("a", at=10.0, cause="killed")
    told.named("a", asked=12.9)
    assert told.violations == []


def test_an_answer_that_names_a_relay_dead_for_over_three_seconds_is_a_violation(
    told: ledger.Ledger,
) -> None:
    told.struck("a", at=10.0, cause="killed")
    told.named("a", asked=13.5)
    told.named("b", asked=13.5)
    assert [(v.relay, v.down_for) for v in told.violations] == [("a", 3.5)]


def test_a_second_blow_does_not_reset_the_clock(told: ledger.Ledger) -> None:
    told.struck("a", at=10.0, cause="killed")
    told.struck("a", at=12.0, cause="killed again")
    told.named("a", asked=13.5)
    assert len(told.violations) == 1


def test_an_answer_from_before_the_blow_proves_nothing(told: ledger.Ledger) -> None:
    told.struck("a", at=10.0, cause="killed")
    told.answered("a", sent=9.9, at=10.1)
    assert set(told.down) == {"a"}


def test_a_relay_that_answers_again_may_be_named(told: ledger.Ledger) -> None:
    told.struck("a", at=10.0, cause="killed")
    told.named("a", asked=11.0)
    told.answered("a", sent=14.0, at=14.01)
    told.named("a", asked=15.0)
    assert told.violations == []
    assert [(o.began, o.ended, o.named_for) for o in told.outages] == [(10.0, 14.01, 1.0)]


def test_a_request_from_before_the_blow_is_no_evidence(told: ledger.Ledger) -> None:
    told.struck("a", at=10.0, cause="killed")
    told.named("a", asked=9.99)
    assert told.violations == []


def test_a_relay_has_been_up_since_its_last_outage(told: ledger.Ledger) -> None:
    assert told.up_for("a", at=5.0) == float("inf")
    told.struck("a", at=10.0, cause="killed")
    assert told.up_for("a", at=11.0) == 0.0
    told.answered("a", sent=14.0, at=14.0)
    assert told.up_for("a", at=20.0) == 6.0


def _samples(*rss: float) -> list[vitals.Sample]:
    return [
        vitals.Sample(at=5.0 * index, rss=mb, descriptors=40, threads=6, children=6)
        for index, mb in enumerate(rss)
    ]


def test_memory_that_grows_all_the_time_is_a_leak() -> None:
    growth = vitals.judge(_samples(*(60 + n for n in range(40))))
    assert [g.name for g in growth if g.leaks] == ["RSS, MB"]
    assert growth[0].per_hour == pytest.approx(720)


def test_memory_that_levels_off_is_none() -> None:
    growth = vitals.judge(_samples(*(60 + min(n, 4) for n in range(40))))
    assert not any(g.leaks for g in growth)
