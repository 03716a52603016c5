"""What the TurnRegion schema promises: bounds on everything, rules that bite, safe defaults."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support import admission, turnregions

from turnfleet.model import region
from turnfleet.sources import manifests

Schema = dict[str, Any]


def _nodes(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from _nodes(child, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if key in schema:
            yield from _nodes(schema[key], f"{path}[]")


NODES = [
    (path, schema)
    for path, schema in _nodes(admission.SCHEMA)
    if path not in {"", ".apiVersion", ".kind", ".metadata"}
]


def test_every_value_is_bounded() -> None:
    unbounded = []
    for path, schema in NODES:
        bounds = {
            "string": {"maxLength"} if "enum" not in schema else set(),
            "integer": {"minimum"},
            "number": {"minimum", "maximum"},
            "array": {"maxItems", "x-kubernetes-list-type"},
            "object": set() if "properties" in schema else {"maxProperties"},
            "boolean": set(),
            None: {"maxLength", "minimum", "maximum"},
        }[schema.get("type")]
        if path.startswith(".spec") and schema.get("type") == "integer":
            bounds |= {"maximum"}
        if not bounds <= schema.keys() and schema.get("format") != "date-time":
            unbounded.append(path)

    assert unbounded == []


def test_nothing_may_be_null_and_nothing_unknown_is_kept() -> None:
    assert not [path for path, schema in NODES if "nullable" in schema]
    assert not [p for p, s in NODES if "x-kubernetes-preserve-unknown-fields" in s]


def test_only_fields_that_roll_no_relay_have_a_default() -> None:
    live = {"weight", "auth", "limits", "drain", "rollout", "externalRelays"}

    with_default = {
        path.split(".")[2].rstrip("[]") for path, schema in NODES if "default" in schema
    }

    assert with_default <= live


def test_every_field_of_the_spec_is_described_at_its_first_two_levels() -> None:
    missing = [
        path
        for path, schema in NODES
        if path.startswith(".spec.")
        and path.count(".") <= 2
        and "[" not in path
        and "description" not in schema
    ]

    assert missing == []


def test_every_rule_has_a_message_and_no_message_breaks_a_line() -> None:
    messages = [rule["message"] for rule in admission.rules()]

    assert all(message and "\n" not in message for message in messages)


def _violations() -> dict[str, turnregions.Manifest]:
    minimal = turnregions.example("minimal.yaml")
    external = {
        "name": "a",
        "hostname": "a.b",
        "listeners": {"udp": {"port": 80}},
        "secretName": "s",
    }

    def changed(*path: str | int, to: object) -> turnregions.Manifest:
        return turnregions.changed(minimal, ("spec", *path), to)

    def relay(**fields: object) -> turnregions.Manifest:
        return changed("externalRelays", to=[{**external, **fields}])

    return {
        "no listener port may lie": changed("listeners", to={"udp": {"port": 50000}}),
        "the agent's port (9641 unless written) may not lie": changed("agent", "port", to=50000),
        "the agent's port (9641 unless written) may not be": changed("agent", "port", to=3478),
        "EveryNode needs": changed("relays", to={"placement": "EveryNode"}),
        "EveryNode runs": changed("relays", to={"placement": "EveryNode", "replicas": 1}),
        "a key must be": changed("relays", "nodeSelector", to={"a/b/c": "d"}),
        "a toleration without": changed("relays", "tolerations", to=[{"effect": "NoExecute"}]),
        "a toleration with": changed(
            "relays", "tolerations", to=[{"operator": "Exists", "value": "v"}]
        ),
        "only the effect": changed(
            "relays", "tolerations", to=[{"key": "k", "tolerationSeconds": 1}]
        ),
        "the part before": changed("relays", "tolerations", to=[{"key": "a" * 254 + "/b"}]),
        "at least one of": changed("listeners", to={}),
        "tcp and tls": changed(
            "listeners", to={"tcp": {"port": 443}, "tls": {"port": 443, "secretName": "t"}}
        ),
        "browsers refuse": changed("listeners", to={"udp": {"port": 500}}),
        "max must be": changed("relayPorts", to={"min": 2000, "max": 2098}),
        "rotateEvery must be": changed("auth", to={"rotateEvery": "2h", "credentialTTL": "90m"}),
        "must be from 2m": changed("auth", "rotateEvery", to="8760h1s"),
        "must be from 1m": changed("auth", "credentialTTL", to="59s"),
        "must be from 1s": changed("drain", "timeout", to="0s"),
        "must be a network": changed("peers", "deny", to=["10.0.0.1/8"]),
        "may not begin": changed("peers", "deny", to=["::/8"]),
        "needs a prefix": changed("peers", "allow", to=["0.0.0.0/0"]),
        "clients could not": changed("externalRelays", to=[{**external, "hostname": "a"}]),
        "must be an IPv4": relay(addresses=["192.0.2.01"]),
        "must be an address": relay(addresses=["224.0.0.1"]),
        "at most one address": relay(addresses=["192.0.2.1", "192.0.2.2"]),
    }


VIOLATIONS = _violations()
del VIOLATIONS["clients could not"]["spec"]["externalRelays"][0]["hostname"]


@pytest.mark.parametrize("beginning", VIOLATIONS)
def test_a_manifest_breaks_the_rule_that(beginning: str) -> None:
    assert any(m.startswith(beginning) for m in admission.violations(VIOLATIONS[beginning]))


def test_every_rule_is_broken_by_one_of_these_manifests() -> None:
    untested = {
        rule["message"]
        for rule in admission.rules()
        if not any(rule["message"].startswith(beginning) for beginning in VIOLATIONS)
    }

    assert untested == set()


@pytest.mark.parametrize("file", turnregions.examples(), ids=lambda file: file.name)
def test_the_shipped_example_is_valid_and_has_no_unread_field(file: Path) -> None:
    (manifest,) = manifests.read_bytes(file.read_bytes(), file.name)

    assert manifest.problems == ()
    assert manifest.unknown == ()
    assert admission.refusal(turnregions.example(str(file))) is None


def _one_machine() -> list[region.RegionSpec]:
    folder = turnregions.EXAMPLES / "one-machine"
    read = [manifests.read_bytes(file.read_bytes(), file.name) for file in folder.iterdir()]
    return [m.spec for found in read for m in found if m.spec]


def test_the_example_fleet_fits_on_one_address() -> None:
    regions = _one_machine()
    ports = [p for r in regions for p in {r.listeners.udp, r.listeners.tcp, r.listeners.tls}]
    ranges = sorted((r.relay_ports.min, r.relay_ports.max) for r in regions)

    assert {r.name for r in regions} == {"eu-central", "us-east", "ap-southeast"}
    assert len(set(ports)) == len(ports)
    assert all(len(r.relay_ports) >= 2000 for r in regions)
    assert all(a[1] < b[0] for a, b in itertools.pairwise(ranges))
    assert [r.name for r in regions if r.residency] == ["eu-central"]
