"""config.json as the fleet rendered it, read into a value: all of it, or every problem it has.

Pure. The file is written by another program, so each value is checked here before it reaches
coturn's configuration, its SQL statements or its command line.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from turnrelay import ranges

SIZE_MAX: Final = 1 << 20
"""Bytes of a config.json: the peer lists are the only part that grows."""
_PEERS_MAX: Final = 1000
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,125}[A-Za-z0-9])?")
"""Also keeps quotes out of the realm, which coturn pastes into SQL."""
_HOSTNAME: Final = re.compile(r"[A-Za-z0-9{}.-]{1,253}")
_SHOWN_MAX: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One reason why a configuration is refused: where, and a sentence."""

    path: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.path}: {self.sentence}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listeners:
    """Ports that clients reach; ``None`` is off. At least one is on."""

    udp: int | None = None
    tcp: int | None = None
    tls: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PortRange:
    """Inclusive range of ports that allocations use."""

    min: int
    max: int

    def __len__(self) -> int:
        return self.max - self.min + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What is applied to a running coturn within 5 s."""

    allocations_per_user: int = 100
    allocations_per_relay: int = 10_000
    bandwidth_per_relay: int | None = None
    """Bit/s, both directions together; at that, new allocations are refused."""
    bandwidth_per_allocation: int | None = None
    """Bit/s in each direction; coturn drops what is above."""
    closed: bool = False
    """Out of the answers, still serving (a soft drain)."""
    deny: tuple[ranges.Network, ...] = ()
    allow: tuple[ranges.Network, ...] = ()
    """Beats ``deny`` and the built-in list."""
    hostname: str | None = None
    """The template of the relays' names; ``None``: clients know them by their addresses."""
    digest: str = ""
    """Of the document's ``live`` as it is written: what a fleet compares to see that it is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One relay's configuration, valid as a whole."""

    region: str
    realm: str
    listeners: Listeners
    relay_ports: PortRange
    families: frozenset[int]
    """4, 6 or both."""
    agent_port: int
    drain_timeout: int
    """Seconds."""
    live: Live = field(default_factory=Live)
    digest: str = ""
    """Of all but ``live`` and the drain timeout: equal digests need no new relay."""


def parse(content: bytes) -> Config | tuple[Problem, ...]:
    """Return the configuration that ``content`` holds, or every problem with it."""
    if len(content) > SIZE_MAX:
        return (Problem(path="config", sentence=f"is larger than {SIZE_MAX} bytes"),)
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return (Problem(path="config", sentence="is not JSON in UTF-8"),)
    if not isinstance(document, dict):
        return (Problem(path="config", sentence="is not a JSON object"),)
    reader = _Reader()
    config = reader.config(document)
    return tuple(reader.problems) or config


class _Reader:
    """Walks a document, noting problems and carrying on with a stand-in value."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def config(self, document: Mapping[str, object]) -> Config:
        listeners = self.listeners(self.mapping(document, "listeners", ""))
        return Config(
            region=self.name(document, "region"),
            realm=self.name(document, "realm"),
            listeners=listeners,
            relay_ports=self.relay_ports(self.mapping(document, "relayPorts", ""), listeners),
            families=self.families(document),
            agent_port=self.integer(document, "agentPort", low=1, high=65535, default=9641),
            drain_timeout=self.integer(
                document, "drainTimeout", low=0, high=7 * 86400, default=3600
            ),
            live=self.live(self.mapping(document, "live", "")),
            digest=_digest(document),
        )

    def listeners(self, document: Mapping[str, object]) -> Listeners:
        ports = {
            name: self.integer(document, name, low=1, high=65535, parent="listeners.")
            if document.get(name) is not None
            else None
            for name in ("udp", "tcp", "tls")
        }
        if not any(ports.values()):
            self.note("listeners", "no listener is on: give at least one of udp, tcp and tls")
        if ports["tls"] and ports["tls"] == ports["tcp"]:
            self.note("listeners.tls", f"port {ports['tls']} is already used by tcp")
        return Listeners(udp=ports["udp"], tcp=ports["tcp"], tls=ports["tls"])

    def relay_ports(self, document: Mapping[str, object], listeners: Listeners) -> PortRange:
        where = "relayPorts."
        low = self.integer(document, "min", low=1024, high=65535, default=49152, parent=where)
        high = self.integer(document, "max", low=1024, high=65535, default=65535, parent=where)
        if low > high:
            self.note("relayPorts", f"min {low} is greater than max {high}")
        for name, port in (("udp", listeners.udp), ("tcp", listeners.tcp), ("tls", listeners.tls)):
            if port is not None and low <= port <= high:
                self.note(f"listeners.{name}", f"port {port} lies in the relay range {low}-{high}")
        return PortRange(min=low, max=high)

    def families(self, document: Mapping[str, object]) -> frozenset[int]:
        known = {"IPv4": 4, "IPv6": 6}
        given = document.get("families", ["IPv4"])
        names = given if isinstance(given, list) else [given]
        for index, name in enumerate(names):
            if not isinstance(name, str) or name not in known:
                self.note(f"families[{index}]", f"{show(name)} is neither IPv4 nor IPv6")
        if not names:
            self.note("families", "no address family is given")
        return frozenset(known[n] for n in names if isinstance(n, str) and n in known)

    def live(self, document: Mapping[str, object]) -> Live:
        where = "live."
        peers = self.mapping(document, "peers", where)
        closed = document.get("closed", False)
        if not isinstance(closed, bool):
            self.note("live.closed", f"{show(closed)} is neither true nor false")
        return Live(
            allocations_per_user=self.integer(
                document, "allocationsPerUser", low=1, high=1_000_000, default=100, parent=where
            ),
            allocations_per_relay=self.integer(
                document, "allocationsPerRelay", low=1, high=1_000_000, default=10_000, parent=where
            ),
            bandwidth_per_relay=self.bandwidth(document, "bandwidthPerRelay"),
            bandwidth_per_allocation=self.bandwidth(document, "bandwidthPerAllocation"),
            closed=closed is True,
            deny=self.networks(peers, "deny"),
            allow=self.networks(peers, "allow"),
            hostname=self.hostname(document),
            digest=_hash(document),
        )

    def hostname(self, document: Mapping[str, object]) -> str | None:
        value = document.get("hostname")
        if value is None or (isinstance(value, str) and _HOSTNAME.fullmatch(value)):
            return value
        self.note("live.hostname", f"{show(value)} is not the template of a host name")
        return None

    def bandwidth(self, document: Mapping[str, object], key: str) -> int | None:
        if document.get(key) is None:
            return None
        return self.integer(document, key, low=1, high=10**15, parent="live.")

    def networks(self, document: Mapping[str, object], key: str) -> tuple[ranges.Network, ...]:
        path = f"live.peers.{key}"
        given = document.get(key)
        if given is None:
            return ()
        if not isinstance(given, list) or len(given) > _PEERS_MAX:
            self.note(path, f"is not a list of at most {_PEERS_MAX} networks")
            return ()
        found: list[ranges.Network] = []
        for index, text in enumerate(given):
            network = ranges.read(text)
            if network is None:
                sentence = f"{show(text)} is not an address or a network such as 10.0.0.0/8"
                self.note(f"{path}[{index}]", sentence)
            else:
                found.append(network)
        return tuple(found)

    def name(self, document: Mapping[str, object], key: str) -> str:
        value = document.get(key)
        if isinstance(value, str) and _NAME.fullmatch(value):
            return value
        self.note(key, f"{show(value)} is not a name of letters, digits, dots and dashes")
        return "invalid"

    def integer(
        self,
        document: Mapping[str, object],
        key: str,
        *,
        low: int,
        high: int,
        default: int | None = None,
        parent: str = "",
    ) -> int:
        value = document.get(key)
        if value is None and default is not None:
            return default
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        self.note(f"{parent}{key}", f"{show(value)} is not a whole number from {low} to {high}")
        return low

    def mapping(self, document: Mapping[str, object], key: str, parent: str) -> dict[str, object]:
        value = document.get(key)
        if value is None:
            return {}
        if isinstance(value, dict):
            return value
        self.note(f"{parent}{key}", f"{show(value)} is not an object")
        return {}

    def note(self, path: str, sentence: str) -> None:
        self.problems.append(Problem(path=path, sentence=sentence))


_TAKEN_OVER: Final = frozenset({"live", "drainTimeout"})


def _digest(document: Mapping[str, object]) -> str:
    return _hash({key: value for key, value in document.items() if key not in _TAKEN_OVER})


def _hash(document: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:16]


def show(value: object) -> str:
    """Return a hostile value as a person can be shown it."""
    text = json.dumps(value, default=str)
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}…"
