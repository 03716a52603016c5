"""The operator's table of networks: which network wins, and what becomes of broken lines."""

import ipaddress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnfleet.geo import addresses, atlas, countries, networks
from turnfleet.model import geo


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "networks.csv"


def _read(path: Path, text: str) -> tuple[networks.Table, list[str]]:
    path.write_text(text, encoding="utf-8")
    warnings: list[str] = []
    return networks.read(path, warn=warnings.append), warnings


def _find(table: networks.Table, text: str) -> geo.Place | None:
    address = addresses.parse(text)
    assert address is not None
    return table.find(address)


def test_the_most_specific_network_wins(table: Path) -> None:
    known, warnings = _read(
        table,
        "cidr,latitude,longitude,country\n"
        "0.0.0.0/0,1,1\n"
        "10.0.0.0/8,2,2,DE\n"
        "\n# the office\n"
        "10.1.0.0/16, 3, 3, us  # and its VPN\n"
        "10.1.2.3/32,4,4\n"
        "2001:db8::/32,5,5\n",
    )
    assert warnings == []
    found = [
        (address, place.latitude if (place := _find(known, address)) else None)
        for address in ("9.9.9.9", "10.0.0.1", "10.1.0.0", "10.1.2.3", "10.1.2.4", "10.2.0.0",
                        "11.0.0.0", "::ffff:10.1.2.3", "2001:db8::1", "2001:db9::")
    ]  # fmt: skip
    assert found == [
        ("9.9.9.9", 1.0), ("10.0.0.1", 2.0), ("10.1.0.0", 3.0), ("10.1.2.3", 4.0),
        ("10.1.2.4", 3.0), ("10.2.0.0", 2.0), ("11.0.0.0", 1.0), ("::ffff:10.1.2.3", 4.0),
        ("2001:db8::1", 5.0), ("2001:db9::", None),
    ]  # fmt: skip
    assert _find(known, "10.1.0.1") == geo.Place(latitude=3.0, longitude=3.0, country="US")


def test_all_of_ipv6_is_not_all_of_ipv4(table: Path) -> None:
    known, _ = _read(table, "::/0,1,1\n")
    assert _find(known, "2600::1") is not None
    assert _find(known, "8.8.8.8") is None


def test_a_network_may_be_given_a_country_instead_of_a_point(table: Path) -> None:
    known, warnings = _read(table, "10.0.0.0/8,,,DE\n")
    assert _find(known, "10.0.0.1") == countries.PLACES["DE"]
    assert warnings == []


def test_of_two_lines_for_one_network_the_later_counts(table: Path) -> None:
    known, _ = _read(table, "10.0.0.0/8,1,1\n10.0.0.0/8,2,2\n")
    assert _find(known, "10.0.0.1") == geo.Place(latitude=2, longitude=2)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("10.0.0.1/8,1,1", "host bits"),
        ("banana,1,1", "banana"),
        ("10.0.0.0/8", "needs cidr,latitude,longitude"),
        ("10.0.0.0/8,1,1,DE,extra", "needs cidr,latitude,longitude"),
        ("10.0.0.0/8,91,1", "no latitude"),
        ("10.0.0.0/8,1,nan", "no longitude"),
        ("10.0.0.0/8,north,1", "no latitude"),
        ("10.0.0.0/8,,", "neither a point nor a country"),
        ("10.0.0.0/8,1,1,Germany", "country code"),
        ('"10.0.0.0/8,1', "needs cidr"),
        ("\x00\x01\x02", "needs cidr"),
    ],
)
def test_a_broken_line_is_reported_with_its_number_and_the_rest_counts(
    table: Path, line: str, sentence: str
) -> None:
    known, [warning] = _read(table, f"172.16.0.0/12,1,1\n{line}\n192.168.0.0/16,2,2\n")
    assert f"{table}:2: " in warning
    assert sentence in warning
    assert _find(known, "172.16.0.1") is not None
    assert _find(known, "192.168.0.1") is not None
    assert _find(known, "10.0.0.1") is None


def test_a_file_of_another_kind_is_not_a_flood_of_warnings(table: Path) -> None:
    table.write_bytes(b"\x89PNG\r\n\xff\xfe\n" * 5_000)
    warnings: list[str] = []
    known = networks.read(table, warn=warnings.append)
    assert len(known) == 0
    assert len(warnings) == networks.COMPLAINTS_MAX + 1
    assert "more lines are broken" in warnings[-1]


def test_a_folder_in_place_of_the_table_is_a_warning(tmp_path: Path) -> None:
    warnings: list[str] = []
    assert len(networks.read(tmp_path, warn=warnings.append)) == 0
    assert len(warnings) == 1


def test_an_edited_table_is_taken_up_by_a_refresh(table: Path) -> None:
    table.write_text("10.0.0.0/8,1,1\n", encoding="utf-8")
    opened = atlas.open(None, table, pytest.fail)
    assert opened.by_network("10.0.0.1") == geo.Place(latitude=1, longitude=1)
    table.write_text("10.0.0.0/8,1,1\n10.0.0.0/16,2,2\n", encoding="utf-8")
    assert opened.refresh()
    assert opened.by_network("10.0.0.1") == geo.Place(latitude=2, longitude=2)


_NEIGHBOURS = st.builds(
    lambda low, length: ipaddress.ip_network((0x0A000000 | low, length), strict=False),
    st.integers(0, 255),
    st.integers(22, 32),
)


@given(
    cidrs=st.lists(_NEIGHBOURS, max_size=12, unique=True),
    low=st.integers(0, 1023),
)
def test_a_search_finds_what_trying_every_network_would(
    tmp_path_factory: pytest.TempPathFactory, cidrs: list[ipaddress.IPv4Network], low: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "property.csv"
    lines = [f"{cidr},{index},0" for index, cidr in enumerate(cidrs)]
    known, _ = _read(path, "\n".join(lines))
    address = ipaddress.IPv4Address(0x0A000000 | low)
    holding = [index for index, cidr in enumerate(cidrs) if address in cidr]
    expected = max(holding, key=lambda index: cidrs[index].prefixlen, default=None)
    place = _find(known, str(address))
    assert (place.latitude if place else None) == expected
