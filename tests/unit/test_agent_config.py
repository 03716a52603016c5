"""Reading config.json: a configuration, or every problem it has."""

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import agents

from turnrelay import config, placing


def problems(**changes: object) -> dict[str, str]:
    found = config.parse(json.dumps(agents.document(**changes)).encode())
    assert isinstance(found, tuple), "it should be refused"
    return {problem.path: problem.sentence for problem in found}


def read(**changes: object) -> config.Config:
    found = config.parse(json.dumps(agents.document(**changes)).encode())
    assert isinstance(found, config.Config), found
    return found


def test_a_rendered_configuration_is_read_whole() -> None:
    found = read(listeners={"udp": 3478, "tls": 443}, families=["IPv4", "IPv6"])
    assert found.listeners == config.Listeners(udp=3478, tcp=None, tls=443)
    assert found.families == {4, 6}
    assert len(found.relay_ports) == 848
    assert found.live.allocations_per_relay == 1000
    assert found.live.bandwidth_per_relay is None


@pytest.mark.parametrize(
    ("path", "changes"),
    [
        ("realm", {"realm": "x'; drop table turn_secret; --"}),
        ("realm", {"realm": "a\nno-auth"}),
        ("region", {"region": None}),
        ("listeners", {"listeners": {}}),
        ("listeners", {"listeners": []}),
        ("listeners.udp", {"listeners": {"udp": True}}),
        ("listeners.udp", {"listeners": {"udp": 3478.5}}),
        ("listeners.udp", {"listeners": {"udp": 50000}, "relayPorts": {"min": 49152}}),
        ("listeners.tls", {"listeners": {"tcp": 3478, "tls": 3478}}),
        ("relayPorts", {"relayPorts": {"min": 50000, "max": 40000}}),
        ("relayPorts.max", {"relayPorts": {"min": 50000, "max": 1 << 40}}),
        ("families", {"families": []}),
        ("families[0]", {"families": ["IPv5"]}),
        ("families[0]", {"families": [["IPv4"]]}),
        ("drainTimeout", {"drainTimeout": -1}),
        ("agentPort", {"agentPort": "9641"}),
        ("live.allocationsPerUser", {"live_allocationsPerUser": 0}),
        ("live.bandwidthPerRelay", {"live_bandwidthPerRelay": "1G"}),
        ("live.bandwidthPerAllocation", {"live_bandwidthPerAllocation": 0}),
        ("live.peers", {"live_peers": "10.0.0.0/8"}),
        ("live.peers.deny[0]", {"live_peers": {"deny": ["10.0.0.0/8\nallow"]}}),
        ("live.peers.deny[0]", {"live_peers": {"deny": ["fe80::1%eth0"]}}),
        ("live.peers.allow[1]", {"live_peers": {"allow": ["10.0.0.1", "10.0.0.1/8"]}}),
        ("live.peers.allow", {"live_peers": {"allow": ["10.0.0.1"] * 1001}}),
        ("live.closed", {"live_closed": "no"}),
        ("live.hostname", {"live_hostname": ["turn.example.com"]}),
        ("live.hostname", {"live_hostname": "turn.example.com\n"}),
    ],
)
def test_a_hostile_value_is_named_by_its_path(path: str, changes: dict[str, object]) -> None:
    assert path in problems(**changes)


def test_all_problems_are_told_at_once() -> None:
    assert len(problems(realm="", families=["x"], drainTimeout="soon", listeners={})) == 4


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"null", b"[]", b"\xff\xfe", b"[" * 100_000, b"x" * (config.SIZE_MAX + 1)],
)
def test_what_is_no_json_object_is_refused_in_one_sentence(content: bytes) -> None:
    assert len(config.parse(content)) == 1  # type: ignore[arg-type]


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(string.printable, max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(sorted(agents.document())), json_values))
def test_no_document_makes_it_raise(changes: dict[str, object]) -> None:
    document = {**agents.document(), **changes}
    config.parse(json.dumps(document).encode())


def test_only_what_needs_a_new_relay_changes_the_digest() -> None:
    assert read().digest == read(live_allocationsPerUser=7).digest
    assert read().digest == read(drainTimeout=7).digest
    assert read().digest != read(realm="other.example.com").digest


def place(
    addresses: str, *, bind: tuple[str, ...], families: list[str], own: str | None = None
) -> object:
    return placing.place(
        settings=read(families=families),
        bind=bind,
        addresses=addresses.encode(),
        is_own=lambda address: address == own,
    )


def test_public_addresses_are_matched_with_own_ones_by_family() -> None:
    found = place(
        "2001:DB8::0:1, 198.51.100.7\n", bind=("10.0.0.5", "fd00::5"), families=["IPv4", "IPv6"]
    )
    assert found == placing.Placing(
        bind=("10.0.0.5", "fd00::5"), public=("198.51.100.7", "2001:db8::1")
    )


def test_a_public_address_that_the_machine_has_is_served_as_it_is() -> None:
    found = place("198.51.100.7", bind=("10.0.0.5",), families=["IPv4"], own="198.51.100.7")
    assert found == placing.Placing(bind=("198.51.100.7",), public=("198.51.100.7",))


def test_an_own_public_address_needs_no_other_one_of_its_family() -> None:
    found = place(
        "198.51.100.7,2001:db8::1",
        bind=("10.0.0.5",),
        families=["IPv4", "IPv6"],
        own="2001:db8::1",
    )
    assert found == placing.Placing(
        bind=("10.0.0.5", "2001:db8::1"), public=("198.51.100.7", "2001:db8::1")
    )


@pytest.mark.parametrize(
    ("addresses", "bind", "families", "sentence"),
    [
        ("", ("10.0.0.5",), ["IPv4"], "no public address is known yet"),
        ("2001:db8::1", ("10.0.0.5",), ["IPv4"], "no public IPv4 address is known yet"),
        ("2001:db8::1", ("10.0.0.5",), ["IPv6"], "no IPv6 address to bind"),
        ("not-an-address", ("10.0.0.5",), ["IPv4"], "is not an IP address"),
        ("\x00\xff", ("10.0.0.5",), ["IPv4"], "is not an IP address"),
        ("198.51.100.7," * 17, ("10.0.0.5",), ["IPv4"], "17 addresses are given"),
    ],
)
def test_an_address_that_does_not_fit_is_said(
    addresses: str, bind: tuple[str, ...], families: list[str], sentence: str
) -> None:
    found = place(addresses, bind=bind, families=families)
    assert isinstance(found, tuple)
    assert sentence in str(found[0])
