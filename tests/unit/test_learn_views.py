"""Views: kept for the next answer, and no more of them than there is room for."""

import pytest
from tests.support import learning as world

from turnfleet.learn import posterior, sites, sources, views
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
