"""Expecting: answers are load until a younger report shows what became of them."""

import pytest

from turnfleet.model import fleet
from turnfleet.steer import expecting

A, B = fleet.RelayKey("here", "a"), fleet.RelayKey("here", "b")


def usage(load: float = 0.0, *, allocations: int = 0, begun: int | None = None) -> fleet.Usage:
    return fleet.Usage(load=load, allocations=allocations, begun=begun)


@pytest.fixture
def expected() -> expecting.Expecting:
    return expecting.Expecting()


def test_an_answer_is_load_at_once_relative_to_capacity(expected: expecting.Expecting) -> None:
    expected.handed_out({A: 10}, second=100)
    assert expected.pending(A, capacity=100) == pytest.approx(0.1)
    assert expected.pending(A, capacity=1000) == pytest.approx(0.01)
    assert expected.pending(B, capacity=100) == 0


def test_a_report_ends_what_was_expected_but_for_what_is_still_under_way(
    expected: expecting.Expecting,
) -> None:
    for second in range(100, 105):
        expected.handed_out({A: 10}, second=second)
    expected.heard(A, usage(0.2), second=104)
    assert expected.reported(A) == 0.2
    assert expected.pending(A, capacity=100) == pytest.approx(0.3)
    assert expected.reported(B) is None


def test_without_any_report_an_answer_is_forgotten_after_a_while(
    expected: expecting.Expecting,
) -> None:
    expected.handed_out({A: 10}, second=100)
    expected.handed_out({}, second=100 + expecting.HORIZON)
    assert expected.pending(A, capacity=100) == pytest.approx(0.1)
    expected.handed_out({}, second=101 + expecting.HORIZON)
    assert expected.pending(A, capacity=100) == 0


@pytest.mark.parametrize(("share", "learned"), [(0.25, 0.25), (1.0, 1.0), (3.0, 3.0), (90, 16.0)])
def test_what_a_url_yields_is_learned_and_bounded(
    expected: expecting.Expecting, share: float, learned: float
) -> None:
    begun = 0.0
    for second in range(0, 400, 4):
        expected.handed_out({A: 100}, second=second)
        begun += 100 * share
        expected.heard(A, usage(begun=int(begun)), second=second)
    assert expected.yielded == pytest.approx(learned, abs=0.2)


def test_what_was_learned_is_forgotten_for_what_is_so_now(expected: expecting.Expecting) -> None:
    begun = 0
    for second in range(0, 580, 4):
        expected.handed_out({A: 100}, second=second)
        begun += 300 if second < 400 else 100
        expected.heard(A, usage(begun=begun), second=second)
    assert expected.yielded == pytest.approx(1, abs=0.3)


def test_an_agent_that_begins_anew_or_counts_nothing_teaches_nothing(
    expected: expecting.Expecting,
) -> None:
    for second, begun in enumerate((50_000, 3, None, 70_000, None)):
        expected.handed_out({A: 1000}, second=second)
        expected.heard(A, usage(begun=begun), second=second)
    assert expected.yielded == 1


def test_what_one_agent_makes_up_is_soon_forgotten(expected: expecting.Expecting) -> None:
    for second in range(0, 400, 4):
        expected.handed_out({A: 100, B: 100}, second=second)
        expected.heard(A, usage(begun=second * 25), second=second)
        if second in {200, 204}:
            expected.heard(B, usage(begun=second << 44), second=second)
    assert expected.yielded == pytest.approx(1, abs=0.5)


def test_where_traffic_is_scarce_an_allocation_adds_what_those_before_did(
    expected: expecting.Expecting,
) -> None:
    expected.heard(A, usage(0.4, allocations=40), second=90)
    expected.handed_out({A: 5}, second=100)
    assert expected.pending(A, capacity=10_000) == pytest.approx(0.05)


def test_expectations_alone_fill_no_relay(expected: expecting.Expecting) -> None:
    expected.handed_out({A: 1_000_000}, second=100)
    assert expected.pending(A, capacity=10) == expecting.PENDING_MAX


def test_a_clock_that_goes_back_takes_expectations_with_it(expected: expecting.Expecting) -> None:
    expected.handed_out({A: 10}, second=5000)
    expected.handed_out({B: 10}, second=100)
    assert expected.pending(A, capacity=100) == 0
    assert expected.pending(B, capacity=100) > 0


def test_relays_that_are_gone_are_forgotten(expected: expecting.Expecting) -> None:
    expected.handed_out({A: 10, B: 10}, second=100)
    expected.heard(A, usage(0.2), second=100)
    expected.keep({B})
    assert expected.reported(A) is None
    assert expected.pending(A, capacity=100) == 0
    assert expected.pending(B, capacity=100) > 0
