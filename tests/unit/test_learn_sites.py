"""A region keeps its facts when its place is corrected, and leaves them behind when it moves."""

import zlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import learning as world

from turnfleet.learn import facts, learning, sites, sources
from turnfleet.model import estimate, geo

HERE = "198.51.100.7"
DUBAI = world.SITES[1]

_sites = st.builds(
    sites.Site,
    st.sampled_from(["eu", "us"]),
    st.floats(-89, 89),
    st.floats(-180, 180),
)
_half = st.floats(-0.49, 0.49)


def beside(site: sites.Site, north: float, east: float) -> sites.Site:
    longitude = (site.longitude + east + 180) % 360 - 180
    return site._replace(latitude=site.latitude + north, longitude=longitude)


@given(_sites, _half, _half)
def test_half_a_degree_forgets_nothing(site: sites.Site, north: float, east: float) -> None:
    assert sites.number(site) in sites.numbers(site)
    assert sites.number(site) in sites.numbers(beside(site, north, east))


@given(_sites, st.floats(1.51, 179), st.sampled_from([1, -1]), _half)
def test_more_than_one_and_a_half_forget_everything(
    site: sites.Site, far: float, way: int, other: float
) -> None:
    assert sites.number(site) not in sites.numbers(beside(site, other, way * far))
    if abs(site.latitude + way * far) < 90:
        assert sites.number(site) not in sites.numbers(beside(site, way * far, other))


@given(_sites)
def test_another_name_has_nothing_of_it(site: sites.Site) -> None:
    assert sites.numbers(site).isdisjoint(sites.numbers(site._replace(name="another")))


def moved(learner: learning.Learner, *, north: float) -> None:
    """Let Dubai's region, and what the prior expects of it, be elsewhere."""
    there = [site if site != DUBAI else beside(DUBAI, north, 0) for site in world.SITES]
    learner.serve(regions=there, prior=world.prior)


def told(learner: learning.Learner) -> dict[str, int]:
    """Return how many facts of a client count for each region."""
    found = learner.posterior.explain(
        place=world.AMMAN, cell="JO/32/36", source=world.source(HERE), now=world.NOW + 9
    )
    return {part.region: part.samples for part in found}


def test_a_region_that_moves_starts_from_its_prior_and_comes_back_to_what_was_known() -> None:
    learner = world.learner()
    expected = world.estimates(learner, HERE, place=world.AMMAN, now=world.NOW)["dubai"]
    world.measure(learner, HERE, {"dubai": 140.0}, place=world.AMMAN, now=world.NOW)
    measured = world.estimates(learner, HERE, place=world.AMMAN, now=world.NOW)["dubai"]
    assert measured != expected
    moved(learner, north=5)
    assert world.estimates(learner, HERE, place=world.AMMAN, now=world.NOW)["dubai"] == expected
    assert told(learner)["dubai"] == 0
    learner.serve(regions=world.SITES, prior=world.prior)
    assert world.estimates(learner, HERE, place=world.AMMAN, now=world.NOW)["dubai"] == measured


def test_a_source_has_one_voice_on_a_region_whose_place_was_corrected() -> None:
    learner = world.learner()
    for number in range(3 * facts.EACH):
        if number == facts.EACH:
            moved(learner, north=0.4)  # from 25.3 to 25.7, so the nearest degree is another one
        world.measure(
            learner,
            HERE,
            {"dubai": 140.0 if number < 2 * facts.EACH else 90.0},
            place=world.AMMAN,
            now=world.NOW + number,
            nonce=number,
        )
    assert told(learner)["dubai"] == facts.EACH
    found = world.estimates(learner, HERE, place=world.AMMAN, now=world.NOW + 99)["dubai"]
    assert found.rtt == pytest.approx(90, rel=0.1)


def test_facts_by_name_alone_are_passed_over() -> None:
    def prior(_: geo.Place) -> Sequence[estimate.Estimate]:
        return [estimate.Estimate(rtt=50.0, deviation=20.0)]

    eu = sites.Site("eu", 50.1, 8.7)
    of_earlier_versions = zlib.crc32(b"eu")
    assert of_earlier_versions not in sites.numbers(eu)
    fact = facts.fact(time=int(world.NOW), nonce=b"nonc", region=of_earlier_versions, rtt=90)
    known = sources.Sources()
    known.merge({b"1234": sources.Record(cell="DE/50/8", facts=facts.pack([fact]))}, now=world.NOW)
    learner = learning.Learner(regions=[eu], prior=prior, sources=known)
    place = geo.Place(latitude=50.0, longitude=8.0)
    [found] = learner.posterior.estimates(
        expected=prior(place), cell="DE/50/8", source=b"1234", now=world.NOW
    )
    assert found.rtt == pytest.approx(50.0)
