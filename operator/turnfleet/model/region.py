"""A region as its owner declares it: the ``spec`` of a TurnRegion, typed, and nothing of its state.

``turnregion.parse`` is the way in from a manifest. A value made by hand is not checked.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class Placement(StrEnum):
    """How relays are spread over nodes."""

    REPLICAS = "Replicas"
    """A number of relays, each on a node of its own."""
    EVERY_NODE = "EveryNode"
    """One relay on every node that the selector matches."""


class Transport(StrEnum):
    """How a client reaches a relay. The relayed side is always UDP."""

    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"


class Family(StrEnum):
    """An address family to publish."""

    IPV4 = "IPv4"
    IPV6 = "IPv6"


class AddressSource(StrEnum):
    """A rung of the address ladder: where a relay's public address may come from."""

    ANNOTATION = "Annotation"
    """The Node's annotation ``turnfleet.io/addresses``."""
    EXTERNAL_IP = "ExternalIP"
    """The Node's ExternalIP."""
    INTERNAL_IP = "InternalIP"
    """The Node's InternalIP; only for fleets that serve a private network."""
    EXTERNAL_DNS = "ExternalDNS"
    """The Node's ExternalDNS name, resolved by the operator."""


class TolerationOperator(StrEnum):
    """How a toleration compares."""

    EQUAL = "Equal"
    """Key and value must be the taint's."""
    EXISTS = "Exists"
    """The key must be the taint's; without a key every taint is tolerated."""


class TaintEffect(StrEnum):
    """What a taint does to pods that do not tolerate it."""

    NO_SCHEDULE = "NoSchedule"
    PREFER_NO_SCHEDULE = "PreferNoSchedule"
    NO_EXECUTE = "NoExecute"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One reason why a manifest is refused: where (``spec.listeners.tls``), and a sentence."""

    path: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.path}: {self.sentence}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Toleration:
    """A Kubernetes toleration, passed through to the relay pods."""

    key: str | None = None
    operator: TolerationOperator = TolerationOperator.EQUAL
    value: str | None = None
    effect: TaintEffect | None = None
    toleration_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Requests and limits of a relay, as Kubernetes quantities by resource name."""

    requests: tuple[tuple[str, str], ...] = ()
    limits: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Relays:
    """How many relays, and on which nodes."""

    placement: Placement = Placement.REPLICAS
    replicas: int = 2
    """Meaningless when placement is EveryNode."""
    node_selector: tuple[tuple[str, str], ...] = ()
    tolerations: tuple[Toleration, ...] = ()
    resources: Resources = field(default_factory=Resources)
    image: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listeners:
    """Ports that clients reach; ``None`` is off. At least one is on."""

    udp: int | None = None
    tcp: int | None = None
    tls: int | None = None
    tls_secret_name: str | None = None

    def port(self, transport: Transport) -> int | None:
        """Return the port of one transport, or ``None`` where it is off."""
        match transport:
            case Transport.UDP:
                return self.udp
            case Transport.TCP:
                return self.tcp
            case Transport.TLS:
                return self.tls


@dataclass(frozen=True, slots=True, kw_only=True)
class PortRange:
    """Inclusive range of UDP ports that allocations use."""

    min: int = 49152
    max: int = 65535

    def __len__(self) -> int:
        return self.max - self.min + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """How public addresses and names of relays are found."""

    families: tuple[Family, ...] = (Family.IPV4,)
    sources: tuple[AddressSource, ...] = (AddressSource.ANNOTATION, AddressSource.EXTERNAL_IP)
    """``from`` in the manifest, in order of preference."""
    hostname: str | None = None
    """Template with ``{node}`` or ``{address}``, one label below the zone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """Credentials of the region. Durations in whole seconds."""

    rotate_every: int = 720 * 3600
    credential_ttl: int = 3600
    secret_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Quotas, live in coturn."""

    allocations_per_user: int = 100
    allocations_per_relay: int = 10_000
    bandwidth_per_relay: int | None = None
    """Bit/s, both directions together."""
    bandwidth_per_allocation: int | None = None
    """Bit/s in each direction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peers:
    """CIDRs in canonical text, on top of the built-in deny list. Allow beats deny."""

    deny: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalRelay:
    """A relay that turnfleet steers clients to and does not run."""

    name: str
    zone: str | None = None
    hostname: str | None = None
    addresses: tuple[str, ...] = ()
    listeners: Listeners
    secret_name: str
    capacity: int | None = None
    anycast: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionSpec:
    """One TurnRegion, valid as a whole. Units: degrees, seconds, bit/s."""

    name: str
    latitude: float
    longitude: float
    realm: str
    weight: int = 100
    """Share of new clients relative to other regions; 0 takes none."""
    residency: str | None = None
    """Group that a client can be pinned to and then never leaves."""
    relays: Relays = field(default_factory=Relays)
    listeners: Listeners = field(default_factory=lambda: Listeners(udp=3478, tcp=3478))
    relay_ports: PortRange = field(default_factory=PortRange)
    addresses: Addresses = field(default_factory=Addresses)
    auth: Auth = field(default_factory=Auth)
    limits: Limits = field(default_factory=Limits)
    peers: Peers = field(default_factory=Peers)
    drain_timeout: int = 3600
    max_unavailable: int = 1
    agent_port: int = 9641
    external_relays: tuple[ExternalRelay, ...] = ()
