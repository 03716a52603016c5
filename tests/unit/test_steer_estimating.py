"""Estimates: about what a ping says, and sound anywhere on the globe."""

import pytest
from hypothesis import given, settings
from tests.support import fleets

from turnfleet.model import geo, region
from turnfleet.steer import estimating

FRANKFURT = (50.11, 8.68)
NEW_YORK = (40.71, -74.01)
SINGAPORE = (1.35, 103.82)
SAN_FRANCISCO = (37.77, -122.42)
LONDON = (51.51, -0.13)


def estimate(place: geo.Place, at: tuple[float, float]) -> float:
    spec = region.RegionSpec(name="there", latitude=at[0], longitude=at[1], realm="x.example")
    return estimating.GreatCircle().estimate(place, spec).rtt


@pytest.mark.parametrize(
    ("start", "end", "usual"),
    [
        (FRANKFURT, NEW_YORK, 90),
        (FRANKFURT, SINGAPORE, 160),
        (NEW_YORK, SAN_FRANCISCO, 70),
        (LONDON, FRANKFURT, 14),
    ],
)
def test_an_estimate_is_within_a_quarter_of_what_is_usually_measured(
    start: tuple[float, float], end: tuple[float, float], usual: float
) -> None:
    found = estimate(geo.Place(latitude=start[0], longitude=start[1]), end)
    assert found == pytest.approx(usual, rel=0.25)


@settings(deadline=None)
@given(fleets.places, fleets.places)
def test_every_pair_of_places_has_a_sane_estimate_that_is_the_same_both_ways(
    one: geo.Place, other: geo.Place
) -> None:
    there = estimate(one, (other.latitude, other.longitude))
    back = estimate(other, (one.latitude, one.longitude))
    assert there == pytest.approx(back)
    assert estimating.ACCESS <= there <= 310


def test_the_date_line_is_no_border() -> None:
    fiji = geo.Place(latitude=-17.8, longitude=178.0)
    assert estimate(fiji, (-13.8, -171.8)) < 25
