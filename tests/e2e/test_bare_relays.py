"""The relay's image under Kubernetes: files, rights, addresses, ports, rotation and drain.

The objects are written by hand; what an operator has to do to them, the tests do.
"""

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from typing import Final

import pytest
from tests.e2e.cluster import bed, cluster, kubectl, steps
from tests.support import cluster_clients, cluster_relays, coturn

from turnrelay import turn

_NODES: Final = ("us-a", "us-b")
_NET_BIND_SERVICE: Final = 1 << 10
_READY_WITHIN: Final = 60
_NEW_SECRET: Final = "the-second-secret-of-the-cluster-2"


@pytest.fixture(scope="module")
def authority() -> coturn.Authority:
    """Give the authority whose certificates the clients of these tests trust."""
    return coturn.authority()


@pytest.fixture(scope="module")
def trusted(authority: coturn.Authority) -> ssl.SSLContext:
    """Give what the clients verify certificates with."""
    return cluster_clients.trusting(authority)


@pytest.fixture(scope="module")
def region(
    kubernetes: cluster.Cluster,
    authority: coturn.Authority,
    told: steps.Steps,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[cluster_relays.Region]:
    """Give a region of two relays that are ready, each on a node of its own."""
    addresses = [kubernetes.nodes[name].address for name in _NODES]
    certificate, key = authority.issue(tmp_path_factory.mktemp("tls"), addresses)
    wanted = cluster_relays.Region(
        name="us",
        image=bed.RELAY_IMAGE,
        replicas=len(_NODES),
        nodes_of="us",
        peers=addresses,
        tls={"tls.crt": certificate.read_text(), "tls.key": key.read_text()},
    )
    began = time.monotonic()
    kubernetes.kubectl.apply(*cluster_relays.manifests(wanted))
    try:
        _give_addresses(kubernetes, wanted)
        _await_ready(kubernetes, wanted)
        told.measured(f"two relays ready {time.monotonic() - began:.1f} s after kubectl apply")
        yield wanted
    finally:
        kubernetes.kubectl.delete("namespace", wanted.namespace, wait=True)


async def test_clients_get_an_allocation_on_every_port(
    kubernetes: cluster.Cluster, region: cluster_relays.Region, trusted: ssl.SSLContext
) -> None:
    for name in _NODES:
        address = kubernetes.nodes[name].address
        servers = _servers(region, address, trusted)
        assert [server.port for server in servers] == [3478, 3478, 443]
        for server in servers:
            async with _allocated(server) as allocation:
                assert allocation.relayed.ip == address


async def test_a_packet_goes_from_one_relay_to_the_other_and_back(
    kubernetes: cluster.Cluster, region: cluster_relays.Region, trusted: ssl.SSLContext
) -> None:
    near, far = (_servers(region, kubernetes.nodes[n].address, trusted)[0] for n in _NODES)
    async with _allocated(near) as here, _allocated(far) as there:
        assert await cluster_clients.passes(here, there)


async def test_a_relay_has_one_right_and_one_place_to_write(
    kubernetes: cluster.Cluster, region: cluster_relays.Region
) -> None:
    pod = _pods(kubernetes, region)["us-a"]
    for process in ("1", "self"):
        rights = _inside(kubernetes, pod, "grep", "^Cap", f"/proc/{process}/status").split("\n")
        masks = {line.split(":")[0]: int(line.split()[1], 16) for line in rights if line}
        assert masks["CapEff"] == masks["CapBnd"] == _NET_BIND_SERVICE
    mounts = _inside(kubernetes, pod, "cat", "/proc/1/mounts").splitlines()
    writable = {line.split()[1] for line in mounts if ",rw," in f",{line.split()[3]},"}
    assert "/" not in writable
    assert {"/run/turnrelay", "/tmp"} <= writable  # noqa: S108 - the container's own


async def test_a_new_secret_is_taken_without_a_restart(
    kubernetes: cluster.Cluster,
    region: cluster_relays.Region,
    trusted: ssl.SSLContext,
    told: steps.Steps,
) -> None:
    pod = _pods(kubernetes, region)["us-a"]
    server = _servers(region, kubernetes.nodes["us-a"].address, trusted)[0]
    assert await cluster_clients.refusal(server, secret=_NEW_SECRET) == 401
    auth = cluster_relays.auth(_NEW_SECRET, generation=2, previous=cluster_relays.SECRET)
    kubernetes.kubectl.patch(
        "secret", f"{region.name}-auth", {"stringData": auth}, namespace=region.namespace
    )
    # A changed Secret alone reaches its volume within a minute; a pod's new annotation at once.
    _annotate(kubernetes, pod, {"turnfleet.io/generation": "2"})
    began = time.monotonic()
    while await cluster_clients.refusal(server, secret=_NEW_SECRET) is not None:
        assert time.monotonic() - began < 10
        await asyncio.sleep(0.1)
    told.measured(f"a new secret taken after {time.monotonic() - began:.1f} s")
    assert await cluster_clients.refusal(server, secret=cluster_relays.SECRET) is None
    assert _restarts(kubernetes, region) == 0


async def test_a_deleted_relay_serves_its_last_client_before_it_goes(
    kubernetes: cluster.Cluster,
    region: cluster_relays.Region,
    trusted: ssl.SSLContext,
    told: steps.Steps,
) -> None:
    pod = _pods(kubernetes, region)["us-a"]
    server = _servers(region, kubernetes.nodes["us-a"].address, trusted)[0]
    other = _servers(region, kubernetes.nodes["us-b"].address, trusted)[0]
    async with _allocated(server) as call, _allocated(other) as peer:
        kubernetes.kubectl.delete("pod", _name(pod), namespace=region.namespace)
        began = time.monotonic()
        while await cluster_clients.refusal(server, secret=cluster_relays.SECRET) != 403:
            assert time.monotonic() - began < 10
            await asyncio.sleep(0.2)
        told.measured(f"new clients refused {time.monotonic() - began:.1f} s after the delete")
        assert await cluster_clients.passes(call, peer)
        assert await call.refresh(600) == 600
        # Its successor waits for the ports: two coturns on one would split the calls.
        successors = [p for p in _all_pods(kubernetes, region) if "nodeName" not in p["spec"]]
        assert len(successors) == 1
        await call.release()
        released = time.monotonic()
    seconds = await asyncio.to_thread(_await_gone, kubernetes, pod)
    told.measured(f"gone {time.monotonic() - released:.1f} s after its last client ({seconds:.1f})")
    _give_addresses(kubernetes, region)
    await asyncio.to_thread(_await_ready, kubernetes, region)
    async with _allocated(server):
        pass


# --- the region's pods ----------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def _allocated(server: turn.Server) -> AsyncIterator[turn.Allocation]:
    async with cluster_clients.allocated(server, secret=cluster_relays.SECRET) as allocation:
        yield allocation


def _servers(
    region: cluster_relays.Region, address: str, trusted: ssl.SSLContext
) -> tuple[turn.Server, ...]:
    return cluster_clients.servers(address, ports=region.ports, trusted=trusted)


def _all_pods(
    kubernetes: cluster.Cluster, region: cluster_relays.Region
) -> tuple[kubectl.Document, ...]:
    return tuple(kubernetes.kubectl.items("pods", namespace=region.namespace))


def _pods(
    kubernetes: cluster.Cluster, region: cluster_relays.Region
) -> dict[str, kubectl.Document]:
    """Return the pods that are on a node and not on their way out, by its name."""
    return {
        pod["spec"]["nodeName"]: pod
        for pod in _all_pods(kubernetes, region)
        if "nodeName" in pod["spec"] and "deletionTimestamp" not in pod["metadata"]
    }


def _give_addresses(kubernetes: cluster.Cluster, region: cluster_relays.Region) -> None:
    """Annotate every pod with its node's public address, as the operator does."""
    kubectl.wait_until(
        lambda: set(_pods(kubernetes, region)) == set(_NODES),
        what="a relay on each node",
        within=_READY_WITHIN,
    )
    for node, pod in _pods(kubernetes, region).items():
        _annotate(kubernetes, pod, {cluster_relays.ADDRESSES: kubernetes.nodes[node].address})


def _annotate(
    kubernetes: cluster.Cluster, pod: kubectl.Document, annotations: dict[str, str]
) -> None:
    kubernetes.kubectl.patch(
        "pod",
        _name(pod),
        {"metadata": {"annotations": annotations}},
        namespace=pod["metadata"]["namespace"],
    )


def _await_ready(kubernetes: cluster.Cluster, region: cluster_relays.Region) -> None:
    def all_ready() -> bool:
        conditions = [p["status"].get("conditions", ()) for p in _pods(kubernetes, region).values()]
        ready = [
            c for cs in conditions for c in cs if c["type"] == "Ready" and c["status"] == "True"
        ]
        return len(ready) == region.replicas

    kubectl.wait_until(all_ready, what="all relays to be ready", within=_READY_WITHIN)


def _await_gone(kubernetes: cluster.Cluster, pod: kubectl.Document) -> float:
    where = pod["metadata"]["namespace"]
    return kubectl.wait_until(
        lambda: kubernetes.kubectl.get("pod", _name(pod), namespace=where) is None,
        what=f"{_name(pod)} to be gone",
        within=_READY_WITHIN,
    )


def _restarts(kubernetes: cluster.Cluster, region: cluster_relays.Region) -> int:
    pods = _pods(kubernetes, region).values()
    return sum(c["restartCount"] for pod in pods for c in pod["status"]["containerStatuses"])


def _inside(kubernetes: cluster.Cluster, pod: kubectl.Document, *command: str) -> str:
    where = f"--namespace={pod['metadata']['namespace']}"
    return kubernetes.kubectl.run("exec", where, _name(pod), "--", *command)


def _name(pod: kubectl.Document) -> str:
    name: str = pod["metadata"]["name"]
    return name
