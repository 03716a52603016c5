"""What a person means by NODE|RELAY: a node with the relays on it, or one relay's pod."""

from collections.abc import Sequence
from dataclasses import dataclass

from turnfleet import names
from turnfleet.commands import output
from turnfleet.kube import client, failures, fields, kinds

_LABELS = f"{names.LABEL_COMPONENT}={names.COMPONENT_RELAY}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """A relay's pod."""

    namespace: str
    region: str
    name: str
    uid: str
    node: str

    def __str__(self) -> str:
        """Return how messages name it."""
        return f"relay {self.name} of {self.namespace}/{self.region}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What was named."""

    kind: kinds.Kind
    namespace: str | None
    name: str
    uid: str
    relays: tuple[Relay, ...]
    looked: tuple[str, ...] | None
    """The namespaces that its relays were looked for in; ``None``: all."""

    @property
    def is_seen_in_part(self) -> bool:
        """Return whether it may have relays that were not looked for."""
        return self.kind is kinds.NODE and self.looked is not None

    @property
    def options(self) -> str:
        """Return the options that find it again."""
        if self.looked is None:
            return "--all-namespaces"
        return " ".join(f"--namespace {namespace}" for namespace in self.looked)

    def __str__(self) -> str:
        """Return how it can be named again."""
        return f"{'node' if self.kind is kinds.NODE else 'relay'}/{self.name}"


async def find(api: client.Client, named: str, *, namespaces: Sequence[str] | None) -> Target:
    """Return what is named; raises output.Failure where that is nothing, or two things."""
    prefix, slash, name = named.rpartition("/")
    if (slash and prefix not in {"node", "relay", "pod"}) or not name:
        raise output.Failure(f"{named!r} is not like NAME, node/NAME or relay/NAME.")
    looked = None if namespaces is None else tuple(namespaces)
    relays = [relay for namespace in looked or (None,) for relay in await _relays(api, namespace)]
    found = []
    if prefix != "node":
        found += [_relay(relay) for relay in relays if relay.name == name]
    if prefix in {"", "node"}:
        there = tuple(relay for relay in relays if relay.node == name)
        found += await _nodes(api, name, there, looked)
    match found:
        case [target]:
            return target
        case []:
            where = "any namespace" if looked is None else ", ".join(looked)
            raise output.Failure(f"there is no node {name}, and no relay {name} in {where}.")
        case _:
            told = ", ".join(f"{one} in {one.namespace}" if one.namespace else str(one)
                             for one in found)  # fmt: skip
            raise output.Failure(f"{name} may be each of {told}; say which.")


def _relay(relay: Relay) -> Target:
    return Target(
        kind=kinds.POD,
        namespace=relay.namespace,
        name=relay.name,
        uid=relay.uid,
        relays=(relay,),
        looked=(relay.namespace,),
    )


async def _nodes(
    api: client.Client, name: str, relays: tuple[Relay, ...], looked: tuple[str, ...] | None
) -> list[Target]:
    try:
        found = await api.get(kinds.NODE, name)
    except failures.NotFound:
        return []
    uid = fields.text(found, "metadata", "uid")
    return [
        Target(kind=kinds.NODE, namespace=None, name=name, uid=uid, relays=relays, looked=looked)
    ]


async def _relays(api: client.Client, namespace: str | None) -> list[Relay]:
    query = client.Query(kind=kinds.POD, namespace=namespace, labels=_LABELS)
    return [
        Relay(
            namespace=fields.text(found, "metadata", "namespace"),
            region=fields.text(found, "metadata", "labels", names.LABEL_REGION),
            name=fields.text(found, "metadata", "name"),
            uid=fields.text(found, "metadata", "uid"),
            node=fields.text(found, "spec", "nodeName"),
        )
        for found in await api.list(query)
        if fields.text(found, "status", "phase") not in {"Succeeded", "Failed"}
    ]
