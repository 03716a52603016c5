"""Peer ranges as coturn reads them, by both ways that coturn has of comparing addresses."""

import ipaddress

from hypothesis import given
from hypothesis import strategies as st

from turnrelay import ranges

SPECIAL = (
    "127.0.0.1", "169.254.169.254", "10.9.8.7", "::1", "::7f00:0", "::127.0.0.1",
    "::ffff:10.0.0.1", "64:ff9b::a00:1", "fd00:ec2::254", "fe80::1", "ff02::1",
)  # fmt: skip

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def ends(text: str) -> tuple[bytes, bytes]:
    low, _, high = text.partition("-")
    return ipaddress.ip_address(low).packed, ipaddress.ip_address(high or low).packed


def by_bytes(text: str, address: bytes) -> bool:
    """Compare as coturn did up to 4.15."""
    low, high = ends(text)
    return len(low) == len(address) and all(
        a <= b <= c for a, b, c in zip(low, address, high, strict=True)
    )


def by_order(text: str, address: bytes) -> bool:
    """Compare as coturn does since 4.16."""
    low, high = ends(text)
    return len(low) == len(address) and low <= address <= high


def holds(whole: ranges.Network, address: Address) -> set[bool]:
    written = ranges.render(whole)
    return {any(rule(text, address.packed) for text in written) for rule in (by_bytes, by_order)}


def network(address: Address, prefix: int) -> ranges.Network:
    return ipaddress.ip_network((address, prefix % (address.max_prefixlen + 1)), strict=False)


zeros = st.sampled_from([ipaddress.ip_address(bytes(4)), ipaddress.ip_address(bytes(16))])
networks = st.builds(network, st.ip_addresses() | zeros, st.integers(0, 128))


@given(networks, st.ip_addresses(), st.integers(0))
def test_a_range_holds_exactly_its_network(
    whole: ranges.Network, stranger: Address, at: int
) -> None:
    member = whole[at % whole.num_addresses]
    if int(member) != 0:
        assert holds(whole, member) == {True}
    if int(stranger) != 0:
        assert holds(whole, stranger) == {stranger in whole}


@given(networks)
def test_no_range_begins_or_stands_alone_as_a_wildcard(whole: ranges.Network) -> None:
    for text in ranges.render(whole):
        low, _, high = text.partition("-")
        assert low != "::"
        assert "/" not in text
        assert high or int(ipaddress.ip_address(low)) != 0


def test_the_built_in_list_holds_every_range_once() -> None:
    assert len(ranges.BUILT_IN) == len(set(ranges.built_in())) == 27


def test_special_addresses_of_the_standard_library_are_denied_too() -> None:
    for text in SPECIAL:
        address = ipaddress.ip_address(text)
        assert any(True in holds(denied, address) for denied in ranges.built_in()), text


def test_what_no_allowance_makes_a_peer_is_ipv6_of_three_kinds_as_a_whole() -> None:
    for text in ("fc00::/7", "fd00::1", "fe80::/64", "fec0::1"):
        assert ranges.is_never_peer(ipaddress.ip_network(text))
    for text in ("f000::/4", "2001:db8::1", "ff02::1", "10.0.0.0/8", "169.254.0.1"):
        assert not ranges.is_never_peer(ipaddress.ip_network(text))
