"""What a jump of the wall clock means."""

from dataclasses import dataclass

import pytest

from turnrelay import timekeeping


@dataclass(slots=True, kw_only=True)
class Clocks:
    """Two clocks that a test sets."""

    wall: float = 1_800_000_000.0
    steady: float = 50.0

    def keeper(self) -> timekeeping.Timekeeper:
        return timekeeping.Timekeeper(wall=lambda: self.wall, steady=lambda: self.steady)

    def go(self, seconds: float, *, slewed: float = 0.0) -> None:
        self.steady += seconds
        self.wall += seconds + slewed


def test_a_clock_that_is_slewed_does_not_jump() -> None:
    clocks = Clocks()
    keeper = clocks.keeper()
    for _ in range(100):
        clocks.go(0.5, slewed=0.2)
        keeper.look()
        assert keeper.sentence is None
    assert keeper.retiring() == clocks.wall


def test_after_a_jump_forward_nothing_retires_and_nobody_comes_for_a_minute() -> None:
    clocks = Clocks()
    keeper = clocks.keeper()
    before = clocks.wall
    clocks.go(0.5, slewed=7200)
    keeper.look()
    assert (keeper.harmful, keeper.sentence) == (
        True,
        "the clock of this machine jumped forward by 7200 s",
    )
    assert keeper.retiring() == before + 0.5
    clocks.go(60)
    keeper.look()
    assert (keeper.harmful, keeper.sentence) == (False, None)
    assert keeper.retiring() == clocks.wall


def test_a_jump_back_keeps_secrets_longer_and_is_said() -> None:
    clocks = Clocks()
    keeper = clocks.keeper()
    clocks.go(0.5, slewed=-7200)
    keeper.look()
    assert not keeper.harmful
    assert keeper.sentence == "the clock of this machine jumped back by 7200 s"
    assert keeper.retiring() == clocks.wall


@pytest.mark.parametrize("seconds", [7200.0, -7200.0])
def test_a_jump_that_is_taken_back_is_over_at_once_and_for_good(seconds: float) -> None:
    clocks = Clocks()
    keeper = clocks.keeper()
    for jump in (seconds, -seconds):
        clocks.go(0.5, slewed=jump)
        keeper.look()
    for _ in range(200):
        assert keeper.sentence is None
        assert not keeper.harmful
        clocks.go(0.5)
        keeper.look()


def test_a_clock_that_is_set_every_minute_does_not_close_its_relay_for_ever() -> None:
    clocks = Clocks()
    keeper = clocks.keeper()
    for _ in range(20):
        clocks.go(0.5, slewed=6)
        keeper.look()
        assert not keeper.harmful
        clocks.go(50)
        keeper.look()
    assert clocks.wall - keeper.retiring() <= 12


def test_a_jump_soon_after_another_is_doubted_for_a_minute_of_its_own() -> None:
    clocks = Clocks()
    keeper = clocks.keeper()
    for seconds, jump in ((0.5, 6.0), (59.0, 7200.0), (59.5, 0.0)):
        clocks.go(seconds, slewed=jump)
        keeper.look()
    assert keeper.harmful
    assert keeper.retiring() == clocks.wall - 7200
    clocks.go(0.5)
    keeper.look()
    assert not keeper.harmful


@pytest.mark.parametrize("seconds", [6.0, 29.0])
def test_a_small_jump_is_said_and_harms_nobody(seconds: float) -> None:
    clocks = Clocks()
    keeper = clocks.keeper()
    clocks.go(0.5, slewed=seconds)
    keeper.look()
    assert keeper.sentence is not None
    assert not keeper.harmful


def test_a_secret_does_not_retire_before_a_jump_was_looked_at() -> None:
    clocks = Clocks()
    keeper = clocks.keeper()
    before = clocks.wall
    clocks.go(0.4, slewed=7200)
    assert keeper.retiring() == before + 0.4
