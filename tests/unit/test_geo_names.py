"""What hints mean, and whether the points that we wrote down ourselves can be right."""

import math
import zoneinfo
from importlib import resources

import pytest

from turnfleet.geo import clouds, countries, names
from turnfleet.model import geo

FAR = 2_000.0
"""km: India's one zone is in Kolkata, 1,650 km from Mumbai."""


@pytest.fixture(scope="module")
def gazetteer() -> names.Gazetteer:
    return names.Gazetteer()


@pytest.fixture(scope="module")
def zones(gazetteer: names.Gazetteer) -> dict[str, list[geo.Place]]:
    places: dict[str, list[geo.Place]] = {}
    for zone in zoneinfo.available_timezones():
        if (place := gazetteer.find(zone)) is not None and place.country is not None:
            places.setdefault(place.country, []).append(place)
    return places


def _kilometres(one: geo.Place, other: geo.Place) -> float:
    phi, psi = math.radians(one.latitude), math.radians(other.latitude)
    delta = math.radians(other.longitude - one.longitude)
    cosine = math.sin(phi) * math.sin(psi) + math.cos(phi) * math.cos(psi) * math.cos(delta)
    return 6371 * math.acos(max(-1.0, min(1.0, cosine)))


def _codes() -> list[str]:
    table = resources.files("tzdata").joinpath("zoneinfo", "iso3166.tab").read_text("utf-8")
    return [line[:2] for line in table.splitlines() if not line.startswith("#")]


@pytest.mark.parametrize(
    ("hint", "country"),
    [
        ("DE", "DE"), ("de", "DE"), ("Germany", "DE"), ("United States", "US"), ("USA", "US"),
        ("uk", "GB"), ("south korea", "KR"), ("Côte d'Ivoire", "CI"), ("Türkiye", "TR"),
        ("Europe/Berlin", "DE"), ("europe/berlin", "DE"), ("America/New_York", "US"),
        ("America/New York", "US"), ("Asia/Calcutta", "IN"), ("Europe/Kiev", "UA"),
        ("America/Argentina/Buenos_Aires", "AR"), ("Indian/Reunion", "RE"),
        ("Europe/Stockholm", "SE"),
        ("us-east-1", "US"), ("us-east-1a", "US"), ("US_EAST_1", "US"), ("eu-central-1", "DE"),
        ("europe-west3", "DE"), ("europe-west3-b", "DE"), ("westeurope", "NL"),
        ("West Europe", "NL"), ("ap-southeast-1", "SG"), ("fra1", "DE"), (" sgp1 ", "SG"),
    ],
)  # fmt: skip
def test_a_hint_that_names_a_place_is_understood(
    gazetteer: names.Gazetteer, hint: str, country: str
) -> None:
    place = gazetteer.find(hint)
    assert place is not None
    assert place.country == country


@pytest.mark.parametrize("hint", ["europe", "EU", "asia", "us-east", "ap-southeast"])
def test_a_part_of_the_world_is_a_place_without_a_country(
    gazetteer: names.Gazetteer, hint: str
) -> None:
    place = gazetteer.find(hint)
    assert place is not None
    assert place.country is None


@pytest.mark.parametrize("hint", ["UTC", "Etc/GMT+5", "EST", "en-US", "ZZ", "auto", "null", ""])
def test_a_name_that_says_nothing_about_a_place_finds_none(
    gazetteer: names.Gazetteer, hint: str
) -> None:
    assert gazetteer.find(hint) is None


def test_every_time_zone_that_a_browser_may_tell_is_a_place(gazetteer: names.Gazetteer) -> None:
    continents = ("Africa/", "America/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/",
                  "Pacific/")  # fmt: skip
    known = [z for z in zoneinfo.available_timezones() if z.startswith(continents)]
    assert len(known) > 400
    assert [z for z in known if gazetteer.find(z) is None] == []


def test_every_country_has_a_centre() -> None:
    assert set(countries.PLACES) == set(_codes()) | {"XK"}


def test_a_countrys_centre_is_near_one_of_its_time_zones(
    zones: dict[str, list[geo.Place]],
) -> None:
    uninhabited = {"BV", "HM"}
    far = [
        code
        for code in set(_codes()) - uninhabited
        if min(_kilometres(countries.PLACES[code], zone) for zone in zones[code]) > FAR
    ]
    assert far == []


def test_a_cloud_region_is_in_the_country_it_claims(zones: dict[str, list[geo.Place]]) -> None:
    far = [
        name
        for name, place in clouds.PLACES.items()
        if min(_kilometres(place, zone) for zone in zones[place.country or ""]) > FAR
    ]
    assert far == []


def test_no_cloud_region_has_two_places() -> None:
    names_listed = [name for city in clouds.CITIES for name in city.names.split()]
    assert len(names_listed) == len(set(names_listed))
