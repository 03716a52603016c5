"""What a cluster holds of one region, as values: the input of a plan. Decides nothing.

``turnfleet.kube`` makes these from watched objects; nothing here knows how.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from turnfleet.model import region
from turnfleet.plan.cluster import objects
from turnrelay import contract


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Which TurnRegion it is."""

    namespace: str
    name: str
    uid: str
    generation: int
    created: float
    """Unix seconds."""
    deleting: bool = False
    force_rollout: bool = False
    """The annotation ``turnfleet.io/force-rollout``: its only relay may go without a substitute."""
    rotate: str = ""
    """The annotation ``turnfleet.io/rotate``: another text is another request to rotate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taint:
    """A node's taint."""

    key: str
    value: str = ""
    effect: region.TaintEffect


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node, as far as relays on it are concerned."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    internal: tuple[str, ...] = ()
    """InternalIP addresses, canonical text, as the Node lists them."""
    external: tuple[str, ...] = ()
    """ExternalIP addresses, likewise."""
    annotated: tuple[str, ...] = ()
    """From the Node's annotation ``turnfleet.io/addresses``, likewise."""
    dns: tuple[str, ...] = ()
    """What the Node's ExternalDNS name resolves to; empty until the operator resolved it."""
    zone: str | None = None
    ready: bool = True
    cordoned: bool = False
    drained: bool = False
    """The annotation ``turnfleet.io/drain``: a person wants its relays to take no new clients."""
    taints: tuple[Taint, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a relay's agent said of itself when the operator last asked it."""

    at: float
    """Unix seconds of the answer."""
    state: contract.State
    generation: int = 0
    """Of the region's secret, as coturn has it in force."""
    proven_generation: int = 0
    """The last generation whose current secret an Allocate of its own has worked with; 0: none."""
    allocations: int = 0
    """Live ones, without those of probes."""
    live_hash: str = ""
    """Of the live part of the configuration that coturn has in force."""
    certificate_not_after: float | None = None
    """Unix seconds; ``None``: it serves no certificate."""
    certificate_fingerprint: str = ""
    """SHA-256 of the served leaf, hex; empty: none."""
    complaints: tuple[str, ...] = ()
    """Mounted files that it cannot use, as sentences; what was read before stays in force."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A relay's pod."""

    name: str
    uid: str
    version: str | None = None
    """Its resource version."""
    created: float
    """Unix seconds."""
    node: str | None = None
    """``None``: not scheduled yet."""
    revision: str = ""
    """The annotation ``turnfleet.io/revision``: what it was started with."""
    addresses: tuple[str, ...] = ()
    """The annotation ``turnfleet.io/addresses``, as the operator wrote it."""
    address_sources: tuple[region.AddressSource, ...] = ()
    """The annotation ``turnfleet.io/address-sources``: the rung of each address, in that order."""
    owner: str = ""
    """uid of its controller: a workload of the region; empty where it is not known."""
    ports: Mapping[str, int] = field(default_factory=dict)
    """Its container's ports by name (``udp``, ``tcp``, ``tls``, ``agent``): what it listens on,
    whatever has been declared since."""
    closed: str | None = None
    """The annotation ``turnfleet.io/closed``: why it takes no new clients."""
    drained: bool = False
    """The annotation ``turnfleet.io/drain``: a person wants it to take no new clients."""
    deletion_cost: int | None = None
    ready: bool = False
    """Its own probe, of its own Allocate, passes."""
    ready_since: float = 0.0
    """Unix seconds of the last change of ``ready``; 0 where unknown."""
    deleting_until: float | None = None
    """Unix seconds of its end at the latest once it is being deleted."""
    grace: float | None = None
    """Seconds that it was given for that; the drain has a little less."""
    ended: bool = False
    """Its containers have ended for good (phase Succeeded or Failed)."""
    trouble: str = ""
    """What keeps it from running, in the cluster's own words (Unschedulable, ErrImagePull...)."""
    host_addresses: tuple[str, ...] = ()
    """Addresses of its node as the pod sees them; its agent listens on the first."""
    image: str = ""
    report: Report | None = None
    """``None``: nobody asked yet, or it did not answer."""
    mounted: str = ""
    """The annotation ``turnfleet.io/mounted``: the last nudge to look at its files again."""
    mute: bool = False
    """Its agent was asked and does not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """The ReplicaSet or DaemonSet of a region, as its controller sees it."""

    kind: objects.Kind
    name: str
    uid: str
    wanted: int = 0
    """Pods that it tries to have."""
    failure: str = ""
    """Why it cannot create pods (ReplicaFailure, FailedCreate), in the cluster's own words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What the Secret that ``listeners.tls.secretName`` names holds, without its key."""

    present: bool = True
    """Whether there is such a Secret."""
    version: str = ""
    """Resource version of the Secret; empty: it is not there."""
    fingerprint: str = ""
    """SHA-256 of the leaf, hex; empty: it holds none that can be read."""
    not_before: float = 0.0
    """Unix seconds."""
    not_after: float = 0.0
    """Unix seconds."""
    names: tuple[str, ...] = ()
    """Host names, in lower case, and addresses, in canonical text, that the leaf is for."""
    problem: str = ""
    """Why relays cannot use it, as a sentence; empty: they can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """Everything that a plan for one region may look at."""

    pods: tuple[Pod, ...] = ()
    """All pods that carry the region's label and belong to a workload of it, deleting ones too."""
    nodes: Mapping[str, Node] = field(default_factory=dict)
    """Every node of the cluster, by name."""
    workloads: tuple[Workload, ...] = ()
    live: Mapping[objects.Key, objects.Live] = field(default_factory=dict)
    """Objects of the region that exist: what differs from the wanted manifest is applied again."""
    auth: "AuthSecret | None" = None
    """The region's ``NAME-auth``; ``None``: not there."""
    named_secret: bytes | None = None
    """What ``auth.secretName`` holds; ``None``: not named, not there or unusable."""
    named_secret_problem: str = ""
    """Why the named secret cannot be used, as a sentence; empty: it can, or none is named."""
    certificate: Certificate | None = None
    """``None``: TLS is off, or nobody looked at the certificate."""
    status: Mapping[str, object] = field(default_factory=dict)
    """The TurnRegion's status as it is."""
    refusal: str = ""
    """What the API server refused of the last plan and why (quota, admission); empty: nothing.
    Belongs into ``Progressing``, as the failure of a workload does."""
    taken: tuple[objects.Key, ...] = ()
    """Objects of our names that the last plan met when it was to make them, and that are somebody
    else's: without our label nobody tells of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthSecret:
    """What relays of a region accept. Never shown: its repr is empty of secrets."""

    current: bytes = field(repr=False)
    previous: bytes | None = field(default=None, repr=False)
    generation: int = 1
    retire_after: float | None = None
    """Unix seconds after which ``previous`` is refused."""
    agent_key: str = field(default="", repr=False)
    rotated_at: float | None = None
    """Unix seconds at which ``current`` came; ``None``: not known."""
    request: str = ""
    """The last request to rotate that was followed."""
    ttl: int = 0
    """Seconds for which credentials are signed, as declared last."""
    expires_by: float | None = None
    """Unix seconds until which those are good that were signed for a longer time before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What was declared, or why it cannot be followed."""

    spec: region.RegionSpec | None
    problems: tuple[region.Problem, ...] = ()
    """Not empty: nothing may be applied or deleted (a hold)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the rest of the fleet means for one region."""

    name_taken_by: str | None = None
    """Namespace of the older region with this name."""
    relay_addresses: frozenset[str] = frozenset()
    """Public addresses of every relay of the fleet, as canonical text."""
    may_roll: bool = True
    """Whether this region may replace outdated relays now (``--max-rolling-regions``)."""
    elsewhere: bool = True
    """Whether another region takes clients now that those of this one may be sent to."""
    agent_key: str = field(default="", repr=False)
    """Derived from the fleet's key; relays show their status to who has it."""
    signed: bytes | None = field(default=None, repr=False)
    """What endpoints are known to be told to sign with; ``None``: nothing."""
    fresh_secret: bytes = field(default=b"", repr=False)
    """Random, in case the region has to be given a secret. Not used otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the operator's own command line says."""

    relay_image: str
    allowed_images: tuple[str, ...] = ()
    """Shell-style patterns (fnmatch) for ``relays.image``; empty: only ``relay_image``."""
    denied_peers: tuple[str, ...] = ()
    """CIDRs of the cluster's pods and services, denied on top of the built-in list."""
    priority_class: str | None = None
    image_pull_secrets: tuple[str, ...] = ()
    deletes_per_pass: int = 1
    """Most relays of a region that one plan may take away."""
