"""Deciding: whom to try, and when to stay."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnfleet.learn import deciding
from turnfleet.model import estimate


def estimated(rtt: float, deviation: float) -> estimate.Estimate:
    return estimate.Estimate(rtt=rtt, deviation=deviation)


def test_what_could_be_better_is_worth_a_try_before_what_is_known_to_be_good() -> None:
    known, unknown, hopeless = estimated(80, 2), estimated(95, 30), estimated(250, 50)
    order = sorted([known, unknown, hopeless], key=deciding.score)
    assert order == [unknown, known, hopeless]


def test_a_client_stays_where_it_came_an_hour_ago_at_least() -> None:
    held, better = estimated(100, 1), estimated(50, 1)
    assert not deciding.moves(held, better, since=0, now=3599)
    assert deciding.moves(held, better, since=0, now=3600)
    assert deciding.moves(held, better, since=9000, now=3600)


@pytest.mark.parametrize(("deviation", "moved"), [(0, True), (2, True), (6, True), (20, False)])
def test_the_margin_shrinks_to_nothing_as_estimates_get_sure(
    deviation: float, *, moved: bool
) -> None:
    held, other = estimated(100, deviation), estimated(95, deviation)
    assert deciding.moves(held, other, since=0, now=1e6) is moved


@given(st.floats(1, 500), st.floats(0, 100), st.floats(1, 500), st.floats(0, 100))
def test_nobody_moves_there_and_back_by_the_same_estimates(
    rtt: float, deviation: float, other_rtt: float, other_deviation: float
) -> None:
    one, other = estimated(rtt, deviation), estimated(other_rtt, other_deviation)
    there = deciding.moves(one, other, since=0, now=1e6)
    back = deciding.moves(other, one, since=0, now=1e6)
    assert not (there and back)
