"""From TurnRegions of any kind to regions: total, and never worse than what was known before."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies
from tests.support import replicas

from turnfleet.kube import holding
from turnfleet.model import region, signing
from turnfleet.sources import remembered, reported, roster
from turnrelay import contract

SPEC = region.RegionSpec(name="eu", latitude=0, longitude=0, realm="turn.example.com")
RELAY = replicas.a_relay("turn-eu-1", "203.0.113.7")


def objects(*found: dict[str, Any]) -> dict[holding.Key, dict[str, Any]]:
    return {key: each for each in found if (key := holding.key(each))}


def a_region(
    name: str = "eu", *, uid: str = "1", created: str = "2026-01-01T00:00:00Z", **more: Any
) -> dict[str, Any]:
    return replicas.a_turnregion(name, RELAY, uid=uid, creationTimestamp=created, **more)


def test_a_relay_has_what_the_operator_says() -> None:
    item = {**RELAY, "hostname": "a.turn.example.com", "agent": {"address": "10.0.0.1", "port": 9}}
    (relay,) = reported.read(SPEC, {"relays": [item]}).relays

    assert relay.addresses == ("203.0.113.7",)
    assert relay.listeners == region.Listeners(udp=3478, tcp=3478)
    assert relay.state is contract.State.READY
    assert relay.hostname == "a.turn.example.com"
    assert relay.agent is not None
    assert relay.agent.port == 9
    assert relay.since == 1767225600


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"name": ""}, "it has no name"),
        ({"state": "Dancing"}, "nothing is known of the state 'Dancing'"),
        ({"state": None}, "nothing is known of the state"),
        ({"addresses": ["::", "nonsense", 3]}, "Ready without an address"),
        ({"addresses": "203.0.113.7"}, "Ready without an address"),
        ({"ports": {}}, "it has no port"),
        ({"ports": {"udp": 70000}}, "its udp port is none"),
        ({"ports": {"udp": True}}, "its udp port is none"),
        ({"hostname": "https://evil.example/"}, "its hostname is none"),
    ],
)
def test_a_relay_that_makes_no_sense_is_left_out_and_its_neighbours_stay(
    changed: dict[str, Any], sentence: str
) -> None:
    good = replicas.a_relay("good", "203.0.113.8")
    relays, complaints = reported.read(SPEC, {"relays": [{**RELAY, **changed}, good, good, 3]})

    assert [relay.name for relay in relays] == ["good"]
    assert sentence in complaints[0]
    assert "it is there twice" in complaints[1]


def test_a_relay_that_starts_needs_no_address_and_old_operators_no_ports() -> None:
    relays, complaints = reported.read(SPEC, {"relays": [{"name": "new", "state": "Starting"}]})

    assert relays[0].listeners == SPEC.listeners
    assert not complaints


def test_an_address_of_each_family_is_enough() -> None:
    item = {**RELAY, "addresses": ["203.0.113.7", "203.0.113.8", "2001:DB8::1"]}
    (relay,) = reported.read(SPEC, {"relays": [item]}).relays

    assert relay.addresses == ("203.0.113.7", "2001:db8::1")


json_values = strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.integers() | strategies.text(),
    lambda inner: strategies.lists(inner) | strategies.dictionaries(strategies.text(), inner),
    max_leaves=6,
)
relay_items = strategies.dictionaries(strategies.sampled_from(sorted(RELAY)), json_values)


@given(
    json_values
    | strategies.fixed_dictionaries({"relays": strategies.lists(relay_items, max_size=3)})
)
def test_whatever_a_status_holds_reading_it_ends_well(status: object) -> None:
    reported.read(SPEC, status)


@given(
    strategies.dictionaries(strategies.sampled_from(["metadata", "spec", "status"]), json_values)
)
def test_whatever_an_object_holds_the_others_are_regions(found: dict[str, Any]) -> None:
    there = {**objects(a_region()), holding.Key("media", "odd"): found}

    assert [each.spec.name for each in roster.follow(roster.Roster(), there).regions] == ["eu"]


def test_an_invalid_edit_keeps_the_last_valid_spec_and_takes_new_relays() -> None:
    first = roster.follow(roster.Roster(), objects(a_region(spec={"weight": 7})))
    broken = a_region(spec={"weight": -1})
    broken["status"]["relays"].append(replicas.a_relay("turn-eu-2", "203.0.113.8"))
    second = roster.follow(first, objects(broken))

    assert second.regions[0].spec.weight == 7
    assert len(second.regions[0].relays) == 2
    assert "spec.weight" in second.complaints[0]
    assert roster.follow(second, objects(a_region(spec={"weight": 9}))).regions[0].spec.weight == 9


def test_another_region_of_that_name_has_nothing_of_the_last_one() -> None:
    first = roster.follow(roster.Roster(), objects(a_region()))
    second = roster.follow(first, objects(a_region(uid="2", spec={"weight": -1})))

    assert not second.regions
    assert "it is not offered" in second.complaints[0]


def test_of_two_regions_with_one_name_the_older_has_it_and_then_the_other() -> None:
    old = a_region(uid="9", namespace="b", spec={"weight": 1})
    new = a_region(uid="1", namespace="a", created="2026-01-01T00:00:01Z", spec={"weight": 2})
    twin = a_region(uid="8", namespace="c", spec={"weight": 3})

    both = roster.follow(roster.Roster(), objects(old, new))
    assert [each.spec.weight for each in both.regions] == [1]
    assert both.complaints[0].startswith("NameTaken: TurnRegion a/eu")
    assert roster.follow(both, objects(new)).regions[0].spec.weight == 2
    assert roster.follow(both, objects(twin, new, old)).regions[0].spec.weight == 1  # b is before c


def test_a_region_that_is_being_deleted_is_gone_at_once() -> None:
    going = a_region(deletionTimestamp="2026-01-02T00:00:00Z")

    assert not roster.follow(roster.Roster(), objects(going)).regions


def test_what_did_not_change_is_the_same_object() -> None:
    found = objects(a_region())
    first = roster.follow(roster.Roster(), found)
    again = roster.follow(first, {**found, **objects(a_region("us"))})
    rewritten = roster.follow(again, objects(a_region()))

    assert again.regions[0] is first.regions[0]
    assert rewritten.regions[0] is first.regions[0]


def test_what_is_remembered_makes_the_same_regions_even_of_an_invalid_edit(tmp_path: Path) -> None:
    valid = roster.follow(roster.Roster(), objects(a_region(spec={"weight": 7}), a_region("us")))
    before = roster.follow(valid, objects(a_region(spec={"weight": -1}), a_region("us")))
    memory = remembered.Memory(tmp_path / "state")
    memory.save(before.remembered(), heard=12.0)
    loaded = memory.load()

    assert loaded is not None
    assert loaded.heard == 12.0
    after = roster.follow(roster.Roster(), loaded.objects)
    assert after.regions == before.regions
    live = roster.follow(after, objects(a_region(spec={"weight": -2})))
    assert live.regions[0].spec.weight == 7


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "3",
        '{"format": 2}',
        '{"format": 1, "heard": NaN, "regions": []}',
        "[" * 99999,
    ],
)
def test_a_file_that_makes_no_sense_is_as_if_there_was_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "fleet.json").write_text(text)
    with pytest.raises(remembered.Unusable):
        remembered.Memory(tmp_path).load()


def test_no_file_is_no_fleet_and_a_full_disk_keeps_the_old_one(tmp_path: Path) -> None:
    memory = remembered.Memory(tmp_path)
    assert memory.load() is None
    memory.save([], heard=1.0)
    (tmp_path / ".fleet.json.new").mkdir()  # in the way of a draft
    with pytest.raises(remembered.Unusable):
        memory.save([a_region()], heard=2.0)
    assert json.loads((tmp_path / "fleet.json").read_text())["heard"] == 1.0


def test_keys_are_read_whole_or_not_at_all_and_never_shown() -> None:
    entries = {
        "fleet-key": b"ab" * 32 + b"\n",
        "region.eu": b" a secret of the tests\n",
        "region.us": b"short",
        "region.ap": b"\xff" * 20,
        "region.sa": b"two lines\nof a secret",
        "other": b"not ours",
    }
    keys, complaints = signing.read(entries)

    assert keys is not None
    assert keys.fleet_key == bytes.fromhex("ab" * 32)
    assert {name: found.value for name, found in keys.regions.items()} == {
        "eu": b"a secret of the tests"
    }
    assert len(complaints) == 3
    assert "ab" not in repr(keys)
    assert signing.read({**entries, "fleet-key": b"ab"})[0] is None
    assert dataclasses.is_dataclass(keys)


def test_agents_know_the_key_that_is_derived_from_the_fleets() -> None:
    assert signing.agent_key(bytes(32)) == signing.agent_key(bytes(32))
    assert len(signing.agent_key(bytes(32))) == 64
    assert signing.agent_key(bytes(32)) != signing.agent_key(b"1" * 32)
