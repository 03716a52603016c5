"""A complete region of a cluster as a test finds it, and what has to hold when the test is over."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from tests.e2e.cluster import steps
from tests.support import cluster_asking, cluster_calls, cluster_fleet, cluster_regions


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A region, an answer that offers all of it, and calls on what was offered."""

    fleet: cluster_fleet.Fleet
    back_end: cluster_asking.BackEnd
    region: cluster_regions.Region
    told: steps.Steps
    offers: cluster_asking.Offers
    """One answer, with every relay of the region, whose every URL passed packets."""
    instances: frozenset[tuple[str, int]]
    """The relays before anything was done."""

    @contextlib.asynccontextmanager
    async def calls(
        self, offers: cluster_asking.Offers | None = None
    ) -> AsyncIterator[tuple[cluster_calls.Call, ...]]:
        """Hold a call on every URL for the block; none may end or lose a packet."""
        held = self.offers if offers is None else offers
        async with cluster_calls.going_on(held, trusted=self.back_end.trusted) as calls:
            yield calls
        self.told.measured(cluster_calls.whole(calls))

    def at(self, address: str) -> cluster_asking.Offers:
        """Return what is offered of one relay."""
        return cluster_asking.at(address, self.offers)

    async def complete(self, *, within: float) -> float:
        """Return the seconds until every answer offers the whole region."""
        return await cluster_asking.until(self.back_end, self.region.is_complete, within=within)

    async def absent(self, address: str, *, within: float) -> float:
        """Return the seconds until one relay is in no answer any more, and others are."""
        return await cluster_asking.until(
            self.back_end,
            lambda offers: bool(offers) and address not in self.region.hosts(offers),
            within=within,
        )

    def assert_kept(self) -> None:
        """Raise AssertionError where a relay was replaced or restarted."""
        assert self.fleet.instances(self.region) == self.instances


async def opened(
    fleet: cluster_fleet.Fleet,
    back_end: cluster_asking.BackEnd,
    region: cluster_regions.Region,
    told: steps.Steps,
) -> Scene:
    """Return the scene of a region once all of it is offered and works."""
    return Scene(
        fleet=fleet,
        back_end=back_end,
        region=region,
        told=told,
        offers=await cluster_asking.complete(back_end, region),
        instances=fleet.instances(region),
    )
