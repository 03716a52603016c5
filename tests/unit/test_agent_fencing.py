"""The guard's rules as a text: what nft takes, whatever ports and networks are given."""

import ipaddress
import itertools
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import fences

from turnrelay import fencing, guarding, ranges

FENCE = fencing.Fence(
    group=7,
    owner="one",
    listeners=(3478,),
    relay_ports=(fencing.Ports(49152, 65535),),
    denied=(ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fc00::/7")),
    allowed=(ipaddress.ip_network("10.7.0.0/24"),),
)


def rules(found: fencing.Fence) -> list[str]:
    """Return the rules that only relays' packets come to, in their order."""
    _, _, rest = fencing.text(found).partition("chain relayed {\n")
    return [line.strip() for line in rest.partition("}\n  chain")[0].splitlines() if line.strip()]


def sets(text: str) -> list[list[str]]:
    return [found.split(", ") for found in re.findall(r"\{ ([^}\n]+) \}", text)]


def test_the_rules_are_the_table_of_the_module() -> None:
    assert rules(FENCE) == [
        "udp sport { 3478 } accept",
        "udp dport { 3478, 49152-65535 } accept",
        "fib daddr type local counter udp dport set 0 accept",
        "ip daddr { 10.7.0.0/24 } accept",
        "ip daddr { 10.0.0.0/8 } counter udp dport set 0 accept",
        "ip6 daddr { fc00::/7 } counter udp dport set 0 accept",
    ]


def test_the_table_is_replaced_in_one_transaction() -> None:
    lines = fencing.text(FENCE).splitlines()
    assert lines[:3] == [
        "table inet turnfleet",
        "delete table inet turnfleet",
        "table inet turnfleet {",
    ]


@given(fences.FENCES)
def test_only_packets_that_have_the_group_come_to_the_rules(found: fencing.Fence) -> None:
    # One that has no socket, as a tunnel's, has no group: "unless it has another" would catch it.
    lines = [line.strip() for line in fencing.text(found).splitlines()]
    _hook, *entries = lines[lines.index("chain output {") + 1 :]
    assert entries == [f"meta skgid {found.group} meta l4proto udp jump relayed", "}", "}"]


@given(fences.FENCES)
def test_nothing_is_opened_before_the_node_itself_is_closed_but_ports(found: fencing.Fence) -> None:
    order = [rule.split()[0] for rule in rules(found)]
    local = order.index("fib")
    assert set(order[:local]) <= {"udp"}
    assert set(order[local + 1 :]) <= {"ip", "ip6"}


@given(fences.FENCES)
def test_nothing_passes_for_a_listeners_answer_that_an_allocation_could_send(
    found: fencing.Fence,
) -> None:
    answering = [rule for rule in rules(found) if rule.startswith("udp sport")]
    sources = {end for rule in answering for each in sets(rule)[0] for end in each.split("-")}
    for low, high in found.relay_ports:
        assert not any(low <= int(port) <= high for port in sources)


def test_a_listener_of_one_region_within_the_relay_ports_of_another_is_no_way_out() -> None:
    assert rules(replace(FENCE, listeners=(3478, 50000)))[0] == "udp sport { 3478 } accept"
    assert rules(replace(FENCE, listeners=(50000,)))[0] == "udp dport { 49152-65535 } accept"


@given(fences.FENCES)
def test_no_packet_is_dropped_where_coturn_would_hear_of_it(found: fencing.Fence) -> None:
    assert not {"drop", "reject"} & set(fencing.text(found).split())


@given(st.lists(fences.PORTS, min_size=1, max_size=6))
def test_ports_are_neither_lost_nor_told_twice(given_ports: list[fencing.Ports]) -> None:
    text = rules(replace(FENCE, relay_ports=given_ports, listeners=()))[0]
    (elements,) = sets(text)
    told = [int(end) for each in elements for end in (each.split("-")[0], each.split("-")[-1])]
    # Apart by more than one: neither overlapping nor touching.
    assert all(high + 1 < low for high, low in zip(told[1::2], told[2::2], strict=False))
    opened = {port for low, high in zip(told[::2], told[1::2], strict=True) for port in (low, high)}
    assert all(any(low <= p <= high for low, high in given_ports) for p in opened)
    for low, high in given_ports:
        assert any(a <= low and high <= b for a, b in zip(told[::2], told[1::2], strict=True))


@given(st.lists(fences.NETWORKS, max_size=8))
def test_networks_are_neither_lost_nor_told_twice(denied: list[ranges.Network]) -> None:
    texts = [
        rule for rule in rules(replace(FENCE, denied=denied, allowed=())) if rule.startswith("ip")
    ]
    told = [ipaddress.ip_network(each) for text in texts for found in sets(text) for each in found]
    for network in denied:
        assert len([one for one in told if _holds(one, network)]) == 1
    assert not any(one.overlaps(other) for one, other in itertools.combinations(told, 2))


def test_a_guard_knows_its_own_rules_and_no_others() -> None:
    listed = 'table inet turnfleet {\n\tcomment "guard one"\n}'
    assert fencing.is_owned(listed, "one")
    assert not fencing.is_owned(listed, "on")
    assert not fencing.is_owned(listed, "one-more")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--listener=0",), "'0' is not a port"),
        (("--relay-ports=50000",), "'' is not a port"),
        (("--relay-ports=50000-49999",), "'50000-49999' ends before it begins"),
        (("--deny=everything",), "'everything' is not a network such as 10.0.0.0/8"),
    ],
)
def test_a_guard_that_is_told_nonsense_says_what(
    words: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        guarding.run(["--instance=one", *words])
    assert ended.value.code == 2
    assert sentence in capsys.readouterr().err


def _holds(one: ranges.Network, other: ranges.Network) -> bool:
    return one.version == other.version and (
        int(one.network_address) <= int(other.network_address)
        and int(other.broadcast_address) <= int(one.broadcast_address)
    )
