"""What there is to probe: published regions become targets with the very URLs a client gets."""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from turnfleet.model import fleet
from turnfleet.model import region as declared
from turnrelay import contract


@dataclass(frozen=True, slots=True, kw_only=True)
class Url:
    """One way that clients are told to reach a relay."""

    transport: declared.Transport
    address: str
    port: int
    server_name: str | None
    """The host name in the URL; ``None``: the address itself is."""

    @property
    def ipv6(self) -> bool:
        """Return whether the address is of that family."""
        return ":" in self.address


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One relay to probe. Two equal targets need no new proof."""

    key: fleet.RelayKey
    instance: str
    urls: tuple[Url, ...]
    """UDP first, IPv4 before IPv6."""
    agent: fleet.AgentAddress | None
    secret: fleet.Secret | None
    ca: str | None
    state: contract.State
    """What the source says; steer acts on it, the prober only knows whom it may miss."""

    @property
    def transports(self) -> frozenset[declared.Transport]:
        """Return every advertised transport."""
        return frozenset(url.transport for url in self.urls)

    @property
    def stream(self) -> Url | None:
        """Return where a TCP connection shows whether somebody is at home."""
        streams = [url for url in self.urls if url.transport is not declared.Transport.UDP]
        return streams[0] if streams else None

    def replaces(self, earlier: "Target") -> bool:
        """Return whether what was proven about ``earlier`` says nothing about this one."""
        return (self.instance, self.urls) != (earlier.instance, earlier.urls)

    def needs_trial(self, earlier: "Target") -> bool:
        """Return whether a client's test may end differently now."""
        became_ready = self.state is contract.State.READY is not earlier.state
        return became_ready or (self.secret, self.ca) != (earlier.secret, earlier.ca)


def find(published: Iterable[fleet.Published]) -> Mapping[fleet.RelayKey, Target]:
    """Return every relay that has a URL at all."""
    return {
        relay.key: Target(
            key=relay.key,
            instance=relay.instance,
            urls=urls,
            agent=relay.agent,
            secret=region.secret,
            ca=region.ca,
            state=relay.state,
        )
        for region in published
        for relay in region.relays
        if (urls := _urls(relay))
    }


def _urls(relay: fleet.Relay) -> tuple[Url, ...]:
    addresses = sorted(relay.addresses, key=lambda text: ipaddress.ip_address(text).version)
    return tuple(
        Url(transport=transport, address=address, port=port, server_name=relay.hostname)
        for transport in declared.Transport
        if (port := relay.listeners.port(transport))
        for address in addresses
    )
