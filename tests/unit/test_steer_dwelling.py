"""Dwelling: who holds which region, for how long, in bounded memory."""

import pytest

from turnfleet.steer import dwelling

HERE = b"here", b"DE/50/8", None
THERE = b"here", b"DE/50/8", "eu"
ELSEWHERE = b"here", b"BR/-24/-46", None


@pytest.fixture
def kept() -> dwelling.Dwelling:
    return dwelling.Dwelling(most=10)


def test_a_client_dwells_in_the_region_it_came_to_and_holds_it_afterwards(
    kept: dwelling.Dwelling,
) -> None:
    kept.note(HERE, "a", now=0)
    assert kept.held(HERE, now=dwelling.DWELL - 1) == dwelling.Stay("a", dwelling=True)
    assert kept.held(HERE, now=dwelling.DWELL) == dwelling.Stay("a", dwelling=False)


def test_to_be_given_the_same_region_again_begins_nothing_anew(kept: dwelling.Dwelling) -> None:
    kept.note(HERE, "a", now=0)
    kept.note(HERE, "a", now=dwelling.DWELL - 1)
    assert kept.held(HERE, now=dwelling.DWELL) == dwelling.Stay("a", dwelling=False)


def test_another_region_does(kept: dwelling.Dwelling) -> None:
    kept.note(HERE, "a", now=0)
    kept.note(HERE, "b", now=2000)
    assert kept.held(HERE, now=2001) == dwelling.Stay("b", dwelling=True)


def test_each_place_and_residency_has_a_region_of_its_own(kept: dwelling.Dwelling) -> None:
    kept.note(HERE, "a", now=0)
    assert kept.held(THERE, now=1) is None
    assert kept.held(ELSEWHERE, now=1) is None


def test_a_clock_that_goes_back_holds_nobody_for_ever(kept: dwelling.Dwelling) -> None:
    kept.note(HERE, "a", now=10_000)
    assert kept.held(HERE, now=5_000) == dwelling.Stay("a", dwelling=False)


def test_memory_is_bounded_and_those_who_come_again_are_remembered(
    kept: dwelling.Dwelling,
) -> None:
    for number in range(1000):
        kept.note(HERE, "a", now=0)
        kept.note((number.to_bytes(4, "big"), b"", None), "b", now=number)
        assert len(kept) <= 20
    assert kept.held(HERE, now=1000) == dwelling.Stay("a", dwelling=False)
    assert kept.held(((0).to_bytes(4, "big"), b"", None), now=1000) is None
