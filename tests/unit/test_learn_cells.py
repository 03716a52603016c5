"""Cells: which of them a client is in, and what one source is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnfleet.ice import rid
from turnfleet.learn import cells
from turnfleet.model import geo


def test_a_tokens_cell_names_the_shared_ones_widest_first() -> None:
    found = cells.parse("DE/50/8/64500")
    assert found is not None
    assert found.shared == ("DE", "DE/AS64500", "DE/50/8")
    assert found.centre == geo.Place(latitude=50.0, longitude=8.0, country="DE")
    assert [cells.level(shared) for shared in found.shared] == list(cells.Level)


def test_a_client_without_country_or_network_is_in_fewer_cells() -> None:
    found = cells.parse("-/-34/150")
    assert found is not None
    assert found.shared == ("-/-34/150",)
    assert found.centre.country is None


@given(
    st.builds(
        geo.Place,
        latitude=st.floats(-90, 90),
        longitude=st.floats(-180, 180),
        country=st.sampled_from([None, "DE", "NZ"]),
    ),
    st.none() | st.integers(0, 2**32 - 1),
)
def test_every_place_has_a_cell_whose_middle_is_in_it(
    place: geo.Place, network: int | None
) -> None:
    text = rid.cell_of(place, network=network).decode()
    found = cells.parse(text)
    assert found is not None
    assert rid.cell_of(found.centre, network=network).decode() == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "DE",
        "de/50/8",
        "DE/91/8",
        "DE/50/181",
        "DE/50/8/",
        "DE/50/8/AS1",
        "DE/5\u0660/8",
        "DE/50/8\n",
    ],
)
def test_what_is_no_cell_is_told_apart(text: str) -> None:
    assert cells.parse(text) is None


@given(st.text(max_size=40))
def test_no_text_raises(text: str) -> None:
    cells.parse(text)
    cells.prefix(text)


def test_a_source_is_what_one_customer_has() -> None:
    assert cells.prefix("203.0.113.9") == cells.prefix("203.0.113.200") == "203.0.113.0/24"
    assert cells.prefix("::ffff:203.0.113.9") == "203.0.113.0/24"
    assert cells.prefix("203.0.112.9") != cells.prefix("203.0.113.9")
    assert cells.prefix("2001:db8:7:1::1") == cells.prefix("2001:db8:7:ffff::2")
    assert cells.prefix("2001:db8:8::1") != cells.prefix("2001:db8:7::1")
