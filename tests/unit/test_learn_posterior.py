"""Estimates: the prior where nothing is known, what was measured where much is."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support import learning as world

from turnfleet.learn import learning
from turnfleet.model import geo
from turnfleet.steer import deciding

HERE, THERE = "198.51.100.7", "203.0.113.9"


@pytest.fixture
def learner() -> learning.Learner:
    return world.learner()


def measured(
    learner: learning.Learner, count: int, *, address: str = HERE, start: float = world.NOW
) -> float:
    for number in range(count):
        now = start + 60 * number
        world.measure(learner, address, world.CABLES, place=world.AMMAN, now=now, nonce=number)
    return start + 60 * count


def crowd(learner: learning.Learner, size: int) -> float:
    for number in range(size):
        measured(learner, 3, address=f"198.51.{number}.7")
    return world.NOW + 180


def test_without_any_report_the_estimate_is_the_prior(learner: learning.Learner) -> None:
    found = world.estimates(learner, HERE, place=world.AMMAN, now=world.NOW)
    expected = world.prior(world.AMMAN)
    assert [e.rtt for e in found.values()] == pytest.approx([e.rtt for e in expected])
    # Near by it is less sure than the prior says, far away surer: what is late is so by some ms.
    surer = [e.deviation / of.deviation for e, of in zip(found.values(), expected, strict=True)]
    assert surer == pytest.approx([1, 1, 1], rel=0.15)
    assert surer[world.NAMES.index("dubai")] > 1 > surer[world.NAMES.index("pune")]


def test_a_source_comes_to_go_by_what_it_measured_and_is_ever_surer(
    learner: learning.Learner,
) -> None:
    last = float("inf")
    for number in range(5):
        now = measured(learner, 1, start=world.NOW + 60 * number)
        found = world.estimates(learner, HERE, place=world.AMMAN, now=now)
        assert found["frankfurt"].deviation < last
        last = found["frankfurt"].deviation
    for name, rtt in world.CABLES.items():
        assert found[name].rtt == pytest.approx(rtt, rel=0.12)


def test_a_crowd_is_believed_more_the_larger_it_is(learner: learning.Learner) -> None:
    expected = world.estimates(learner, THERE, place=world.AMMAN, now=world.NOW)["dubai"].rtt
    found = []
    for size in (2, 3, 10, 40):
        now = crowd(learner, size)
        found.append(world.estimates(learner, THERE, place=world.AMMAN, now=now)["dubai"].rtt)
    assert found[0] == pytest.approx(expected)
    assert expected < found[1] < found[2] < found[3] < world.CABLES["dubai"] * 1.02


def test_what_a_square_says_counts_less_in_its_country_and_nothing_elsewhere(
    learner: learning.Learner,
) -> None:
    now = crowd(learner, 10)

    def raised(place: geo.Place) -> float:
        fresh = world.estimates(world.learner(), THERE, place=place, now=now)["dubai"].rtt
        return world.estimates(learner, THERE, place=place, now=now)["dubai"].rtt / fresh

    assert raised(world.AMMAN) > raised(world.AQABA) > raised(world.OSLO) == 1


def test_what_was_measured_fades_over_weeks(learner: learning.Learner) -> None:
    now = measured(learner, 5)
    expected = world.prior(world.AMMAN)[1].rtt
    last = world.CABLES["dubai"] * 1.1
    for weeks in (0, 2, 5, 20, 60):
        later = now + 7 * weeks * world.DAY
        found = world.estimates(learner, HERE, place=world.AMMAN, now=later)["dubai"]
        assert expected < found.rtt < last
        last = found.rtt
    assert last == pytest.approx(expected, rel=0.02)


def test_one_region_measured_slow_does_not_send_a_client_to_another_unseen(
    learner: learning.Learner,
) -> None:
    """All is half as slow again as expected, and only the best was measured."""
    expected = dict(zip(world.NAMES, world.prior(world.OSLO), strict=True))
    world.measure(
        learner,
        HERE,
        {"frankfurt": 1.5 * expected["frankfurt"].rtt},
        place=world.OSLO,
        now=world.NOW,
    )
    found = world.estimates(learner, HERE, place=world.OSLO, now=world.NOW)
    assert found["dubai"].rtt > expected["dubai"].rtt


def test_a_region_that_gets_worse_is_left_within_a_few_answers_and_gone_back_to_after() -> None:
    well = {"frankfurt": 30.0, "dubai": 110.0, "pune": 150.0}
    ill = {**well, "frankfurt": 180.0}
    learner, chosen, now = world.learner(), list[str](), world.NOW
    for number, truth in enumerate([well] * 8 + [ill] * 20 + [well] * 20):
        now += world.DAY
        found = world.estimates(learner, HERE, place=world.OSLO, now=now)
        first = min(found, key=lambda name: found[name].rtt)
        rest = {name: part for name, part in found.items() if name != first}
        second = min(rest, key=lambda name: deciding.score(rest[name]))
        told = {name: truth[name] for name in (first, second)}
        world.measure(learner, HERE, told, place=world.OSLO, now=now, nonce=number)
        chosen.append(first)
    assert set(chosen[:8]) == {"frankfurt"}
    assert set(chosen[8 + 5 : 28]) == {"dubai"}
    assert set(chosen[28 + 6 :]) == {"frankfurt"}


def test_facts_that_do_not_agree_are_less_sure(learner: learning.Learner) -> None:
    for number, rtt in enumerate([60.0, 61.0, 59.0, 60.0, 62.0]):
        now = world.NOW + number
        for address, told in ((HERE, rtt), (THERE, rtt * (1 + number % 2))):
            world.measure(
                learner, address, {"dubai": told}, place=world.AMMAN, now=now, nonce=number
            )
    calm = world.estimates(learner, HERE, place=world.AMMAN, now=world.NOW + 5)["dubai"]
    torn = world.estimates(learner, THERE, place=world.AMMAN, now=world.NOW + 5)["dubai"]
    assert torn.deviation > 1.3 * calm.deviation


def test_other_regions_start_from_what_is_known_of_the_same_ones(
    learner: learning.Learner,
) -> None:
    now = measured(learner, 5)
    learner.serve(regions=world.SITES[:0:-1], prior=lambda place: world.prior(place)[:0:-1])
    found = learner.posterior.estimates(
        expected=learner.posterior.expected(world.AMMAN),
        cell="JO/32/36",
        source=world.source(HERE),
        now=now,
    )
    assert found[1].rtt == pytest.approx(world.CABLES["dubai"], rel=0.12)


def test_an_explanation_adds_up_to_the_estimate(learner: learning.Learner) -> None:
    now = crowd(learner, 4)
    place, cell, source = world.AMMAN, "JO/32/36", world.source("198.51.0.7")
    told = learner.posterior.explain(place=place, cell=cell, source=source, now=now)
    found = learner.posterior.estimates(
        expected=world.prior(place), cell=cell, source=source, now=now
    )
    assert tuple(part.learned for part in told) == found
    assert [part.prior for part in told] == world.prior(place)
    assert {(part.samples, part.sources) for part in told} == {(3, 4)}


@given(
    st.lists(
        st.tuples(
            st.integers(0, 5),
            st.sampled_from([world.AMMAN, world.OSLO, world.MUSCAT]),
            st.dictionaries(st.sampled_from(world.NAMES), st.floats(0.01, 2000)),
        ),
        max_size=30,
    )
)
@settings(deadline=None)
def test_whatever_is_reported_estimates_stay_within_reason(
    told: list[tuple[int, geo.Place, dict[str, float]]],
) -> None:
    learner = world.learner()
    for number, (third, place, rtts) in enumerate(told):
        address = f"198.51.{third}.7"
        world.measure(
            learner,
            address,
            rtts,
            place=place,
            now=world.NOW + number,
            nonce=number,
        )
    for place in (world.AMMAN, world.OSLO):
        found = world.estimates(learner, "198.51.0.7", place=place, now=world.NOW + 60)
        for estimate, expected in zip(found.values(), world.prior(place), strict=True):
            rtt, deviation = dataclasses.astuple(estimate)
            assert 0.2 * expected.rtt <= rtt < 40 * (expected.rtt + 30)
            assert 0 < deviation < 2 * (rtt + 30)
