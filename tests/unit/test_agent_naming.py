"""Which certificates an agent takes to be for its relay."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnrelay import naming

BY_NODE = naming.Sought(hostname="{node}.Turn.example.com", addresses=("192.0.2.1",))
LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)


@given(LABELS)
def test_a_name_of_any_node_is_one_of_the_template(node: str) -> None:
    assert BY_NODE.among({"www.example.com", f"{node}.turn.example.com"})
    assert not BY_NODE.among({f"{node}.turn.example.org", f"a.{node}.turn.example.com"})
    assert naming.Sought(hostname="r-{address}.example.com").among({f"r-{node}.example.com"})


@pytest.mark.parametrize(
    ("names", "is_for"),
    [
        ({"*.turn.example.com"}, True),
        ({"*.example.com"}, False),
        ({"turn.example.com"}, False),
        ({"*"}, False),
        ({"192.0.2.1"}, False),
        (set(), False),
    ],
)
def test_a_star_stands_for_one_label(names: set[str], is_for: bool) -> None:  # noqa: FBT001 - a row
    assert BY_NODE.among(names) is is_for


def test_without_a_template_any_of_the_addresses_is_looked_for() -> None:
    both = naming.Sought(addresses=("192.0.2.1", "2001:db8::1"))
    assert both.among({"2001:db8::1"})
    assert not both.among({"192.0.2.2", "*.example.com"})
    assert not naming.Sought().among({"192.0.2.1"})
