"""A network that changes: how soon a crowd says so, and who cannot make it say so."""

from collections.abc import Mapping

import pytest
from tests.support import learning as world

from turnfleet.learn import learning

SOURCES = 12
WELL: Mapping[str, float] = {"frankfurt": 30.0, "dubai": 110.0, "pune": 150.0}
ILL: Mapping[str, float] = {**WELL, "frankfurt": 180.0}
NEWCOMER = "203.0.113.9"


class Place:
    """Oslo, where a crowd has measured what is well, once a day."""

    def __init__(self, *, days: int = 5, sources: int = SOURCES) -> None:
        self.learner = world.learner()
        self.now = world.NOW
        self.answers = 0
        for _ in range(days):
            for number in range(sources):
                self.measure(number, WELL)

    def measure(self, number: int, rtts: Mapping[str, float]) -> None:
        """Let a source report; the crowd comes by once a day."""
        self.now += world.DAY / SOURCES
        self.answers += 1
        world.measure(
            self.learner,
            f"198.51.{number}.7",
            rtts,
            place=world.OSLO,
            now=self.now,
            nonce=self.answers,
        )

    def best(self, address: str = NEWCOMER) -> str:
        return world.best(self.learner, address, place=world.OSLO, now=self.now)


@pytest.fixture
def oslo() -> Place:
    return Place()


def test_newcomers_leave_a_region_after_a_third_of_the_crowd_has_found_it_worse(
    oslo: Place,
) -> None:
    assert oslo.best() == "frankfurt"
    until = 0
    while oslo.best() == "frankfurt":
        oslo.measure(until, ILL)
        until += 1
    assert until <= SOURCES // 3 + 1


def test_who_has_not_measured_since_is_sent_away_as_well(oslo: Place) -> None:
    last = f"198.51.{SOURCES - 1}.7"
    assert oslo.best(last) == "frankfurt"
    for number in range(SOURCES // 2):
        oslo.measure(number, ILL)
    assert oslo.best(last) == "dubai"


def test_all_come_back_when_half_of_the_crowd_has_found_it_mended(oslo: Place) -> None:
    for _ in range(5):
        for number in range(SOURCES):
            oslo.measure(number, ILL)
    assert oslo.best() == "dubai"
    for number in range(SOURCES // 2 + 1):
        oslo.measure(number, WELL)
    assert oslo.best() == "frankfurt"


@pytest.mark.parametrize("reports", [1, 2, 3, 10])
def test_two_sources_that_say_so_all_the_time_move_nobody_else(oslo: Place, reports: int) -> None:
    for _ in range(reports):
        for number in range(2):
            oslo.measure(number, ILL)
            assert oslo.best() == "frankfurt"
            assert oslo.best("198.51.5.7") == "frankfurt"


def test_a_few_that_measured_often_do_not_speak_for_many_that_measured_once() -> None:
    young = Place(days=1, sources=60)
    for rtts in (WELL, WELL, WELL, ILL):
        for number in range(3):
            young.measure(100 + number, rtts)
    assert young.best() == "frankfurt"
    assert young.best("198.51.5.7") == "frankfurt"


def test_what_was_learned_in_a_change_depends_on_no_order(oslo: Place) -> None:
    for number in range(SOURCES // 2):
        oslo.measure(number, ILL)
    other = world.learner()
    for source, record in sorted(oslo.learner.sources.items(), reverse=True):
        other.sources.merge({source: record}, now=oslo.now)
    assert _estimates(other, oslo.now) == _estimates(oslo.learner, oslo.now)


def _estimates(learner: learning.Learner, now: float) -> dict[str, float]:
    found = world.estimates(learner, NEWCOMER, place=world.OSLO, now=now + 7200)
    return {name: part.rtt for name, part in found.items()}
