"""Both kinds of `helm uninstall`: one leaves regions whose relays go on, the other nothing."""

import asyncio
import time
from typing import Final

from tests.e2e.cluster import cluster, kubectl, steps
from tests.support import cluster_asking, cluster_calls, cluster_fleet, cluster_regions

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
        # An endpoint goes on for a moment, for load balancers that have not heard of its end.
        async with asyncio.timeout(_WITHIN):
            while await back_end.ask():  # noqa: ASYNC110 - another program ends it
                await asyncio.sleep(0.5)
        assert await asyncio.to_thread(fleet.region, central.name) is not None
        assert await back_end.complaints(offers) == ()
        await asyncio.to_thread(fleet.install)
        again = await asyncio.to_thread(cluster_asking.back_end, fleet)
        seconds = await cluster_asking.until(again, central.is_complete, within=_WITHIN)
        told.measured(f"answers {seconds:.1f} s after the next install")
        await asyncio.to_thread(fleet.await_settled, central.name)
    assert again.key == back_end.key
    assert fleet.instances(central) == before
    told.measured(cluster_calls.whole(calls))


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
    told.measured(cluster_calls.whole(calls))
    await ending
    told.measured(f"ended {time.monotonic() - began:.1f} s after it began")
    assert _ran(kubernetes, "turnfleet-uninstall")
    await asyncio.to_thread(
        kubectl.wait_until, lambda: not _left(kubernetes), what=f"the end of {_left(kubernetes)}"
    )


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
