"""An edit for every CEL rule of the schema, each breaking just that rule of any sound TurnRegion.

Keyed by where the rule stands and how its message begins, so that a rule without an edit shows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from tests.support import admission, turnregions

_TRANSPORTS: Final = ("udp", "tcp", "tls")
_RELAY: Final[dict[str, Any]] = {
    "name": "a",
    "hostname": "a.b",
    "listeners": {"udp": {"port": 80}},
    "secretName": "s",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One place below ``spec``, and what somebody writes there."""

    rule: str
    """The path of the rule that refuses it, as in ``admission.Rule``."""
    says: str
    """The beginning of that rule's message."""
    path: turnregions.Path_
    to: object

    def __str__(self) -> str:
        return f"{self.rule}: {self.says}"

    def breaks(self, rule: admission.Rule) -> bool:
        """Return whether a rule is the one that this edit is for."""
        return rule.path == self.rule and rule.message.startswith(self.says)

    def of(self, manifest: turnregions.Manifest) -> turnregions.Manifest:
        """Return a manifest with the edit."""
        return turnregions.changed(manifest, ("spec", *self.path), self.to)


def _edit(rule: str, says: str, *path: str | int, to: object) -> Edit:
    return Edit(rule=rule, says=says, path=path, to=to)


def _of_relays() -> Iterator[Edit]:
    yield _edit(
        "spec.relays", "EveryNode needs a nodeSelector",
        "relays", to={"placement": "EveryNode"},
    )  # fmt: skip
    yield _edit(
        "spec.relays", "EveryNode runs one relay",
        "relays", to={"placement": "EveryNode", "nodeSelector": {"a": "b"}, "replicas": 1},
    )  # fmt: skip
    yield _edit(
        "spec.relays.nodeSelector", "a key must be a label key",
        "relays", "nodeSelector", to={"a/b/c": "d"},
    )  # fmt: skip
    for says, toleration in (
        ("a toleration without", {"effect": "NoExecute"}),
        ("a toleration with operator", {"operator": "Exists", "value": "v"}),
        ("only the effect", {"key": "k", "tolerationSeconds": 1}),
    ):
        yield _edit("spec.relays.tolerations[]", says, "relays", "tolerations", to=[toleration])
    yield _edit(
        "spec.relays.tolerations[].key", "the part before the slash",
        "relays", "tolerations", to=[{"key": "a" * 254 + "/b"}],
    )  # fmt: skip


def _of_ports() -> Iterator[Edit]:
    yield _edit("spec", "no listener port may lie", "listeners", to={"udp": {"port": 49500}})
    yield _edit("spec", "the agent's port (9641 unless written) may not lie",
                "agent", "port", to=49500)  # fmt: skip
    yield _edit("spec", "the agent's port (9641 unless written) may not be",
                "agent", "port", to=3478)  # fmt: skip
    yield _edit("spec.relayPorts", "max must be", "relayPorts", to={"min": 2000, "max": 2098})
    yield from _of_listeners("spec.listeners", "listeners", tls={"secretName": "t"})


def _of_listeners(rule: str, *path: str | int, tls: dict[str, str]) -> Iterator[Edit]:
    both = {"tcp": {"port": 443}, "tls": {"port": 443, **tls}}
    yield _edit(rule, "at least one of", *path, to={})
    yield _edit(rule, "tcp and tls need", *path, to=both)
    for transport in _TRANSPORTS:
        listener = {"port": 500, **(tls if transport == "tls" else {})}
        yield _edit(f"{rule}.{transport}.port", "browsers refuse", *path, to={transport: listener})


def _of_policies() -> Iterator[Edit]:
    yield _edit("spec.auth", "rotateEvery must be",
                "auth", to={"rotateEvery": "2h", "credentialTTL": "90m"})  # fmt: skip
    yield _edit("spec.auth.rotateEvery", "must be from 2m", "auth", "rotateEvery", to="8760h1s")
    yield _edit("spec.auth.credentialTTL", "must be from 1m", "auth", "credentialTTL", to="59s")
    yield _edit("spec.drain.timeout", "must be from 1s", "drain", "timeout", to="0s")
    for names in ("deny", "allow"):
        rule = f"spec.peers.{names}[]"
        yield _edit(rule, "must be a network", "peers", names, to=["10.0.0.1/8"])
        yield _edit(rule, "may not begin", "peers", names, to=["::/8"])
    yield _edit("spec.peers.allow[]", "needs a prefix", "peers", "allow", to=["0.0.0.0/0"])


def _of_external_relays() -> Iterator[Edit]:
    rule = "spec.externalRelays[]"
    nameless = {name: value for name, value in _RELAY.items() if name != "hostname"}
    yield _edit(rule, "clients could not", "externalRelays", to=[nameless])
    for place, says, addresses in (
        ("addresses", "at most one address", ["192.0.2.1", "192.0.2.2"]),
        ("addresses[]", "must be an IPv4", ["192.0.2.01"]),
        ("addresses[]", "must be an address", ["224.0.0.1"]),
    ):
        relay = {**_RELAY, "addresses": addresses}
        yield _edit(f"{rule}.{place}", says, "externalRelays", to=[relay])
    for edit in _of_listeners(f"{rule}.listeners", tls={}):
        relay = {**_RELAY, "listeners": edit.to}
        yield _edit(edit.rule, edit.says, "externalRelays", to=[relay])


EDITS: Final = (*_of_ports(), *_of_relays(), *_of_policies(), *_of_external_relays())


def unbroken() -> tuple[admission.Rule, ...]:
    """Return the rules that no edit is for."""
    return tuple(rule for rule in admission.rules() if not any(edit.breaks(rule) for edit in EDITS))
