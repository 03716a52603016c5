"""`helm upgrade` of the programs: no call ends, everybody is answered, no relay is touched."""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from tests.e2e.cluster import bed, cluster, kubectl, steps
from tests.support import cluster_asking, cluster_calls, cluster_fleet, cluster_regions

_NEXT: Final = "e2e-next"
"""Another tag of the image that was built here."""


async def test_an_upgrade_of_the_programs_ends_no_call_and_touches_no_relay(
    kubernetes: cluster.Cluster,
    fleet: cluster_fleet.Fleet,
    back_end: cluster_asking.BackEnd,
    central: cluster_regions.Region,
    told: steps.Steps,
) -> None:
    kubernetes.tag(bed.OPERATOR_IMAGE, _next(bed.OPERATOR_IMAGE))
    before = fleet.instances(central)
    offers = await cluster_asking.complete(back_end, central)
    async with (
        cluster_calls.going_on(offers, trusted=back_end.trusted) as calls,
        # An endpoint is ready with the first relay that it has tried.
        cluster_asking.always(back_end, lambda offers: bool(central.hosts(offers))),
    ):
        began = time.monotonic()
        await asyncio.to_thread(
            fleet.install, "--set=operator.podAnnotations.a=b,relays.maxRollingRegions=2", tag=_NEXT
        )
        await asyncio.to_thread(fleet.await_programs)
        await asyncio.to_thread(fleet.await_settled, central.name)
        told.measured(f"all programs replaced after {time.monotonic() - began:.1f} s")
    await asyncio.to_thread(
        kubectl.wait_until,
        lambda: {_tag(pod) for pod in _programs(kubernetes)} == {_NEXT},
        what="the last of the old programs to end",
    )
    assert fleet.instances(central) == before
    told.measured(cluster_calls.whole(calls))


def _next(image: str) -> str:
    return f"{image.rpartition(':')[0]}:{_NEXT}"


def _programs(kubernetes: cluster.Cluster) -> Sequence[kubectl.Document]:
    return kubernetes.kubectl.items("pods", namespace=cluster_fleet.NAMESPACE)


def _tag(pod: kubectl.Document) -> str:
    image: str = pod["spec"]["containers"][0]["image"]
    return image.rpartition(":")[2]
