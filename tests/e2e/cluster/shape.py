"""What the cluster looks like: addresses, regions, zones and their nodes. Values only."""

import ipaddress
from dataclasses import dataclass
from typing import Final

BRIDGE: Final = "tfbr"
GATEWAY: Final = "10.77.0.1"
"""This machine on the bridge: the API server, and the clients of the tests."""
NODE_NETWORK: Final = ipaddress.IPv4Network("10.77.0.0/16")
# Not unique-local addresses: coturn takes none of them for a peer, whatever it is told.
NODE_NETWORK_6: Final = ipaddress.IPv6Network("2001:db8:77::/64")
GATEWAY_6: Final = "2001:db8:77::1"
"""The same machine, on the networks of every node's second family."""
POD_NETWORK: Final = ipaddress.IPv4Network("10.88.0.0/16")
SERVICE_NETWORK: Final = ipaddress.IPv4Network("10.96.0.0/16")
CLUSTER_ZONE: Final = "cluster.local"
"""The names of services end with it."""
KUBERNETES_SERVICE: Final = "10.96.0.1"
_NAME_MAX: Final = 12
"""An interface's name has 15 bytes, of which three are the prefix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeShape:
    """One node before it exists. Its addresses are its InternalIPs and its ExternalIPs."""

    name: str
    zone: str
    region: str
    address: str
    pods: str
    """The network of its pods that are not on the host network."""
    address_6: str
    pods_6: str

    def __post_init__(self) -> None:
        if len(self.name) > _NAME_MAX:
            raise ValueError(f"a node's name has at most {_NAME_MAX} letters: {self.name}")

    @property
    def namespace(self) -> str:
        """Return the name of its network namespace."""
        return f"turnfleet-{self.name}"

    @property
    def link(self) -> str:
        """Return the name of this machine's end of its cable."""
        return f"tf-{self.name}"


NODES: Final = (
    NodeShape(
        name="eu-a", zone="eu-1a", region="eu", address="10.77.1.11", pods="10.88.1.0/24",
        address_6="2001:db8:77::1:11", pods_6="2001:db8:77:1::/64",
    ),
    NodeShape(
        name="eu-b", zone="eu-1b", region="eu", address="10.77.1.12", pods="10.88.2.0/24",
        address_6="2001:db8:77::1:12", pods_6="2001:db8:77:2::/64",
    ),
    NodeShape(
        name="us-a", zone="us-1a", region="us", address="10.77.2.11", pods="10.88.3.0/24",
        address_6="2001:db8:77::2:11", pods_6="2001:db8:77:3::/64",
    ),
    NodeShape(
        name="us-b", zone="us-1b", region="us", address="10.77.2.12", pods="10.88.4.0/24",
        address_6="2001:db8:77::2:12", pods_6="2001:db8:77:4::/64",
    ),
)  # fmt: skip
"""Two regions of two zones."""
EXTRA_NODE: Final = NodeShape(
    name="eu-c", zone="eu-1a", region="eu", address="10.77.1.13", pods="10.88.5.0/24",
    address_6="2001:db8:77::1:13", pods_6="2001:db8:77:5::/64",
)  # fmt: skip
"""For the tests in which a region grows."""
