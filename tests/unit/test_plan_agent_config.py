"""What an agent is told, and which edits need a new process."""

import json
from dataclasses import replace
from typing import Any

import pytest

from turnfleet.model import region
from turnfleet.plan import agent_config
from turnrelay import config

SPEC = region.RegionSpec(
    name="eu-central", latitude=50.11, longitude=8.68, realm="turn.example.com"
)


def render(spec: region.RegionSpec, **given: Any) -> agent_config.Configuration:
    asked: dict[str, Any] = {
        "listeners": spec.listeners,
        "relay_ports": spec.relay_ports,
        "families": spec.addresses.families,
        "hostname": spec.addresses.hostname,
    }
    return agent_config.render(spec=spec, **(asked | given))


def test_the_agent_understands_what_is_rendered() -> None:
    spec = replace(
        SPEC,
        listeners=region.Listeners(udp=3478, tls=5349, tls_secret_name="turn-tls"),
        limits=region.Limits(allocations_per_user=7, bandwidth_per_relay=1_000_000),
        peers=region.Peers(deny=("203.0.113.0/24",), allow=("10.1.2.3/32",)),
        drain_timeout=90,
    )
    read = config.parse(render(spec, peers=("127.100.1.1",)).text.encode())
    assert isinstance(read, config.Config)
    assert (read.listeners.udp, read.listeners.tcp, read.listeners.tls) == (3478, None, 5349)
    assert read.drain_timeout == 90
    assert read.live.allocations_per_user == 7
    assert {str(network) for network in read.live.allow} == {"10.1.2.3/32", "127.100.1.1/32"}


@pytest.mark.parametrize(
    "edit",
    [
        {"limits": region.Limits(allocations_per_user=1)},
        {"peers": region.Peers(deny=("198.51.100.0/24",))},
        {"drain_timeout": 1},
    ],
)
def test_a_live_edit_changes_the_text_and_not_the_revision(edit: dict[str, Any]) -> None:
    before, after = render(SPEC), render(replace(SPEC, **edit))
    assert before.revision == after.revision
    assert before.text != after.text


@pytest.mark.parametrize(
    "edit",
    [{"weight": 0}, {"latitude": 1.0}, {"residency": "eu"}, {"max_unavailable": 2}],
)
def test_an_edit_that_concerns_no_relay_changes_nothing(edit: dict[str, Any]) -> None:
    assert render(SPEC) == render(replace(SPEC, **edit))


@pytest.mark.parametrize(
    "edit",
    [
        {"realm": "other.example.com"},
        {"listeners": region.Listeners(udp=3479)},
        {"relay_ports": region.PortRange(min=50000, max=50999)},
        {"agent_port": 9642},
        {"addresses": region.Addresses(families=(region.Family.IPV6,))},
    ],
)
def test_an_edit_of_a_socket_or_the_realm_changes_the_revision(edit: dict[str, Any]) -> None:
    assert render(SPEC).revision != render(replace(SPEC, **edit)).revision


def test_the_order_of_peers_changes_nothing() -> None:
    assert render(SPEC, peers=("127.0.0.2", "127.0.0.3")) == render(
        SPEC, peers=("127.0.0.3", "127.0.0.2")
    )


def test_only_relays_in_denied_ranges_are_listed_as_peers() -> None:
    spec = replace(SPEC, peers=region.Peers(deny=("8.8.8.0/24",)))
    fleet = ("127.100.1.1", "10.0.0.1", "8.8.8.8", "9.9.9.9", "2a00::1", "fd00::1")
    assert agent_config.fleet_peers(spec=spec, addresses=fleet) == (
        "10.0.0.1",
        "127.100.1.1",
        "8.8.8.8",
        "fd00::1",
    )


def test_a_listener_that_is_off_is_absent() -> None:
    spec = replace(SPEC, listeners=region.Listeners(udp=3478))
    assert json.loads(render(spec).text)["listeners"] == {"udp": 3478}


def test_agent_and_operator_hash_what_is_live_alike() -> None:
    spec = replace(SPEC, peers=region.Peers(deny=("198.51.100.0/24",)))
    named = replace(SPEC, addresses=region.Addresses(hostname="{node}.turn.example.com"))
    for told in (render(SPEC), render(spec, peers=("10.0.0.7",)), render(named)):
        read = config.parse(told.text.encode())
        assert isinstance(read, config.Config)
        assert read.live.digest == told.live_hash
    assert len({render(each).live_hash for each in (SPEC, spec, named)}) == 3
    assert len({render(each).revision for each in (SPEC, spec, named)}) == 1
    assert render(SPEC).live_hash == render(replace(SPEC, drain_timeout=60)).live_hash
