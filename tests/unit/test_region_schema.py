"""What the TurnRegion schema promises: bounds on everything, rules that bite, safe defaults."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support import admission, invalid_edits, turnregions

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
    messages = [rule.message for rule in admission.rules()]

    assert all(message and "\n" not in message for message in messages)


@pytest.mark.parametrize("edit", invalid_edits.EDITS, ids=str)
def test_an_edit_breaks_the_rule_at(edit: invalid_edits.Edit) -> None:
    broken = admission.violations(edit.of(turnregions.example("minimal.yaml")))

    assert any(edit.breaks(rule) for rule in broken)


def test_every_rule_is_broken_by_one_of_these_edits() -> None:
    assert invalid_edits.unbroken() == ()


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
