"""The fleet as an endpoint sees it: an immutable snapshot, replaced whole when anything changes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from turnfleet.model import region as declared
from turnrelay import contract


class RelayKey(NamedTuple):
    """Identifies a relay in a fleet."""

    region: str
    relay: str

    def __str__(self) -> str:
        return f"{self.region}/{self.relay}"


class Reason(StrEnum):
    """Why a region, a relay or one URL of it is not offered. ``sentence`` explains each."""

    WEIGHT_ZERO = "WeightZero"
    OTHER_RESIDENCY = "OtherResidency"
    NOT_PINNED = "NotPinned"
    PINNED_REGION_DOWN = "PinnedRegionDown"
    NO_RELAYS = "NoRelays"
    NO_USABLE_RELAY = "NoUsableRelay"
    NO_SECRET = "NoSecret"  # noqa: S105 - a reason, not a secret
    STARTING = "Starting"
    CLOSED = "Closed"
    DRAINING = "Draining"
    UNREACHABLE = "Unreachable"
    UNPROVEN = "Unproven"
    BAD_CREDENTIAL = "BadCredential"
    FULL = "Full"
    RELAY_PORTS_CLOSED = "RelayPortsClosed"
    CERTIFICATE_MISMATCH = "CertificateMismatch"
    CERTIFICATE_UNKNOWN = "CertificateUnknown"
    CERTIFICATE_EXPIRED = "CertificateExpired"
    NAME_UNRESOLVED = "NameUnresolved"
    UNVERIFIED = "Unverified"
    DAMPED = "Damped"
    NEARLY_FULL = "NearlyFull"

    @property
    def sentence(self) -> str:
        """Return what a person reads in ``turnfleet explain``."""
        return _SENTENCES[self]


_SENTENCES: Mapping[Reason, str] = {
    Reason.WEIGHT_ZERO: "its weight is 0, so it takes no new clients",
    Reason.OTHER_RESIDENCY: "it is outside the residency group that the client is pinned to",
    Reason.NOT_PINNED: "the client is pinned to another region",
    Reason.PINNED_REGION_DOWN: "the client is pinned to it, but no relay in it is usable",
    Reason.NO_RELAYS: "it has no relays yet",
    Reason.NO_USABLE_RELAY: "none of its relays can be offered",
    Reason.NO_SECRET: "this endpoint cannot read the secret that its credentials are signed with",
    Reason.STARTING: "it has not yet proven itself by an Allocate of its own",
    Reason.CLOSED: "it is closed to new clients",
    Reason.DRAINING: "it is draining and refuses new allocations",
    Reason.UNREACHABLE: "nothing answers on its address",
    Reason.UNPROVEN: "no probe has passed through it yet",
    Reason.BAD_CREDENTIAL: "it refuses the credential that this endpoint signs (401)",
    Reason.FULL: "it has no room for another allocation (486 or 508)",
    Reason.RELAY_PORTS_CLOSED: "an Allocate works but no packet comes through its relay ports",
    Reason.CERTIFICATE_MISMATCH: "its certificate does not verify for the name it is offered by",
    Reason.CERTIFICATE_UNKNOWN: "its certificate is signed by an authority that this endpoint does"
    " not know; it is given more by api.relayCA in the chart, by --ca of turnfleet api, and goes by"
    " those of the machine with turnfleet run",
    Reason.CERTIFICATE_EXPIRED: "its certificate has ended, or begins only later",
    Reason.NAME_UNRESOLVED: "its host name does not resolve to its address",
    Reason.UNVERIFIED: "its agent is well but its public address is silent from here",
    Reason.DAMPED: "it is back, and kept out until it has stayed up for a while",
    Reason.NEARLY_FULL: "what room it has left is for those it serves; others have more",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentAddress:
    """Where a relay's agent serves /status."""

    address: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """One relay as its source (operator, folder, peer cluster) publishes it."""

    region: str
    name: str
    instance: str
    """Changes whenever the pod or process is replaced."""
    node: str
    zone: str | None
    addresses: tuple[str, ...]
    """Public addresses as canonical text, at most one per family."""
    hostname: str | None
    listeners: declared.Listeners
    """Ports as advertised (``tls_secret_name`` is unused here)."""
    agent: AgentAddress | None
    state: contract.State
    since: float
    """Unix seconds of the last change of ``state``."""
    version: str = ""
    anycast: bool = False
    capacity: int | None = None
    """Allocations that it has room for, where they are not the region's ``allocationsPerRelay``."""

    @property
    def key(self) -> RelayKey:
        """Return the relay's identity in the fleet."""
        return RelayKey(self.region, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What probes found out about one relay."""

    working: frozenset[declared.Transport] = frozenset()
    """Transports that may be offered."""
    failing: tuple[tuple[declared.Transport, Reason], ...] = ()
    reason: Reason | None = Reason.UNPROVEN
    """Why the relay as a whole is not offered; ``None`` when it may be."""
    load: float = 0.0
    """0 is idle, 1 is full: max of allocations, bit rate and ports relative to their limits."""
    silent: frozenset[str] = frozenset()
    """Addresses not to offer: they fail while another address of the relay works."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a relay's agent has counted, at one moment."""

    load: float
    """As ``Health.load``."""
    allocations: int = 0
    """Live ones."""
    begun: int | None = None
    """Allocations so far, those that have ended too; ``None``: this agent does not count them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Occupancy:
    """How much of a relay is taken. 0 is nothing, 1 is all."""

    reported: float
    """What its agent said last."""
    pending: float
    """What answers given since then will add."""
    held: float
    """What relays are compared by: the sum of both, standing still while that moves little."""
    full: bool
    """Whether it takes nobody new while others have room."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A signing secret. Never shown: its repr is empty of it."""

    value: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A region as its source publishes it: what was declared, what runs, what it signs with."""

    spec: declared.RegionSpec
    relays: tuple[Relay, ...]
    secret: Secret | None
    """``None``: this endpoint cannot read it."""
    ca: str | None = None
    """PEM of a private CA that the region's relays are signed by, besides the system's CAs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A relay together with its health."""

    relay: Relay
    health: Health
    occupancy: Occupancy | None = None
    """``None``: its load is all that is known."""
    doubted: bool = False
    """Whether so many clients complain of it that some are sent to others, until a probe decides.
    It excludes nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A region of a fleet."""

    spec: declared.RegionSpec
    members: tuple[Member, ...]
    secret: Secret | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """Everything an answer depends on. ``version`` rises with every change."""

    version: int
    regions: Mapping[str, Region]

    @property
    def residencies(self) -> frozenset[str]:
        """Return every residency group that some region belongs to."""
        return frozenset(r.spec.residency for r in self.regions.values() if r.spec.residency)
