"""The fleet of a cluster that was booted for it: two regions of two relays, installed by Helm."""

import asyncio
import contextlib
import os
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.calls import cluster_steps, ledger, lookout, pods, scenario, sightings, verdict
from tests.e2e.cluster import bed, cluster, places, steps
from tests.support import cluster_fleet, cluster_regions, coturn

_READY_WITHIN: Final = 180
_API_PORT: Final = 8080


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The fleet. ``longest`` is that of a call, seconds."""

    fleet: cluster_fleet.Fleet
    regions: Sequence[cluster_regions.Region]
    url: str
    key: str
    longest: float

    places = ({"latitude": 52.5, "longitude": 13.4}, {"latitude": 40.7, "longitude": -74.0})

    @property
    def trusted(self) -> ssl.SSLContext:
        """Return what clients verify certificates with."""
        return self.fleet.trusted

    def steps(self, told: ledger.Ledger) -> Sequence[scenario.Step]:
        """Return what can be done here."""
        return cluster_steps.steps(self.fleet, self.regions, told, longest=self.longest)

    @contextlib.asynccontextmanager
    async def watched(self, told: ledger.Ledger) -> AsyncIterator[None]:
        """Note how soon relays leave the answers, and their pods the cluster."""
        seen = sightings.Sightings()

        def over(story: pods.Story, at: float) -> None:
            _measure(story, at, told=told, seen=seen)

        census = pods.Census(over)
        async with (
            pods.watching(self.fleet.kubernetes.kubectl, census),
            lookout.looking(
                lambda: {n: f"http://{ip}:{_API_PORT}" for n, ip in census.replicas().items()},
                regions=[region.name for region in self.regions],
                key=self.key,
                seen=seen,
            ),
        ):
            yield


def _measure(
    story: pods.Story, at: float, *, told: ledger.Ledger, seen: sightings.Sightings
) -> None:
    """Tell how soon a relay was in no answer, and how long its pod outlived its allocations."""
    since = story.decided
    if since is None:
        return
    back = told.asked_back
    until = back if back is not None and since < back < at else at
    named = seen.named_for(story.address, since=since, until=until)
    if named:
        told.measured(verdict.ABSENT, of=story.name, seconds=max(named.values()), at=at)
    if story.gone and story.deleted is not None and not told.live[story.address]:
        empty = max(told.emptied.get(story.address, since), story.deleted)
        told.measured(verdict.GONE, of=story.name, seconds=at - empty, at=at)


@contextlib.asynccontextmanager
async def running(
    scratch: Path, *, longest: float, say: Callable[[str], None]
) -> AsyncIterator[Site]:
    """Boot a cluster with a fleet in it, and take it away after the block."""
    with bed.running(places.read(os.environ), steps.Steps(say=say)) as booted:
        fleet = cluster_fleet.Fleet(kubernetes=booted, authority=coturn.authority(), folder=scratch)
        regions = (_region(booted, "eu-central", "eu"), _region(booted, "us-east", "us"))
        try:
            await asyncio.to_thread(_install, fleet, regions)
            yield Site(
                fleet=fleet, regions=regions, url=fleet.address, key=fleet.key, longest=longest
            )
        finally:
            await asyncio.to_thread(_remove, fleet, regions)


def _install(fleet: cluster_fleet.Fleet, regions: Sequence[cluster_regions.Region]) -> None:
    fleet.install()
    fleet.certify([address for region in regions for address in region.addresses])
    for region in regions:
        fleet.apply(region.name, region.spec)
    for region in regions:
        fleet.await_settled(region.name, within=_READY_WITHIN)
    fleet.await_programs()


def _remove(fleet: cluster_fleet.Fleet, regions: Sequence[cluster_regions.Region]) -> None:
    """Leave nothing in a cluster that was there before, and stays."""
    for region in regions:
        fleet.remove(region.name)
    fleet.uninstall()


_PLACES: Final[Mapping[str, Mapping[str, float]]] = {
    "eu": {"latitude": 50.11, "longitude": 8.68},
    "us": {"latitude": 39.04, "longitude": -77.49},
}


def _region(kubernetes: cluster.Cluster, name: str, part: str) -> cluster_regions.Region:
    """Return a region of all the nodes in a part of the world."""
    nodes = [each for each in kubernetes.nodes.values() if each.shape.region == part]
    spec: Mapping[str, Any] = {
        **cluster_regions.central(kubernetes).spec,
        "location": _PLACES[part],
        "relays": {
            "placement": "Replicas",
            "replicas": len(nodes),
            "nodeSelector": {"topology.kubernetes.io/region": part},
        },
        "auth": {"credentialTTL": "60s"},
        "drain": {"timeout": "10m"},
    }
    open_to_all = {name: value for name, value in spec.items() if name != "residency"}
    return cluster_regions.Region(
        name=name, addresses=tuple(each.address for each in nodes), spec=open_to_all
    )
