"""From nothing to the first answer: helm install, kubectl apply of one region, a working call."""

import asyncio
import time
from typing import Final

from tests.e2e.cluster import kubectl, steps
from tests.support import cluster_fleet

_NODES: Final = ("eu-a", "eu-b")
_ANSWER_WITHIN: Final = 90
_SPEC: Final = {
    "location": {"latitude": 50.11, "longitude": 8.68},
    "realm": "turn.example.com",
    "residency": "eu",
    "relays": {
        "placement": "Replicas",
        "replicas": 2,
        "nodeSelector": {"topology.kubernetes.io/region": "eu"},
    },
    "listeners": {
        "udp": {"port": 3478},
        "tcp": {"port": 3478},
        "tls": {"port": 443, "secretName": cluster_fleet.CERTIFICATE},
    },
    "relayPorts": {"min": 49152, "max": 49999},
}


async def test_one_applied_region_gives_an_answer_whose_every_url_works(
    fleet: cluster_fleet.Fleet, told: steps.Steps
) -> None:
    fleet.certify([fleet.kubernetes.nodes[name].address for name in _NODES])
    client = cluster_fleet.back_end(fleet)
    began = time.monotonic()
    fleet.apply("eu-central", _SPEC)
    while not (offers := await client.ask()):
        assert time.monotonic() - began < _ANSWER_WITHIN
        await asyncio.sleep(0.1)
    told.measured(f"first answer {time.monotonic() - began:.1f} s after kubectl apply")
    assert await client.complaints(offers) == ()
    while not _complete(offers := await client.ask()):
        assert time.monotonic() - began < _ANSWER_WITHIN, offers
        await asyncio.sleep(0.1)
    told.measured(
        f"an answer with both relays and turns: {time.monotonic() - began:.1f} s after it"
    )
    assert await client.complaints(offers) == ()


def test_kubectl_get_shows_what_a_person_wants_to_know(fleet: cluster_fleet.Fleet) -> None:
    kubectl.wait_until(
        lambda: fleet.condition("eu-central", "Ready")[0] == "True", what="Ready in the status"
    )
    shown = fleet.kubernetes.kubectl.run("get", "tr", f"--namespace={cluster_fleet.RELAYS}")
    head, row = (line.split() for line in shown.splitlines())
    row_by_name = dict(zip(head, row, strict=True))
    assert (row_by_name["NAME"], row_by_name["READY"]) == ("eu-central", "True")
    assert (row_by_name["RELAYS"], row_by_name["OF"]) == ("2", "2")


def _complete(offers: tuple[object, ...]) -> bool:
    urls = [str(getattr(offer, "url", "")) for offer in offers]
    hosts = {url.split(":")[1] for url in urls}
    return len(hosts) == len(_NODES) and any(url.startswith("turns:") for url in urls)
