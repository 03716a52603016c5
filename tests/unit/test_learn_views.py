"""Views: kept for the next answer, and no more of them than there is room for."""

import pytest
from tests.support import learning as world

from turnfleet.learn import posterior, sources, views
from turnfleet.model import estimate, geo


@pytest.mark.parametrize("regions", [1, 1000])
def test_views_take_no_more_memory_the_more_regions_there_are(regions: int) -> None:
    names = [f"region-{number}" for number in range(regions)]
    known = sources.Sources()

    def prior(_: geo.Place) -> tuple[estimate.Estimate, ...]:
        return (estimate.Estimate(rtt=50.0, deviation=10.0),) * regions

    kept = views.Views(
        sources=known,
        names=names,
        estimates=posterior.Posterior(sources=known, regions=names, prior=prior),
    )
    for number in range(3 * views.LEAST):
        place = geo.Place(latitude=number / 100, longitude=0.0)
        kept.of(place=place, cell=world.cell(place), source=b"here", now=world.NOW)
    assert len(kept) <= 2 * max(views.LEAST, views.KEPT // regions)
