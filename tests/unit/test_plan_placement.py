"""Where relays of one machine go, and which regions are refused."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnfleet.model import region
from turnfleet.plan import placement, ports

LOOPBACK = placement.Loopback(block=100)
SHARED = placement.Shared(address="192.0.2.10", block=100)


def spec(
    name: str,
    *,
    replicas: int = 2,
    udp: int | None = 3478,
    tcp: int | None = 3478,
    tls: int | None = None,
    relay_ports: tuple[int, int] = (50000, 50999),
    families: tuple[region.Family, ...] = (region.Family.IPV4,),
    agent_port: int = 9641,
) -> region.RegionSpec:
    return region.RegionSpec(
        name=name,
        latitude=0,
        longitude=0,
        realm="turn.example.com",
        relays=region.Relays(replicas=replicas),
        listeners=region.Listeners(udp=udp, tcp=tcp, tls=tls),
        relay_ports=region.PortRange(min=relay_ports[0], max=relay_ports[1]),
        addresses=region.Addresses(families=families),
        agent_port=agent_port,
    )


def addresses(placed: placement.Placement) -> dict[str, str]:
    return {place.key.relay: place.address for place in placed.places}


def test_every_relay_on_loopback_has_an_address_of_its_own() -> None:
    placed = placement.place(specs=[spec("b"), spec("a")], ground=LOOPBACK)
    assert addresses(placed) == {
        "a-1": "127.100.1.1",
        "a-2": "127.100.1.2",
        "b-1": "127.100.2.1",
        "b-2": "127.100.2.2",
    }
    assert {(place.node, place.zone) for place in placed.places} == {
        ("node-1", "a"),
        ("node-2", "b"),
    }


def test_a_region_keeps_its_addresses_when_others_come_and_go() -> None:
    first = placement.place(specs=[spec("b"), spec("c")], ground=LOOPBACK)
    second = placement.place(specs=[spec("a"), spec("c")], ground=LOOPBACK, before=first.places)
    assert addresses(second)["c-1"] == "127.100.2.1"
    assert addresses(second)["a-1"] == "127.100.3.1", "b's relays are still there, draining"
    third = placement.place(specs=[spec("a"), spec("c")], ground=LOOPBACK, before=second.places)
    assert third == second


def test_relays_that_share_an_address_get_ports_of_their_own() -> None:
    placed = placement.place(specs=[spec("a", replicas=2, tls=5349)], ground=SHARED)
    one, two = placed.places
    assert one.listeners == region.Listeners(udp=3478, tcp=3478, tls=5349)
    assert two.listeners == region.Listeners(udp=3488, tcp=3488, tls=5359)
    assert (one.relay_ports.min, one.relay_ports.max) == (50000, 50499)
    assert (two.relay_ports.min, two.relay_ports.max) == (50500, 50999)
    assert {place.address for place in placed.places} == {"192.0.2.10"}
    assert one.agent.address == "127.100.1.1", "an agent is never on the network"


def test_regions_that_overlap_on_a_shared_address_are_refused_in_a_sentence() -> None:
    placed = placement.place(
        specs=[spec("a"), spec("b", relay_ports=(52000, 52999))], ground=SHARED
    )
    assert {place.key.region for place in placed.places} == {"a"}
    assert placed.refused == {
        "b": "Region b wants b-1's udp port 3478/udp, which overlaps a-1's udp port 3478/udp."
    }


def test_overlapping_relay_ports_are_refused() -> None:
    other = spec("b", udp=4478, tcp=4478, relay_ports=(50900, 51900))
    placed = placement.place(specs=[spec("a"), other], ground=SHARED)
    assert "relay ports 50500-50999/udp" in placed.refused["b"]


def test_the_newcomer_gives_way_whatever_its_name() -> None:
    before = placement.place(specs=[spec("z")], ground=SHARED).places
    placed = placement.place(specs=[spec("a"), spec("z")], ground=SHARED, before=before)
    assert set(placed.refused) == {"a"}


def test_a_port_of_a_draining_relay_is_not_free() -> None:
    before = placement.place(specs=[spec("gone")], ground=SHARED).places
    placed = placement.place(specs=[spec("new")], ground=SHARED, before=before)
    assert "overlaps gone-1's udp port 3478/udp" in placed.refused["new"]


def test_moving_the_relay_ports_of_a_region_is_no_clash_with_itself() -> None:
    before = placement.place(specs=[spec("a")], ground=SHARED).places
    moved = spec("a", relay_ports=(50000, 50599))
    assert not placement.place(specs=[moved], ground=SHARED, before=before).refused


def test_a_low_port_without_root_is_refused_with_what_to_do() -> None:
    placed = placement.place(specs=[spec("a", tls=443)], ground=LOOPBACK, lowest_port=1024)
    assert placed.refused["a"] == (
        "Region a listens on a-1's tls port 443/tcp, and ports below 1024 need root here: choose "
        "ports from 1024 on, or run as root."
    )
    assert not placement.place(specs=[spec("a", tls=443)], ground=LOOPBACK).refused


def test_a_port_of_the_endpoint_is_taken() -> None:
    endpoint = ports.Claim(
        owner="the endpoint",
        purpose="port",
        protocol="tcp",
        address="0.0.0.0",  # noqa: S104 - a value, never bound
        first=8080,
        last=8080,
    )
    placed = placement.place(specs=[spec("a", tcp=8080)], ground=LOOPBACK, taken=[endpoint])
    assert "overlaps the endpoint's port 8080/tcp" in placed.refused["a"]


@pytest.mark.parametrize(
    ("wrong", "part"),
    [
        (spec("a", families=(region.Family.IPV6,)), "does not publish IPv4"),
        (spec("a", replicas=300), "holds 254 regions of 254 relays"),
        (spec("a", agent_port=3478), "agent port 3478/tcp, which overlaps a-1's tcp port"),
        (spec("a", udp=50001), "relay ports 50000-50999/udp, which overlaps a-1's udp"),
    ],
)
def test_what_cannot_be_placed_on_loopback_is_refused(wrong: region.RegionSpec, part: str) -> None:
    placed = placement.place(specs=[wrong], ground=LOOPBACK)
    assert part in placed.refused["a"]
    assert not placed.places


@pytest.mark.parametrize(
    ("wrong", "part"),
    [
        (spec("a", udp=65530, relay_ports=(50000, 50001)), "are beyond port 65535"),
        (spec("a", relay_ports=(50000, 50000)), "fewer relay ports than relays"),
        (spec("a", tcp=3478, tls=3488), "overlaps a-2's tcp port 3488/tcp"),
    ],
)
def test_what_cannot_share_an_address_is_refused(wrong: region.RegionSpec, part: str) -> None:
    assert part in placement.place(specs=[wrong], ground=SHARED).refused["a"]


def test_one_machine_is_one_node() -> None:
    everywhere = region.RegionSpec(
        name="a",
        latitude=0,
        longitude=0,
        realm="r",
        relays=region.Relays(placement=region.Placement.EVERY_NODE),
    )
    assert len(placement.place(specs=[everywhere], ground=LOOPBACK).places) == 1


# --- properties -------------------------------------------------------------------------------

SPECS = st.lists(
    st.builds(
        spec,
        st.sampled_from("abcdef"),
        replicas=st.integers(1, 4),
        udp=st.sampled_from([3478, 3488, 4478, 50010]),
        tcp=st.sampled_from([None, 3478, 4478]),
        relay_ports=st.sampled_from([(50000, 50003), (50004, 50999), (51000, 52000)]),
    ),
    unique_by=lambda each: each.name,
    max_size=5,
)
GROUNDS = st.sampled_from([LOOPBACK, SHARED])


@given(specs=SPECS, ground=GROUNDS, data=st.data())
def test_order_does_not_matter(
    specs: list[region.RegionSpec], ground: placement.Ground, data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(specs))
    assert placement.place(specs=specs, ground=ground) == placement.place(
        specs=shuffled, ground=ground
    )


@given(first=SPECS, second=SPECS, ground=GROUNDS)
def test_placing_again_changes_nothing_and_no_port_is_given_twice(
    first: list[region.RegionSpec], second: list[region.RegionSpec], ground: placement.Ground
) -> None:
    before = placement.place(specs=first, ground=ground).places
    now = placement.place(specs=second, ground=ground, before=before)
    again = placement.place(specs=second, ground=ground, before=now.places)
    kept = {place.key: place for place in again.places}
    assert all(kept[place.key] == place for place in now.places)
    _assert_disjoint(again.places)


def _assert_disjoint(places: Sequence[placement.Place]) -> None:
    claims = [claim for place in places for claim in placement.claims(place)]
    assert ports.first_clash(claims, claims) is None
