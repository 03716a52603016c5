"""What a client taught one endpoint is known to the other one, and to one that starts anew.

They find each other by the name of a headless Service, and have nothing but the network in common.
"""

import asyncio
import time
from typing import Final

from tests.e2e.cluster import kubectl, steps
from tests.support import cluster_endpoints, cluster_fleet, cluster_regions

_NEWS_WITHIN: Final = 60.0
"""Seconds, as ADR 22 has it: each asks the other every half minute, more or less."""
_READY_WITHIN: Final = 60.0
_KNOWN_WITHIN: Final = 15.0
"""Seconds after it is ready: one that starts asks within two."""
_CLIENT: Final = {"clientIp": "81.2.69.160", "latitude": "50.1", "longitude": "8.7"}
_MS: Final = 142.0
"""Until a candidate by UDP: a round trip that nobody would guess of a client in the same town."""


async def test_what_one_endpoint_learns_the_other_knows_and_one_that_starts_anew(
    fleet: cluster_fleet.Fleet, central: cluster_regions.Region, told: steps.Steps
) -> None:
    await asyncio.to_thread(fleet.await_programs)
    taught, other = cluster_endpoints.ready(fleet)
    assert await _samples(taught, central) == await _samples(other, central) == 0
    await _teach(taught, central)
    assert await _samples(taught, central) == 1
    seconds = await _until_known(other, central, within=_NEWS_WITHIN)
    told.measured(f"the other endpoint knows of a report {seconds:.1f} s after it was taken")

    fleet.kubernetes.kubectl.delete("pod", taught.name, namespace=cluster_fleet.NAMESPACE)
    began = time.monotonic()
    new = await asyncio.to_thread(_replacement, fleet, {taught.name, other.name})
    told.measured(f"another endpoint ready {time.monotonic() - began:.1f} s after one was deleted")
    seconds = await _until_known(new, central, within=_KNOWN_WITHIN)
    told.measured(f"it knows of the report {seconds:.1f} s later")
    assert await new.metric("turnfleet_reports_accepted_total") == 0


async def _teach(replica: cluster_endpoints.Replica, region: cluster_regions.Region) -> None:
    """Let a client ask an endpoint, measure the region, and report."""
    answer = await replica.answer(_CLIENT)
    urls = [url for server in answer["iceServers"] for url in server["urls"]]
    measured = [url for url in urls if url.endswith("udp") and _host(url) in region.addresses]
    await replica.report(answer["rid"], dict.fromkeys(measured, _MS))


def _host(url: str) -> str:
    return url.split(":")[1]


async def _samples(replica: cluster_endpoints.Replica, region: cluster_regions.Region) -> int:
    """Return how many round trips of the client's network to a region an endpoint knows of."""
    found = (await replica.explain(_CLIENT))[region.name]["samples"]
    assert isinstance(found, int)
    return found


async def _until_known(
    replica: cluster_endpoints.Replica, region: cluster_regions.Region, *, within: float
) -> float:
    """Return the seconds until an endpoint knows of the report."""
    began = time.monotonic()
    while await _samples(replica, region) != 1:
        assert time.monotonic() - began < within
        await asyncio.sleep(0.5)
    return time.monotonic() - began


def _replacement(fleet: cluster_fleet.Fleet, others: set[str]) -> cluster_endpoints.Replica:
    """Return the replica that takes the place of one that was deleted, once it is ready."""

    def found() -> list[cluster_endpoints.Replica]:
        return [each for each in cluster_endpoints.ready(fleet) if each.name not in others]

    kubectl.wait_until(lambda: bool(found()), what="another endpoint", within=_READY_WITHIN)
    return found()[0]
