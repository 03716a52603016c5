"""A drain next to a real API server: what is written, what is told, and how soon."""

import asyncio
import json
import ssl
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.support import api_server, operators

from turnfleet import names
from turnfleet.handlers import metrics
from turnfleet.kube import client, failures, kinds

RELAYS = operators.RELAYS
PODS = ("turn-eu-1", "turn-eu-2")
CRD = Path(__file__).parents[2] / "crds" / "turnregions.yaml"
LONG_AGO = "2026-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A region of two relays, looked after by an operator."""

    server: api_server.ApiServer
    api: client.Client
    counted: metrics.Metrics

    async def state(self, relay: str) -> str:
        """Return the state of a relay as the status tells it."""
        region = await self.api.get(kinds.TURN_REGION, "eu", namespace=RELAYS)
        listed: list[dict[str, str]] = region.get("status", {}).get("relays", [])
        return next((one["state"] for one in listed if one["name"] == relay), "")

    async def becomes(self, relay: str, state: str) -> float:
        """Wait until a relay is in a state; return how long that took."""
        began = time.monotonic()
        async with asyncio.timeout(20):
            while await self.state(relay) != state:  # noqa: ASYNC110 - another program's doing
                await asyncio.sleep(0.005)
        return time.monotonic() - began

    async def drain(self, relay: str, reason: str | None) -> None:
        """Write the annotation of a person."""
        annotations = {names.ANNOTATION_DRAIN: reason}
        patch = {"metadata": {"annotations": annotations}}
        await self.api.merge_patch(kinds.POD, relay, patch, namespace=RELAYS)

    async def says(self, pod: str, **status: Any) -> None:
        """Be the kubelet of a pod."""
        await self.api.merge_patch(
            kinds.POD, pod, {"status": status}, namespace=RELAYS, subresource="status"
        )

    def columns(self) -> dict[str, Any]:
        """Return what ``kubectl get tr`` shows of the region."""
        request = urllib.request.Request(  # noqa: S310 - our own server
            f"{self.server.url}/apis/turnfleet.io/v1alpha1/namespaces/{RELAYS}/turnregions",
            headers={
                "Authorization": f"Bearer {self.server.files.token}",
                "Accept": "application/json;as=Table;v=v1;g=meta.k8s.io",
            },
        )
        context = ssl.create_default_context(cafile=str(self.server.files.authority))
        with urllib.request.urlopen(request, context=context) as answer:  # noqa: S310 - ours
            table = json.load(answer)
        shown = [column["name"] for column in table["columnDefinitions"]]
        usual = [column["priority"] == 0 for column in table["columnDefinitions"]]
        cells = zip(shown, table["rows"][0]["cells"], usual, strict=True)
        return {name: cell for name, cell, always in cells if always}

    async def told(self) -> list[str]:
        """Return the reasons of all Events about relays, in their order."""
        found = await self.api.list(client.Query(kind=kinds.EVENT, namespace=RELAYS))
        return [event["reason"] for event in found]


@pytest.fixture(scope="module")
def server(
    programs: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[api_server.ApiServer]:
    with api_server.at(tmp_path_factory.mktemp("api"), kubernetes=programs) as running:
        yield running


@pytest.fixture
async def place(server: api_server.ApiServer) -> AsyncIterator[Place]:
    counted = metrics.Metrics()
    async with client.connected(server.kubeconfig, program="tests") as api:
        crd = yaml.safe_load(CRD.read_text(encoding="utf-8"))
        await api.create(kinds.CUSTOM_RESOURCE_DEFINITION, crd)
        for namespace in (RELAYS, operators.SYSTEM):
            await api.create(kinds.NAMESPACE, {"metadata": {"name": namespace}})
        async with operators.operating_at(server.kubeconfig, counted=counted):
            found = Place(server=server, api=api, counted=counted)
            await declared(found)
            yield found


async def declared(place: Place) -> None:
    """Have a region with two relays that are ready: what controllers and kubelets would do."""
    spec = {"location": {"latitude": 50, "longitude": 8}, "realm": "turn.test"}
    region = {"metadata": {"namespace": RELAYS, "name": "eu"}, "spec": spec}
    whole = {"apiVersion": names.API_VERSION, "kind": names.KIND, **region}
    async with asyncio.timeout(20):
        while True:
            try:
                await place.api.create(kinds.TURN_REGION, whole)
                break
            except failures.NotFound:
                await asyncio.sleep(0.1)  # its kind is served a moment after it was made
        while True:
            try:
                owner = await place.api.get(kinds.REPLICA_SET, "turn-eu", namespace=RELAYS)
                break
            except failures.NotFound:
                await asyncio.sleep(0.05)
    for number, pod in enumerate(PODS, 1):
        await run(place, owner, pod, node=f"node-{number}", address=f"10.0.0.{number}")
    for pod in PODS:
        await place.becomes(pod, "Ready")


async def run(place: Place, owner: Mapping[str, Any], pod: str, *, node: str, address: str) -> None:
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": LONG_AGO}
    annotations = {names.ANNOTATION_ADDRESSES: address.replace("10.0", "203.0")}
    await place.api.create(kinds.NODE, {"metadata": {"name": node, "annotations": annotations}})
    await place.api.merge_patch(
        kinds.NODE, node, {"status": {"conditions": [ready]}}, subresource="status"
    )
    template = owner["spec"]["template"]
    reference = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": "turn-eu",
        "uid": owner["metadata"]["uid"],
        "controller": True,
    }
    labels, noted = template["metadata"]["labels"], template["metadata"]["annotations"]
    about = {"namespace": RELAYS, "name": pod, "labels": labels, "annotations": noted}
    made = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**about, "ownerReferences": [reference]},
        "spec": {**template["spec"], "nodeName": node},
    }
    await place.api.create(kinds.POD, made)
    await place.says(pod, phase="Running", podIPs=[{"ip": address}], conditions=[ready])


async def test_a_relay_on_its_way_out_is_told_in_time_and_to_its_end(place: Place) -> None:
    closed, opened = [], []
    for number in range(10):
        pod = PODS[number % 2]
        await place.drain(pod, "a fan is loud")
        closed.append(await place.becomes(pod, "Closed"))
        await place.drain(pod, None)
        opened.append(await place.becomes(pod, "Ready"))
    assert max(*closed, *opened) < 1
    assert place.columns()["Draining"] is None

    await place.api.delete(kinds.POD, PODS[0], namespace=RELAYS, grace_seconds=3660)
    assert await place.becomes(PODS[0], "Draining") < 1
    shown = place.columns()
    assert (shown["Relays"], shown["Of"], shown["Draining"]) == (1, 2, 1)
    assert shown["Until"].endswith("Z")

    said = json.dumps({"allocationsCut": 2, "reason": "the drain took longer than 3600 s"})
    ended = {"exitCode": 0, "reason": "Completed", "message": said, "finishedAt": LONG_AGO}
    container = {"name": "relay", "image": "x", "imageID": "x", "ready": False, "restartCount": 0}
    await place.says(PODS[0], containerStatuses=[{**container, "state": {"terminated": ended}}])
    await place.api.delete(kinds.POD, PODS[0], namespace=RELAYS, grace_seconds=0)
    await place.becomes(PODS[0], "")
    async with asyncio.timeout(10):
        while "RelayGone" not in await place.told():  # noqa: ASYNC110 - another program's doing
            await asyncio.sleep(0.1)
    told = await place.told()
    assert {"RelayClosed", "RelayOpened", "RelayDraining", "AllocationsCut"} < set(told)
    assert told.count("AllocationsCut") == 1
    figures = place.counted.expose().decode()
    assert 'allocations_cut_total{namespace="relays",region="eu"} 2.0' in figures
