"""Deciding: whom to try, and when to stay."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnfleet.model import estimate, selection
from turnfleet.steer import deciding


def estimated(rtt: float, deviation: float) -> estimate.Estimate:
    return estimate.Estimate(rtt=rtt, deviation=deviation)


def ranked(rtt: float, deviation: float, *, load: float = 0) -> selection.Ranked:
    return selection.Ranked(
        region="any", expected=estimated(rtt, deviation), load_penalty=load, weight_penalty=0
    )


def test_what_could_be_better_is_worth_a_try_before_what_is_known_to_be_good() -> None:
    known, unknown, hopeless = estimated(80, 2), estimated(95, 30), estimated(250, 50)
    order = sorted([known, unknown, hopeless], key=deciding.score)
    assert order == [unknown, known, hopeless]


@pytest.mark.parametrize(("rtt", "deviation"), [(97, 0), (80, 10)])
def test_who_came_a_moment_ago_moves_for_what_is_clearly_better_alone(
    rtt: float, deviation: float
) -> None:
    held, better = ranked(100, deviation), ranked(rtt, deviation)
    assert not deciding.moves(held, better, dwelling=True)
    assert deciding.moves(held, better, dwelling=False)
    assert deciding.moves(held, ranked(50, deviation), dwelling=True)


def test_load_moves_even_who_came_a_moment_ago() -> None:
    held, other = ranked(50, 20, load=11), ranked(60, 20)
    assert deciding.moves(held, other, dwelling=True)
    assert not deciding.moves(ranked(50, 20, load=9), other, dwelling=True)


@pytest.mark.parametrize(("deviation", "moved"), [(0, True), (2, True), (6, True), (20, False)])
def test_the_margin_shrinks_to_nothing_as_estimates_get_sure(
    deviation: float, *, moved: bool
) -> None:
    held, other = ranked(100, deviation), ranked(95, deviation)
    assert deciding.moves(held, other, dwelling=False) is moved


REGIONS = st.builds(ranked, st.floats(1, 500), st.floats(0, 100), load=st.floats(0, 100))


@given(one=REGIONS, other=REGIONS, dwelling=st.booleans())
def test_nobody_moves_there_and_back_by_the_same_estimates(
    one: selection.Ranked, other: selection.Ranked, *, dwelling: bool
) -> None:
    there = deciding.moves(one, other, dwelling=dwelling)
    back = deciding.moves(other, one, dwelling=dwelling)
    assert not (there and back)
