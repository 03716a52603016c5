"""Views: kept for the next answer, and no more of them than there is room for."""

from collections.abc import Sequence

import pytest
from tests.support import learning as world

from turnfleet.learn import learning, posterior, sites, sources, views
from turnfleet.model import estimate, geo


@pytest.mark.parametrize("regions", [1, 1000])
def test_views_take_no_more_memory_the_more_regions_there_are(regions: int) -> None:
    places = [sites.Site(f"region-{number}", 50.0, 8.0) for number in range(regions)]
    known = sources.Sources()

    def prior(_: geo.Place) -> tuple[estimate.Estimate, ...]:
        return (estimate.Estimate(rtt=50.0, deviation=10.0),) * regions

    kept = views.Views(
        sources=known,
        names=[site.name for site in places],
        estimates=posterior.Posterior(sources=known, regions=places, prior=prior),
    )
    for number in range(3 * views.LEAST):
        place = geo.Place(latitude=number / 100, longitude=0.0)
        kept.of(place=place, cell=world.cell(place), source=b"here", now=world.NOW)
    assert len(kept) <= 2 * max(views.LEAST, views.KEPT // regions)


def test_the_prior_is_asked_once_for_a_view_and_once_for_all_reports_of_a_cell() -> None:
    asked: list[geo.Place] = []

    def prior(place: geo.Place) -> Sequence[estimate.Estimate]:
        asked.append(place)
        return world.prior(place)

    learner = learning.Learner(regions=world.SITES, prior=prior)
    for number in range(3):
        world.measure(learner, "198.51.100.7", world.CABLES, place=world.AMMAN, now=world.NOW)
        where = geo.Place(latitude=31.0 + number / 10, longitude=36.0, country="JO")
        learner.view(place=where, cell=world.cell(where), source=b"here", now=world.NOW)
    assert len(asked) == 3 + 1


def test_a_country_explores_once_somebody_there_has_reported() -> None:
    learner = world.learner()

    def explores(place: geo.Place, cell: str | None = None) -> bool:
        told = world.cell(place) if cell is None else cell
        return learner.view(place=place, cell=told, source=b"else", now=world.NOW).explores

    assert not explores(world.AMMAN)
    world.measure(learner, "198.51.100.7", world.CABLES, place=world.AMMAN, now=world.NOW)
    assert explores(world.AMMAN)
    assert explores(world.AQABA), "another square of the same country"
    assert not explores(world.OSLO)
    assert not explores(world.AMMAN, ""), "a pinned client, whose reports teach nothing"
    assert not explores(world.AMMAN, "-/32/36"), "a place of no country is a country of its own"
    world.measure(
        learner,
        "198.51.101.7",
        world.CABLES,
        place=geo.Place(latitude=32.0, longitude=36.0),
        now=world.NOW,
    )
    assert explores(world.AQABA, "-/32/36")
