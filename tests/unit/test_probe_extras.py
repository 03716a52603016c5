"""Tests out of turn: at once for the first, and never many, whoever asks how often."""

from collections import Counter
from itertools import pairwise

from turnfleet.model import fleet
from turnfleet.probe import cadence, extras

RHYTHM = cadence.Cadence()
RELAYS = [fleet.RelayKey("r", str(number)) for number in range(50)]


def test_a_relay_that_was_asked_for_is_tested_at_once() -> None:
    wanted = extras.Extras(RHYTHM)

    assert wanted.ask(RELAYS[0], 100.0)
    assert wanted.take(100.0) == RELAYS[0]
    assert wanted.take(100.0) is None


def test_whoever_asks_all_the_time_for_everybody_gets_the_budget_shared_fairly() -> None:
    wanted = extras.Extras(RHYTHM)
    taken: dict[fleet.RelayKey, list[float]] = {}
    for tick in range(6000):
        now = tick * 0.05
        for key in RELAYS:
            wanted.ask(key, now)
        while due := wanted.take(now):
            taken.setdefault(due, []).append(now)
    counts = Counter({key: len(times) for key, times in taken.items()})

    assert sum(counts.values()) <= 300 * RHYTHM.extras_per_second + 1
    assert max(counts.values()) - min(counts[key] for key in RELAYS) <= 1


def test_one_relay_is_not_tested_more_often_than_its_interval() -> None:
    wanted = extras.Extras(RHYTHM)
    times = []
    for tick in range(6000):
        now = tick * 0.05
        wanted.ask(RELAYS[0], now)
        if wanted.take(now):
            times.append(now)

    assert all(b - a >= RHYTHM.extra_interval for a, b in pairwise(times))
    assert len(times) > 25


def test_a_relay_that_is_forgotten_is_not_tested_and_may_come_back() -> None:
    wanted = extras.Extras(RHYTHM)
    wanted.ask(RELAYS[0], 0.0)
    wanted.drop(RELAYS[0])

    assert wanted.take(1.0) is None
    assert wanted.ask(RELAYS[0], 1.0)
    assert wanted.take(1.0) == RELAYS[0]
