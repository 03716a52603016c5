"""TurnRegion manifests to test with: sound ones, and every way to make one nearly sound.

``PLACES`` and ``trials`` come from the schema: each field with its own bounds and one step outside,
so that a parser whose bound differs by one meets a manifest that only one of the two accepts.
"""

import copy
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hypothesis import strategies as st
from tests.support import admission, yamls

EXAMPLES: Final = admission.CRD.parent / "examples"

Manifest = dict[str, Any]
Path_ = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A place in a manifest and what the schema says about it."""

    path: Path_
    schema: Manifest


class Absent:
    """Stands for taking a field out."""

    def __repr__(self) -> str:
        return "absent"


ABSENT: Final = Absent()


def example(name: str) -> Manifest:
    """Return a shipped example by its path below ``crds/examples``."""
    loaded: Manifest = yamls.load((EXAMPLES / name).read_text(encoding="utf-8"))
    return loaded


def examples() -> tuple[Path, ...]:
    """Return the files of all shipped examples."""
    return tuple(sorted(EXAMPLES.rglob("*.yaml")))


def changed(manifest: Manifest, path: Path_, value: object) -> Manifest:
    """Return a copy with one place set, parents made as needed, or taken out (``ABSENT``)."""
    document = copy.deepcopy(manifest)
    parent: Any = document
    for step, following in itertools.pairwise(path):
        if not _holds(parent, step):
            return document
        if isinstance(parent, list) and step == len(parent):
            parent.append([] if following == 0 else {})
        elif isinstance(parent, dict) and step not in parent:
            parent[step] = [] if following == 0 else {}
        parent = parent[step]
    last: Any = path[-1]
    if not _holds(parent, last):
        return document
    if isinstance(parent, list):
        parent[last : last + 1] = [] if value is ABSENT else [copy.deepcopy(value)]
    else:
        parent.pop(last, None)
        if value is not ABSENT:
            parent[last] = copy.deepcopy(value)
    return document


def _holds(parent: object, step: str | int) -> bool:
    """Return whether a container can have such a step, after an earlier change replaced it."""
    if isinstance(step, int):
        return isinstance(parent, list) and step <= len(parent)
    return isinstance(parent, dict)


def places(schema: Manifest = admission.SCHEMA, path: Path_ = ()) -> Iterator[Node]:
    """Return every place below a schema; a list has one item."""
    if path:
        yield Node(path=path, schema=schema)
    for name, child in schema.get("properties", {}).items():
        if path or name != "status":
            yield from places(child, (*path, name))
    if "items" in schema:
        yield from places(schema["items"], (*path, 0))
    if "additionalProperties" in schema:
        yield from places(schema["additionalProperties"], (*path, "example.com/key"))


PLACES: Final = tuple(places())

_WRONG: Final[tuple[object, ...]] = (
    ABSENT, None, True, False, 0, 1, -1, 1.5, 3478.0, 10**30, -(10**30), "", "1", "x", [], {},
    [None], {"": None}, [[]], "x\n", "é", "A", " x", "-x", "x-", "x..y", ".", "\x00",
    float("nan"), float("inf"), float("-inf"),
)  # fmt: skip

_TEXTS: Final = (
    "10.0.0.0/8", "10.0.0.0/7", "10.0.0.0/9", "10.0.0.1/8", "10.0.0.0/08", "10.0.0.0", "0.0.0.0/0",
    "10.0.0.0/255.0.0.0", "10.1/16", "010.0.0.0/8", "8.0.0.0/7", "10.0.0.0/33", "2001:db8::/32",
    "2001:DB8::/32", "2001:db8:0::/32", "2001:0db8::/32", "::/0", "::/8", "::1/128", "::1:0:0/96",
    "::ffff:1.2.3.4/128", "::ffff:0:0/96", "fe80::%eth0/64", "fc00::/7", "fc00::/8", "10.0.0.0/",
    "/8", "10.0.0.0/8/8", "10.0.0.0/+8", "10.0.0.0/\uff18", "192.0.2.1", "192.0.2.1 ", "192.0.2.01",
    "2001:db8::1", "2001:db8:0:0:0:0:0:1", "::", "::1", "0." + "0.0.0", "127.0.0.1",
    "255.255.255.255",
    "224.0.0.1", "169.254.1.1", "fe80::1", "ff02::1", "::ffff:192.0.2.1", "fe80::1%eth0",
    "1h", "60s", "59s", "61s", "1m", "2m", "119s", "121s", "1m59s", "24h", "24h1s", "23h59m59s",
    "8760h", "8760h1s", "8759h59m59s", "0s", "1s", "2h", "1h59m59s", "719h", "12h", "48h", "47h",
    "1", "h", "1.5h", "1d", "-1h", "+1h", "1H", "1h 1m", "1m1h", "100ms", "00001h", "000001h",
    "99999h", "0000060s", "00000060s", "1h1h", "1h00001m", "1h000001m", "60m", "\u0661h",
    "h1m", "hm60s", "1hm", "120s", "1440m", "1441m", "86400s", "86401s",
    "2001:1db8:1111:2222:3333:4444:5555:6666", "2001:1db8:1111:2222:3333:4444:5555:6666/128",
    "{node}.turn.example.com", "{address}.turn.example.com", "{node}.example.com", "{node}.com",
    "{node}", "a.{node}.example.com", "x{node}.example.com", "{node}x.example.com",
    "{node}.{address}.example.com", "{nodes}.example.com", "{node}.Example.com", "{node}..com",
    "{node}.-a.com", "{node}.a-.com", "node.example.com", "*.example.com", "{node}.example.com.",
    "a.b", "a", "a.b.", "A.b", "a_b.c", "a.b-", "-a.b", "a." + "b" * 63, "a." + "b" * 64,
    "{node}." + "b" * 63 + ".c", "{node}." + "b" * 64 + ".c",
    "a/b", "/b", "a/", "a/b/c", "A/b", "a/B", "a_b/c", "a.b/c", "a..b/c", "a-/c", "a/-c",
    "a/" + "b" * 63, "a/" + "b" * 64, "b" * 63, "b" * 64, "a" * 253 + "/b", "a" * 254 + "/b",
    "500m", "1.5", "1.", ".5", "1Ki", "1ki", "1E3", "1e3", "-1", "+1", "1 Gi", "1Gi", "1G", "1u",
    "1k", "1M", "1T", "1Ti", "1Mi", "0", "1P", "Equal", "Exists", "NoExecute", "NoSchedule",
    "PreferNoSchedule", "Replicas", "EveryNode", "replicas", "IPv4", "IPv6", "Annotation",
    "ExternalIP", "InternalIP", "ExternalDNS", "a:b@c/d", "a b", "a;b", "a--b", "a_b", "a@", "@a",
    "turnfleet.io/v1alpha1", "turnfleet.io/v1", "TurnRegion", "turnregion",
)  # fmt: skip


def _rule_numbers() -> frozenset[int]:
    """Return the numbers in CEL rules, and their neighbours: the bounds that hide there."""
    found = {int(n) for rule in admission.rules() for n in re.findall(r"\d+", rule.expression)}
    return frozenset(n + step for n in found for step in (-1, 0, 1))


_NUMBERS: Final = tuple(sorted(_rule_numbers()))


def _bounds(schema: Manifest) -> tuple[object, ...]:
    """Return the bounds of a schema, and values one step inside and outside them."""
    values: list[object] = [ABSENT, *schema.get("enum", ())]
    kind = "integer" if "x-kubernetes-int-or-string" in schema else schema.get("type")
    steps = (-1, 0, 1) if kind == "integer" else (-1, -0.001, 0, 0.001, 1)
    for bound in ("minimum", "maximum"):
        values.extend(schema[bound] + step for step in steps if bound in schema)
    if kind == "integer":
        values.extend(_NUMBERS)
        values.extend(float(schema[bound]) for bound in ("minimum", "maximum") if bound in schema)
    values.extend(text for length in _lengths(schema) for text in _long_texts(length))
    if kind == "array":
        longest = schema["maxItems"]
        values.extend(_lists(schema["items"], size) for size in (1, 2, longest, longest + 1))
        values.extend([item, item] for item in ("IPv4", "10.0.0.0/8", "192.0.2.1"))
        values.append(["192.0.2.1", "2001:db8::1"])
        values.append(["2001:db8::2", "2001:db8::1"])
        values.append(["192.0.2.1", "192.0.2.2"])
    if "maxProperties" in schema:
        values.extend(
            {f"k{n}": "" for n in range(schema["maxProperties"] + step)} for step in (-1, 0, 1)
        )
        values.extend({text: "v"} for length in (316, 317, 318) for text in _long_texts(length))
    return tuple(values)


def _nonsense(schema: Manifest) -> tuple[object, ...]:
    """Return values of other types, and texts that other fields take, as values or as keys."""
    if "maxProperties" in schema:
        return (*_WRONG, *({text: "v"} for text in _TEXTS))
    takes_text = schema.get("type") == "string" or "x-kubernetes-int-or-string" in schema
    return (*_WRONG, *_TEXTS) if takes_text and "enum" not in schema else _WRONG


def _lengths(schema: Manifest) -> Iterator[int]:
    for bound in ("minLength", "maxLength"):
        if bound in schema:
            yield from (schema[bound] - 1, schema[bound], schema[bound] + 1)


def _long_texts(length: int) -> Iterator[str]:
    """Return texts of one length, each acceptable to some of the patterns."""
    labels = "b" * 62 + "."
    yield "a" * length
    yield "1" * length
    yield ("a" + labels * 9)[: max(length - 1, 0)] + "c"
    yield ("{node}." + labels * 9)[: max(length - 1, 0)] + "c"
    yield ("a." * 200)[: max(length - 65, 0)] + "c/" + "n" * 63
    yield "0" * max(length - 2, 0) + "1s"
    yield "1h" + "0" * max(length - 4, 0) + "1s"
    yield "0" * max(length - 2, 0) + ".1"


def _lists(items: Manifest, size: int) -> list[object]:
    words = list(items.get("enum", ()))
    if words:
        return (words * size)[:size]
    if items.get("type") == "string":
        return [f"10.{n}.0.0/16" for n in range(size)]
    if "tolerationSeconds" in items.get("properties", {}):
        return [{"key": "k"} for _ in range(size)]
    return [
        {
            "name": f"r{n}",
            "hostname": "a.b",
            "listeners": {"udp": {"port": 3478}},
            "secretName": "s",
        }
        for n in range(size)
    ]


def _sparse() -> Manifest:
    """Return a region in which bounds stand free of the rules between fields."""
    base = example("minimal.yaml")
    base["spec"] |= {
        "listeners": {
            "udp": {"port": 50000},
            "tcp": {"port": 50000},
            "tls": {"port": 50001, "secretName": "t"},
        },
        "relayPorts": {"min": 2000, "max": 3000},
        "relays": {"tolerations": [{"effect": "NoExecute", "key": "k"}, {"operator": "Exists"}]},
        "auth": {"rotateEvery": "8760h", "credentialTTL": "1m"},
        "externalRelays": [
            {
                "name": "one",
                "addresses": ["192.0.2.1"],
                "listeners": {"tls": {"port": 443}},
                "secretName": "s",
            }
        ],
    }
    return base


def _low() -> Manifest:
    """Return a region whose listeners and relay ports begin as low as they may."""
    base = example("minimal.yaml")
    base["spec"] |= {
        "listeners": {"udp": {"port": 80}, "tls": {"port": 443, "secretName": "t"}},
        "relayPorts": {"min": 1024, "max": 1123},
        "auth": {"rotateEvery": "48h", "credentialTTL": "24h"},
    }
    return base


def _between() -> Manifest:
    """Return a region whose relay ports just fit between the ports of unwritten listeners."""
    base = example("minimal.yaml")
    base["spec"] |= {"relayPorts": {"min": 3479, "max": 9640}}
    return base


BASES: Final = (
    example("minimal.yaml"),
    example("production.yaml"),
    example("one-machine/eu-central.yaml"),
    _low(),
    _between(),
    _sparse(),
)


def trials(node: Node) -> Iterator[Manifest]:
    """Return sound manifests with one place changed to each value worth trying there."""
    minimal, *others = BASES
    homes = [minimal, *(base for base in others if _reaches(base, node.path[:-1]))]
    for value in _nonsense(node.schema):
        yield changed(homes[-1], node.path, value)
    for base in homes:
        for value in _bounds(node.schema):
            yield changed(base, node.path, value)


def _reaches(manifest: Any, path: Path_) -> bool:
    for step in path:
        if not _holds(manifest, step) or (isinstance(manifest, dict) and step not in manifest):
            return False
        if isinstance(manifest, list) and step == len(manifest):
            return False
        manifest = manifest[step]
    return True


_VALUES: Final = {node.path: (*_bounds(node.schema), *_nonsense(node.schema)) for node in PLACES}


@st.composite
def nearly_sound(draw: st.DrawFn) -> Manifest:
    """Draw a sound manifest and change it in up to four places."""
    manifest = draw(st.sampled_from(BASES))
    for node in draw(st.lists(st.sampled_from(PLACES), max_size=4)):
        manifest = changed(manifest, node.path, draw(st.sampled_from(_VALUES[node.path])))
    return manifest
