"""The atlas: two schemas, missing and damaged files, hostile text."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import mmdb as writer

from turnfleet.geo import atlas, countries, mmdb
from turnfleet.model import geo

FLAT = {"country_code": "DE", "latitude": 52.5, "longitude": 13.4, "city": "Berlin"}
NESTED = {"country": {"iso_code": "JP"}, "location": {"latitude": 35.7, "longitude": 139.7}}


def _unheard(warning: str) -> None:
    """Take a warning that the test is not about."""


@pytest.fixture
def warnings() -> list[str]:
    return []


@pytest.fixture
def opened(tmp_path: Path, warnings: list[str]) -> atlas.FileAtlas:
    writer.write(tmp_path / "dbip-city-ipv4.mmdb", {"91.64.0.0/16": FLAT}, ip_version=4)
    writer.write(tmp_path / "dbip-city-ipv6.mmdb", {"2a00:1::/32": FLAT})
    writer.write(
        tmp_path / "dbip-country.mmdb",
        {"91.0.0.0/8": {"country_code": "AT"}, "2a00::/16": {"country_code": "AT"}},
    )
    return atlas.open(tmp_path, None, warnings.append)


def test_an_atlas_is_what_the_model_asks_for(opened: atlas.FileAtlas) -> None:
    accepted: geo.Atlas = opened
    assert accepted is opened


@pytest.mark.parametrize("address", ["91.64.1.1", "::ffff:91.64.1.1", "::FFFF:5b40:101"])
def test_an_ipv4_address_is_found_however_it_is_written(
    opened: atlas.FileAtlas, address: str
) -> None:
    assert opened.by_city(address) == geo.Place(latitude=52.5, longitude=13.4, country="DE")


def test_the_two_files_of_the_city_database_serve_one_family_each(
    opened: atlas.FileAtlas, warnings: list[str]
) -> None:
    assert opened.by_city("2a00:1::1") is not None
    assert opened.by_city("2a01::1") is None
    assert opened.by_city("91.65.0.1") is None
    assert warnings == []


def test_a_country_is_its_population_centre(opened: atlas.FileAtlas) -> None:
    assert opened.by_country("91.1.1.1") == countries.PLACES["AT"]
    assert opened.by_country("2a00:2::1") == countries.PLACES["AT"]


def test_maxminds_nested_schema_is_read_as_well(tmp_path: Path, warnings: list[str]) -> None:
    writer.write(tmp_path / "GeoLite2-City.mmdb", {"133.0.0.0/8": NESTED})
    opened = atlas.open(tmp_path, None, warnings.append)
    assert opened.by_city("133.1.2.3") == geo.Place(latitude=35.7, longitude=139.7, country="JP")
    assert opened.by_country("133.1.2.3") == countries.PLACES["JP"]
    assert [a.url for a in opened.attributions] == ["https://www.maxmind.com/"]


def test_a_database_of_cities_that_knows_the_country_only_serves_the_country_rung(
    tmp_path: Path,
) -> None:
    writer.write(tmp_path / "x-city.mmdb", {"133.0.0.0/8": {"country": {"iso_code": "JP"}}})
    opened = atlas.open(tmp_path, None, _unheard)
    assert opened.by_city("133.1.2.3") is None
    assert opened.by_country("133.1.2.3") == countries.PLACES["JP"]


@pytest.mark.parametrize(
    "address",
    ["10.0.0.1", "100.64.0.1", "127.0.0.1", "169.254.1.1", "172.31.255.255", "192.168.1.1",
     "::1", "fe80::1", "fd00::1", "::10.0.0.1", "::ffff:10.0.0.1", "240.0.0.1", "255.255.255.255"],
)  # fmt: skip
def test_an_address_that_nobody_on_the_internet_has_is_nowhere(
    tmp_path: Path, address: str
) -> None:
    writer.write(tmp_path / "city.mmdb", {"::/1": FLAT, "8000::/1": FLAT})
    opened = atlas.open(tmp_path, None, _unheard)
    assert opened.by_city("8.8.8.8") is not None
    assert opened.by_city("2600::1") is not None
    assert opened.by_city(address) is None
    assert opened.by_country(address) is None


@pytest.mark.parametrize(
    "record",
    [
        {"country_code": "DE", "latitude": 91.0, "longitude": 0.0},
        {"country_code": "DE", "latitude": float("nan"), "longitude": 0.0},
        {"country_code": "DE", "latitude": 0.0, "longitude": 0.0},
        {"country_code": "DE", "latitude": "52", "longitude": "13"},
        {"country_code": "DE", "latitude": None},
        {"country": {"iso_code": "DE"}, "location": []},
        {"country": {"iso_code": "DE"}},
        {"registered_country": {"iso_code": "DE"}},
    ],
)
def test_a_record_without_a_sane_point_still_has_its_country(record: object) -> None:
    assert mmdb.read(record) == mmdb.Finding(country="DE", place=None)


@pytest.mark.parametrize(
    "record",
    [None, 7, "DE", [], {}, {"country_code": ""}, {"country_code": "DEU"}, {"country": "DE"},
     {"country_code": 4}],
)  # fmt: skip
def test_a_record_of_no_known_schema_says_nothing(record: object) -> None:
    assert mmdb.read(record) == mmdb.Finding(country=None, place=None)


def test_a_folder_without_databases_is_one_warning_and_no_error(
    tmp_path: Path, warnings: list[str]
) -> None:
    opened = atlas.open(tmp_path / "absent", tmp_path / "absent.csv", warnings.append)
    assert opened.by_city("8.8.8.8") is None
    assert opened.by_country("8.8.8.8") is None
    assert opened.by_network("8.8.8.8") is None
    assert opened.by_name("DE") == countries.PLACES["DE"]
    assert len(warnings) == 2
    assert str(tmp_path / "absent.csv") in warnings[0]
    assert "there is no geo database" in warnings[1]


def test_to_ask_for_no_data_is_no_warning(warnings: list[str]) -> None:
    opened = atlas.open(None, None, warnings.append)
    assert opened.by_country("8.8.8.8") is None
    assert (warnings, opened.files, opened.attributions) == ([], (), ())


@pytest.mark.parametrize(
    "content",
    [b"", bytes(100), b"<html>404</html>"],
    ids=["empty", "zeros", "another kind"],
)
def test_a_file_that_is_no_database_is_one_warning_and_a_lower_rung(
    tmp_path: Path, warnings: list[str], content: bytes
) -> None:
    (tmp_path / "a-city.mmdb").write_bytes(content)
    writer.write(tmp_path / "b-country.mmdb", {"8.0.0.0/8": {"country_code": "US"}})
    opened = atlas.open(tmp_path, None, warnings.append)
    assert opened.by_city("8.8.8.8") is None
    assert opened.by_country("8.8.8.8") == countries.PLACES["US"]
    assert len(warnings) == 1
    assert "a-city.mmdb is not used" in warnings[0]


def test_a_truncated_database_is_a_warning(tmp_path: Path, warnings: list[str]) -> None:
    path = writer.write(tmp_path / "country.mmdb", {"8.0.0.0/8": {"country_code": "US"}})
    path.write_bytes(path.read_bytes()[:-40])
    opened = atlas.open(tmp_path, None, warnings.append)
    assert opened.by_country("8.8.8.8") is None
    assert len(warnings) == 1


def test_damage_found_while_reading_is_told_once(tmp_path: Path, warnings: list[str]) -> None:
    path = writer.write(tmp_path / "country.mmdb", {"8.0.0.0/8": {"country_code": "US"}})
    content = path.read_bytes()
    path.write_bytes(content.replace(b"\xe1\x4ccountry_code", b"\xe1\x3fcountry_code"))
    opened = atlas.open(tmp_path, None, warnings.append)
    assert opened.by_country("8.8.8.8") is None
    assert opened.by_country("8.8.8.9") is None
    assert len(warnings) == 1
    assert "damaged" in warnings[0]


def test_flipped_bits_anywhere_never_raise(tmp_path: Path, warnings: list[str]) -> None:
    path = writer.write(tmp_path / "city.mmdb", {"8.0.0.0/8": NESTED, "2600::/12": FLAT})
    content = path.read_bytes()
    rng = random.Random(7)  # noqa: S311 - a seeded choice of damage
    for _ in range(300):
        damaged = bytearray(content)
        for _ in range(3):
            damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        opened = atlas.open(tmp_path, None, warnings.append)
        for address in ("8.8.8.8", "2600::1", "1.1.1.1"):
            opened.by_city(address)
            opened.by_country(address)


def test_a_database_rewritten_in_place_disturbs_nothing_until_the_next_refresh(
    tmp_path: Path, warnings: list[str]
) -> None:
    networks = {f"{first}.0.0.0/8": {"country_code": "US"} for first in range(1, 9)}
    path = writer.write(tmp_path / "country.mmdb", networks)
    opened = atlas.open(tmp_path, None, warnings.append)
    path.write_bytes(b"")  # with the file itself mapped, the next look-up would be SIGBUS
    assert opened.by_country("8.8.8.8") == countries.PLACES["US"]
    assert opened.refresh()
    assert opened.by_country("8.8.8.8") is None
    assert len(warnings) == 1


def test_a_replaced_database_is_taken_up_by_a_refresh(
    tmp_path: Path, opened: atlas.FileAtlas, warnings: list[str]
) -> None:
    assert not opened.refresh()
    assert opened.by_country("91.1.1.1") == countries.PLACES["AT"]
    newer = writer.write(tmp_path / "new", {"91.0.0.0/8": {"country_code": "CH"}})
    newer.replace(tmp_path / "dbip-country.mmdb")
    assert opened.refresh()
    assert opened.by_country("91.1.1.1") == countries.PLACES["CH"]
    assert warnings == []


def test_the_attribution_of_a_free_database_is_known(opened: atlas.FileAtlas) -> None:
    assert opened.attributions == (
        atlas.Attribution("IP Geolocation by DB-IP", "https://db-ip.com/"),
    )


HOSTILE = ["", " ", "\0", "8.8.8.8\0", "\ud800", "8.8.8", "08.8.8.8", "8.8.8.8:53", "[::1]",
           "fe80::1%eth0", "%s%s", "\N{ARABIC-INDIC DIGIT ONE}.1.1.1",
           "9" * 10_000, ":" * 45, "../../etc/passwd"]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_nowhere(opened: atlas.FileAtlas, text: str) -> None:
    assert opened.by_network(text) is None
    assert opened.by_city(text) is None
    assert opened.by_country(text) is None
    assert opened.by_name(text) is None


_NO_FILES = atlas.open(None, None, _unheard)


@given(text=st.text() | st.text(alphabet="0123456789abcdef:.%/", max_size=50))
def test_no_text_makes_a_look_up_raise(text: str) -> None:
    for look_up in (
        _NO_FILES.by_network,
        _NO_FILES.by_city,
        _NO_FILES.by_country,
        _NO_FILES.by_name,
    ):
        place = look_up(text)
        assert place is None or (abs(place.latitude) <= 90 and abs(place.longitude) <= 180)


@given(address=st.ip_addresses())
def test_every_address_in_its_usual_form_is_understood(address: object) -> None:
    assert _NO_FILES.by_city(str(address)) is None
