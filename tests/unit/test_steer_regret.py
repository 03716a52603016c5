"""Regret: what a choice cost, and figures over many."""

import pytest
from hypothesis import given, strategies

from turnfleet.steer import regret

RTTS = strategies.dictionaries(
    strategies.sampled_from("abcdef"), strategies.floats(0, 1000), min_size=1
)
OUTCOMES = strategies.lists(
    strategies.builds(
        regret.Outcome,
        regret=strategies.floats(0, 1000),
        country=strategies.sampled_from(["DE", "KE", None]),
    ),
    min_size=1,
)


@given(strategies.permutations("abcdef"), RTTS)
def test_regret_is_nothing_exactly_where_the_best_was_chosen(
    ranked: list[str], measured: dict[str, float]
) -> None:
    found = regret.outcome(ranked, measured, country=None)
    assert found is not None
    chosen = next(region for region in ranked if region in measured)
    assert found.regret >= 0
    assert (found.regret == 0) is (measured[chosen] == min(measured.values()))


def test_a_client_without_any_measured_round_trip_is_no_outcome() -> None:
    assert regret.outcome(["a"], {}, country="DE") is None
    assert regret.outcome(["a"], {"b": 1.0}, country="DE") is None
    assert regret.summarise([]) is None


def test_a_region_that_was_not_measured_counts_for_the_next_one() -> None:
    found = regret.outcome(["a", "b", "c"], {"b": 30.0, "c": 10.0}, country="DE")
    assert found == regret.Outcome(regret=20.0, country="DE")


@given(OUTCOMES)
def test_quantiles_ascend_and_means_lie_between_the_least_and_the_most(
    outcomes: list[regret.Outcome],
) -> None:
    found = regret.summarise(outcomes)
    assert found is not None
    regrets = [each.regret for each in outcomes]
    assert found.clients == len(outcomes)
    assert found.p50 <= found.p90 <= found.p95 <= found.p99 <= max(regrets)
    for mean in (found.mean, found.country_mean):
        assert mean == pytest.approx(min(max(mean, min(regrets)), max(regrets)))


def test_every_country_counts_the_same_in_the_country_mean() -> None:
    crowd = [regret.Outcome(regret=0.0, country="DE")] * 99
    found = regret.summarise([*crowd, regret.Outcome(regret=100.0, country="KE")])
    assert found is not None
    assert (found.mean, found.country_mean, found.hit_rate) == (1.0, 50.0, 0.99)


@pytest.mark.parametrize(("share", "value"), [(0.5, 5), (0.9, 9), (0.95, 10), (0.99, 10), (0, 1)])
def test_a_quantile_is_a_value_that_was_there(share: float, value: float) -> None:
    assert regret.quantile(list(range(1, 11)), share) == value
