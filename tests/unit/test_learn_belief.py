"""Beliefs: what one measured region says of the others, and what contradicts itself."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnfleet.learn import belief

EXPECTED = (20.0, 60.0, 110.0, 240.0)
REGIONS = len(EXPECTED)
ALIKE = (100.0,) * REGIONS
_evidence = st.dictionaries(
    st.integers(0, REGIONS - 1),
    st.builds(belief.Evidence, st.floats(-2, 2), st.floats(1e-3, 1)),
    min_size=1,
)
_doubts = st.lists(st.floats(1e-3, 0.5), min_size=REGIONS, max_size=REGIONS)


@pytest.mark.parametrize("expected", [EXPECTED, ALIKE])
@given(_doubts, _evidence)
def test_one_level_is_the_normal_posterior(
    expected: tuple[float, ...], doubts: list[float], evidence: dict[int, belief.Evidence]
) -> None:
    """One measured value at a time, by the textbook, with the whole matrix of covariances."""
    held = belief.loosened(belief.nothing(expected), doubts)
    means, matrix = [0.0] * REGIONS, covariances(held)
    for index, (value, variance) in evidence.items():
        gain = [row[index] / (matrix[index][index] + variance) for row in matrix]
        innovation = value - means[index]
        means = [mean + g * innovation for mean, g in zip(means, gain, strict=True)]
        column = [row[index] for row in matrix]
        matrix = [
            [matrix[i][j] - gain[i] * column[j] for j in range(REGIONS)] for i in range(REGIONS)
        ]
    found = belief.moved(held, evidence)
    assert found.means == pytest.approx(means, abs=1e-9)
    assert found.variances == pytest.approx([matrix[i][i] for i in range(REGIONS)], abs=1e-9)


def covariances(held: belief.Belief) -> list[list[float]]:
    return [
        [
            held.common * held.loads[i] * held.loads[j] + (held.own[i] if i == j else 0.0)
            for j in range(REGIONS)
        ]
        for i in range(REGIONS)
    ]


@given(st.lists(st.tuples(_doubts, _evidence), min_size=1, max_size=5))
def test_evidence_never_makes_less_sure_and_no_doubt_goes_below_nought(
    levels: list[tuple[list[float], dict[int, belief.Evidence]]],
) -> None:
    held = belief.nothing(EXPECTED)
    for doubts, evidence in levels:
        loosened = belief.loosened(held, doubts)
        held = belief.moved(loosened, evidence)
        assert all(
            0 < after <= before * (1 + 1e-9)
            for after, before in zip(held.variances, loosened.variances, strict=True)
        )
        assert held.common > 0
        assert all(own >= 0 for own in held.own)


def test_who_is_slow_to_one_region_is_expected_to_be_slow_to_all() -> None:
    held = belief.loosened(belief.nothing(EXPECTED[:2]), [0.07, 0.07])
    found = belief.moved(held, {0: belief.Evidence(0.5, 0.01)})
    assert 0 < found.means[1] < found.means[0] < 0.5


def test_what_makes_a_source_late_is_some_ms_to_each_region_and_no_factor() -> None:
    held = belief.loosened(belief.nothing(EXPECTED), [0.02] * REGIONS)
    late = {0: belief.Evidence(belief.ratio(120.0, EXPECTED[0]), 0.005)}
    found = belief.by_source(held, late)
    rtts = [belief.round_trip(*pair) for pair in zip(found.means, EXPECTED, strict=True)]
    assert rtts == sorted(rtts)
    assert EXPECTED[3] + 20 < rtts[3] < EXPECTED[3] + 120


def test_a_source_that_says_ten_times_as_much_of_each_region_is_expected_to_of_the_others() -> None:
    held = belief.loosened(belief.nothing(EXPECTED), [0.02] * REGIONS)
    tenfold = {
        i: belief.Evidence(belief.ratio(10 * EXPECTED[i], EXPECTED[i]), 5e-3) for i in (0, 1)
    }
    found = belief.by_source(held, tenfold)
    assert found.means[3] > found.means[0]


@given(st.floats(1, 500), st.floats(1, 500))
def test_a_ratio_stands_for_its_round_trip(rtt: float, expected: float) -> None:
    assert belief.round_trip(belief.ratio(rtt, expected), expected) == pytest.approx(rtt)


def test_a_source_that_is_off_alike_is_believed_and_one_that_is_wild_is_not() -> None:
    held = belief.loosened(belief.nothing(EXPECTED), [0.02] * REGIONS)
    alike = {i: belief.Evidence(1.0 + 0.1 * i, 0.005) for i in range(REGIONS)}
    wild = {i: belief.Evidence(1.5 * (-1) ** i, 0.005) for i in range(REGIONS)}
    believed = belief.by_source(held, alike)
    assert believed.means == pytest.approx([alike[i].value for i in range(REGIONS)], abs=0.1)
    assert max(map(abs, belief.by_source(held, wild).means)) < math.log(1.4)


def test_one_region_far_from_the_prior_is_believed_among_others_that_are_not() -> None:
    held = belief.loosened(belief.nothing(EXPECTED), [0.02] * REGIONS)
    found = belief.by_source(
        held, {i: belief.Evidence(1.2 if i == 0 else 0.05, 0.005) for i in range(REGIONS)}
    )
    assert found.means[0] > 1
    assert max(map(abs, found.means[1:])) < 0.2


def test_a_surprise_makes_what_was_not_measured_less_sure() -> None:
    held = belief.loosened(belief.nothing(EXPECTED), [0.02] * REGIONS)
    calm = belief.by_source(held, {0: belief.Evidence(0.0, 0.005), 1: belief.Evidence(0.1, 0.005)})
    stir = belief.by_source(held, {0: belief.Evidence(0.0, 0.005), 1: belief.Evidence(1.0, 0.005)})
    assert stir.variances[2] > 2 * calm.variances[2]
