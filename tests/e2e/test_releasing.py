"""What Helm does to a fleet in use: upgraded, taken away and put back, and ended for good.

Comes last, because the last test leaves nothing.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from tests.e2e.cluster import bed, cluster, kubectl, steps
from tests.support import cluster_asking, cluster_calls, cluster_fleet, cluster_regions

_NEXT: Final = "e2e-next"
"""Another tag of the image that was built here."""
_WITHIN: Final = 90
_CLUSTER_WIDE: Final = "namespaces,clusterroles,clusterrolebindings,priorityclasses,crds"
_AT_HOME: Final = (
    "deployments,replicasets,pods,services,jobs,secrets,configmaps,serviceaccounts,roles,"
    "rolebindings,leases,poddisruptionbudgets"
)
_NOT_OURS: Final = frozenset(
    {"ConfigMap/kube-root-ca.crt", "ConfigMap/relay-authority", "ServiceAccount/default"}
)
"""What the namespace has of Kubernetes, and what this suite put there before the chart."""


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
    _assert_whole(calls, told)


async def test_an_uninstall_leaves_regions_whose_relays_go_on_and_an_install_finds_them(
    fleet: cluster_fleet.Fleet,
    back_end: cluster_asking.BackEnd,
    central: cluster_regions.Region,
    told: steps.Steps,
) -> None:
    before = fleet.instances(central)
    offers = await cluster_asking.complete(back_end, central)
    async with cluster_calls.going_on(offers, trusted=back_end.trusted) as calls:
        await asyncio.to_thread(fleet.uninstall)
        assert await back_end.ask() == ()
        assert await asyncio.to_thread(fleet.region, central.name) is not None
        assert await back_end.complaints(offers) == ()
        await asyncio.to_thread(fleet.install)
        again = await asyncio.to_thread(cluster_asking.back_end, fleet)
        seconds = await cluster_asking.until(again, central.is_complete, within=_WITHIN)
        told.measured(f"answers {seconds:.1f} s after the next install")
        await asyncio.to_thread(fleet.await_settled, central.name)
    assert again.key == back_end.key
    assert fleet.instances(central) == before
    _assert_whole(calls, told)


async def test_an_uninstall_that_keeps_nothing_waits_for_the_last_call_and_leaves_nothing(
    kubernetes: cluster.Cluster,
    fleet: cluster_fleet.Fleet,
    central: cluster_regions.Region,
    told: steps.Steps,
) -> None:
    await asyncio.to_thread(fleet.install, "--set=crds.keep=false")
    back_end = cluster_asking.back_end(fleet)
    await asyncio.to_thread(fleet.await_programs)
    offers = await cluster_asking.complete(back_end, central)
    began = time.monotonic()
    async with cluster_calls.going_on(offers, trusted=back_end.trusted) as calls:
        ending = asyncio.create_task(asyncio.to_thread(fleet.uninstall))
        await cluster_asking.until(back_end, lambda offers: not offers, within=_WITHIN)
        told.measured(f"no answers any more {time.monotonic() - began:.1f} s after it began")
        assert not ending.done()
    _assert_whole(calls, told)
    await ending
    told.measured(f"ended {time.monotonic() - began:.1f} s after it began")
    assert _ran(kubernetes, "turnfleet-uninstall")
    await asyncio.to_thread(
        kubectl.wait_until, lambda: not _left(kubernetes), what=f"the end of {_left(kubernetes)}"
    )


def _assert_whole(calls: Sequence[cluster_calls.Call], told: steps.Steps) -> None:
    assert [str(call) for call in calls if call.lost or call.broken] == []
    told.measured(f"{len(calls)} calls, {sum(call.sent for call in calls)} packets, none lost")


def _next(image: str) -> str:
    return f"{image.rpartition(':')[0]}:{_NEXT}"


def _programs(kubernetes: cluster.Cluster) -> Sequence[kubectl.Document]:
    return kubernetes.kubectl.items("pods", namespace=cluster_fleet.NAMESPACE)


def _tag(pod: kubectl.Document) -> str:
    image: str = pod["spec"]["containers"][0]["image"]
    return image.rpartition(":")[2]


def _ran(kubernetes: cluster.Cluster, job: str) -> bool:
    """Return whether a Job completed: it is gone, and its Event is not."""
    events = kubernetes.kubectl.items("events", namespace=cluster_fleet.NAMESPACE)
    return any(
        (each["involvedObject"]["name"], each["reason"]) == (job, "Completed") for each in events
    )


def _left(kubernetes: cluster.Cluster) -> set[str]:
    """Return what is there of the fleet."""
    wide = kubernetes.kubectl.items(_CLUSTER_WIDE, namespace=None)
    home = kubernetes.kubectl.items(_AT_HOME, namespace=cluster_fleet.NAMESPACE)
    ours = [each for each in wide if "turn" in each["metadata"]["name"]]
    named = {f"{each['kind']}/{each['metadata']['name']}" for each in (*ours, *home)}
    return named - _NOT_OURS - {f"Namespace/{cluster_fleet.NAMESPACE}"}
