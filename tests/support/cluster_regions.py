"""The regions that the end-to-end suite declares, and what of them an answer offers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.e2e.cluster import cluster

from turnfleet.commands import asking

CERTIFICATE: Final = "turn-tls"
"""The Secret with the relays' certificate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A TurnRegion, and the addresses of the nodes that its relays run on."""

    name: str
    addresses: tuple[str, ...]
    spec: Mapping[str, Any]

    def hosts(self, offers: Sequence[asking.Offer]) -> frozenset[str]:
        """Return the region's addresses that an answer offers."""
        offered = {each.destination.host for each in offers if each.destination}
        return frozenset(self.addresses) & offered

    def is_complete(self, offers: Sequence[asking.Offer]) -> bool:
        """Return whether an answer offers every relay, and TLS."""
        whole = self.hosts(offers) == frozenset(self.addresses)
        return whole and any(each.url.startswith("turns:") for each in offers)


def central(kubernetes: cluster.Cluster) -> Region:
    """Return a region of the nodes in eu, with every listener; it is not applied yet."""
    nodes = [each for each in kubernetes.nodes.values() if each.shape.region == "eu"]
    return Region(
        name="eu-central",
        addresses=tuple(each.address for each in nodes),
        spec={
            "location": {"latitude": 50.11, "longitude": 8.68},
            "realm": "turn.example.com",
            "residency": "eu",
            "relays": {
                "placement": "Replicas",
                "replicas": len(nodes),
                "nodeSelector": {"topology.kubernetes.io/region": "eu"},
            },
            "listeners": {
                "udp": {"port": 3478},
                "tcp": {"port": 3478},
                "tls": {"port": 443, "secretName": CERTIFICATE},
            },
            "relayPorts": {"min": 49152, "max": 49999},
            # A client that vanished, as a prober does whose relay's zone is cut, keeps its
            # allocation for ten minutes: nothing here waits that long for it.
            "drain": {"timeout": "20s"},
        },
    )


def two_families(kubernetes: cluster.Cluster) -> Region:
    """Return a region of the nodes in us, by IPv4 and IPv6; it is not applied yet.

    It names the Secret ``two-families`` for its certificate.
    """
    name = "two-families"
    nodes = [each for each in kubernetes.nodes.values() if each.shape.region == "us"]
    return Region(
        name=name,
        addresses=tuple(address for each in nodes for address in each.addresses),
        spec={
            "location": {"latitude": 38.9, "longitude": -77.0},
            "realm": "turn.example.com",
            "relays": {
                "replicas": len(nodes),
                "nodeSelector": {"topology.kubernetes.io/region": "us"},
            },
            "listeners": {"udp": {"port": 3478}, "tls": {"port": 443, "secretName": name}},
            "addresses": {"families": ["IPv4", "IPv6"]},
            "drain": {"timeout": "5s"},
        },
    )


def small(kubernetes: cluster.Cluster, name: str, *, of: str = "us") -> Region:
    """Return a region of one relay on any node of a part of the world; it is not applied yet.

    It ends within seconds. Some nodes there have the programs, so that tests may not break them.
    """
    nodes = [each for each in kubernetes.nodes.values() if each.shape.region == of]
    return Region(
        name=name,
        addresses=tuple(each.address for each in nodes),
        spec={
            "location": {"latitude": 38.9, "longitude": -77.0},
            "realm": "turn.example.com",
            "relays": {"replicas": 1, "nodeSelector": {"topology.kubernetes.io/region": of}},
            "listeners": {"udp": {"port": 3478}},
            "drain": {"timeout": "5s"},
        },
    )
