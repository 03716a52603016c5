"""What a relay's agent is told: the configuration file, and which changes of it need a new process.

Decides which parts of a region reach coturn live and which only through a replacement. Knows
neither pods nor processes, so a cluster and a single machine render the same file and share one
rule for "outdated": ``revision`` differs.
"""

import hashlib
import ipaddress
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from turnfleet.model import region


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """The configuration file of one relay."""

    text: str
    """What is written to ``contract.CONFIG_FILE``: canonical JSON, the same for the same input."""
    revision: str
    """Hash of the part that only a new process takes over. Equal: nothing needs replacing."""
    live_hash: str = ""
    """Of the part that a running agent takes over, as the agent hashes what it read."""


def render(
    *,
    spec: region.RegionSpec,
    listeners: region.Listeners,
    relay_ports: region.PortRange,
    families: Sequence[region.Family],
    hostname: str | None = None,
    peers: Iterable[str] = (),
    denied: Iterable[str] = (),
) -> Configuration:
    """Return the configuration of one relay of ``spec``.

    ``listeners`` and ``relay_ports`` are this relay's own, which differ from the region's where
    relays share an address. ``hostname`` is the template of the names that clients are given, if
    they are given any. ``peers`` are the fleet's relay addresses (see ``fleet_peers``), and
    ``denied`` the networks around it (a cluster's pods and services).
    """
    rolling = {
        "region": spec.name,
        "realm": spec.realm,
        "listeners": _ports(listeners),
        "relayPorts": {"min": relay_ports.min, "max": relay_ports.max},
        "families": [family.value for family in families],
        "agentPort": spec.agent_port,
    }
    live: dict[str, object] = {
        "allocationsPerUser": spec.limits.allocations_per_user,
        "allocationsPerRelay": spec.limits.allocations_per_relay,
        "bandwidthPerRelay": spec.limits.bandwidth_per_relay,
        "bandwidthPerAllocation": spec.limits.bandwidth_per_allocation,
        "peers": {
            "deny": sorted({*spec.peers.deny, *denied}),
            "allow": sorted({*spec.peers.allow, *peers}),
        },
    }
    if hostname is not None:
        live["hostname"] = hostname
    # The drain timeout stays out of the hash: a relay is told its deadline when it is drained, so
    # editing it must not roll anything.
    document = rolling | {"drainTimeout": spec.drain_timeout, "live": live}
    return Configuration(
        text=json.dumps(document, indent=2, sort_keys=True) + "\n",
        revision=fingerprint(json.dumps(rolling, sort_keys=True)),
        live_hash=hashlib.sha256(json.dumps(live, sort_keys=True).encode()).hexdigest()[:16],
    )


def fingerprint(*parts: str) -> str:
    """Return a short stable hash of texts, for comparing what runs with what should run."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{len(part)}:{part}".encode())
    return digest.hexdigest()[:16]


def fleet_peers(
    *, spec: region.RegionSpec, addresses: Iterable[str], denied: Iterable[str] = ()
) -> tuple[str, ...]:
    """Return the fleet's relay addresses that a relay of ``spec`` would refuse as peers.

    Two clients on two relays reach each other only if each relay accepts the other as a peer.
    Public addresses are accepted anyway; listing only the denied ones keeps the file small in a
    large fleet. Every address that is not global is in the agent's built-in deny list.
    """
    networks = [ipaddress.ip_network(network) for network in (*spec.peers.deny, *denied)]
    return tuple(
        sorted(
            str(address)
            for address in {ipaddress.ip_address(text) for text in addresses}
            if not address.is_global or any(address in network for network in networks)
        )
    )


def _ports(listeners: region.Listeners) -> dict[str, int]:
    ports = ((transport, listeners.port(transport)) for transport in region.Transport)
    return {transport.value: port for transport, port in ports if port is not None}
