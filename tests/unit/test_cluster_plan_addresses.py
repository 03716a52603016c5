"""Where public addresses of relays come from: the ladder, rung by rung."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnfleet.model import region
from turnfleet.plan.cluster import addresses, observed

IPV4, IPV6 = region.Family.IPV4, region.Family.IPV6
ANNOTATION = region.AddressSource.ANNOTATION
EXTERNAL = region.AddressSource.EXTERNAL_IP
INTERNAL = region.AddressSource.INTERNAL_IP
DNS = region.AddressSource.EXTERNAL_DNS
ALL = region.Addresses(sources=(ANNOTATION, EXTERNAL, INTERNAL, DNS))


def node(**there: tuple[str, ...]) -> observed.Node:
    return observed.Node(name="node-1", **there)  # type: ignore[arg-type]


def pod(*published: str, of: region.AddressSource | None = None) -> observed.Pod:
    return observed.Pod(
        name="a",
        uid="1",
        created=0.0,
        node="node-1",
        addresses=published,
        address_sources=() if of is None else (of,) * len(published),
    )


def rungs(found: addresses.Finding) -> list[tuple[str, region.AddressSource]]:
    return [(rung.address, rung.source) for rung in found.publish]


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        ({"annotated": ("192.0.2.1",), "external": ("192.0.2.2",)}, ("192.0.2.1", ANNOTATION)),
        ({"external": ("192.0.2.2",), "internal": ("10.0.0.1",)}, ("192.0.2.2", EXTERNAL)),
        ({"internal": ("10.0.0.1",), "dns": ("192.0.2.9",)}, ("10.0.0.1", INTERNAL)),
        ({"dns": ("192.0.2.9", "192.0.2.8")}, ("192.0.2.9", DNS)),
    ],
)
def test_the_highest_rung_that_has_an_address_counts(
    there: dict[str, tuple[str, ...]], expected: tuple[str, region.AddressSource]
) -> None:
    assert rungs(addresses.find(ALL, node(**there), pod())) == [expected]


def test_a_rung_that_is_not_written_does_not_count() -> None:
    found = addresses.find(region.Addresses(), node(internal=("10.0.0.1",)), pod())
    assert found == addresses.Finding(missing=(IPV4,))


def test_each_family_has_a_ladder_of_its_own_and_all_must_be_there() -> None:
    both = region.Addresses(families=(IPV4, IPV6))
    half = node(annotated=("2001:db8::1",))
    assert addresses.find(both, half, pod()) == addresses.Finding(missing=(IPV4,))
    whole = node(annotated=("2001:db8::1",), external=("192.0.2.1",))
    assert rungs(addresses.find(both, whole, pod())) == [
        ("192.0.2.1", EXTERNAL),
        ("2001:db8::1", ANNOTATION),
    ]


@pytest.mark.parametrize(
    "there",
    [
        {"external": ("192.0.2.1",)},
        {"external": ("192.0.2.7", "192.0.2.1")},
        {"external": ("192.0.2.1",), "internal": ("10.0.0.1",)},
    ],
)
def test_a_published_address_that_is_still_there_stays(there: dict[str, tuple[str, ...]]) -> None:
    found = addresses.find(ALL, node(**there), pod("192.0.2.1", of=EXTERNAL))
    assert found == addresses.Finding()


@pytest.mark.parametrize("there", [{}, {"internal": ("10.0.0.1",)}, {"dns": ("192.0.2.3",)}])
def test_a_published_address_never_falls_to_a_lower_rung(
    there: dict[str, tuple[str, ...]],
) -> None:
    found = addresses.find(ALL, node(**there), pod("192.0.2.1", of=EXTERNAL))
    assert found == addresses.Finding(stale=("192.0.2.1",))


@pytest.mark.parametrize(
    ("there", "other"),
    [
        ({"external": ("192.0.2.7",)}, "192.0.2.7"),
        ({"annotated": ("192.0.2.8",), "external": ("192.0.2.1",)}, "192.0.2.8"),
    ],
)
def test_another_address_on_the_same_rung_or_a_higher_one_means_another_relay(
    there: dict[str, tuple[str, ...]], other: str
) -> None:
    found = addresses.find(ALL, node(**there), pod("192.0.2.1", of=EXTERNAL))
    assert found == addresses.Finding(changed=(other,))


def test_an_address_from_nobody_knows_where_is_kept_while_in_doubt() -> None:
    found = addresses.find(ALL, node(internal=("10.0.0.1",)), pod("192.0.2.1"))
    assert found == addresses.Finding(stale=("192.0.2.1",))


def test_a_relay_whose_rung_is_not_declared_any_more_moves_to_one_that_is() -> None:
    only = region.Addresses(sources=(INTERNAL,))
    there = node(internal=("10.0.0.1",), external=("192.0.2.1",))
    found = addresses.find(only, there, pod("192.0.2.1", of=EXTERNAL))
    assert found == addresses.Finding(changed=("10.0.0.1",))


def test_nothing_is_said_of_a_pod_without_a_node() -> None:
    assert addresses.find(ALL, None, pod()) == addresses.Finding()


@pytest.mark.parametrize(
    ("template", "name", "address", "expected"),
    [
        ("{node}.turn.example.com", "node-1", "192.0.2.1", "node-1.turn.example.com"),
        ("{node}.t.example", "ip-10-0-0-1.eu.internal", "192.0.2.1", "ip-10-0-0-1.t.example"),
        ("{node}.t.example", "Node_1.x", "192.0.2.1", "node-1.t.example"),
        ("{address}.t.example", "a", "192.0.2.1", "192-0-2-1.t.example"),
        (
            "{address}.t.example",
            "a",
            "2001:db8::1",
            "2001-0db8-0000-0000-0000-0000-0000-0001.t.example",
        ),
    ],
)
def test_a_relay_is_named_by_its_node_or_its_address(
    template: str, name: str, address: str, expected: str
) -> None:
    declared = region.Addresses(hostname=template)
    assert addresses.hostname(declared, name, (address,)) == expected


def test_there_is_no_name_without_a_template_a_node_or_an_address() -> None:
    declared = region.Addresses(hostname="{node}.t.example")
    assert addresses.hostname(region.Addresses(), "a", ("192.0.2.1",)) is None
    assert addresses.hostname(declared, None, ("192.0.2.1",)) is None
    assert addresses.hostname(declared, "a", ()) is None


ADDRESSES = st.lists(
    st.integers(1, 4).map(lambda last: f"192.0.2.{last}"), max_size=3, unique=True
).map(tuple)


@given(
    annotated=ADDRESSES,
    external=ADDRESSES,
    internal=ADDRESSES,
    sources=st.permutations([ANNOTATION, EXTERNAL, INTERNAL]).map(tuple),
)
def test_what_has_just_been_published_is_right(
    annotated: tuple[str, ...],
    external: tuple[str, ...],
    internal: tuple[str, ...],
    sources: tuple[region.AddressSource, ...],
) -> None:
    declared = region.Addresses(sources=sources)
    there = node(annotated=annotated, external=external, internal=internal)
    found = addresses.find(declared, there, pod())
    if not found.publish:
        assert not annotated + external + internal
        return
    (rung,) = found.publish
    assert rung.address in annotated + external + internal
    again = addresses.find(declared, there, pod(rung.address, of=rung.source))
    assert again == addresses.Finding()
