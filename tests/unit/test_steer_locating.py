"""The ladder: who is where, what pins, what is only a hint, and what is said to have no effect."""

import math
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support import atlas, fleets

from turnfleet.model import fleet, geo
from turnfleet.steer import locating

NOWHERE = geo.Place(latitude=0.0, longitude=0.0)
HOME = "198.18.0.9"
FLEET = fleets.a_fleet(
    fleets.a_region("eu-central", at=(50.11, 8.68), residency="eu"),
    fleets.a_region("us-east", at=(38.95, -77.45), residency="us"),
    fleets.a_region("ap-southeast", at=(1.35, 103.82)),
    fleets.a_region("us", at=(38.95, -77.45), residency="americas"),
)


def ask(
    *,
    networks: Mapping[str, geo.Place] | None = None,
    countries: Mapping[str, geo.Place] | None = None,
    facts: locating.Facts,
) -> locating.Whereabouts | locating.UnknownResidency:
    return locating.locate(
        facts,
        atlas=atlas.WrittenAtlas(networks=networks or {}, countries=countries or {}),
        regions=FLEET.regions,
        residencies=FLEET.residencies,
        default=NOWHERE,
    )


def found(facts: locating.Facts, **tables: Mapping[str, geo.Place]) -> locating.Whereabouts:
    where = ask(facts=facts, **tables)
    assert isinstance(where, locating.Whereabouts)
    return where


def test_without_any_knowledge_a_client_is_at_the_declared_default() -> None:
    assert found(locating.Facts()).located == geo.Located(place=NOWHERE, rung=geo.Rung.DEFAULT)


def test_the_name_of_a_region_pins_places_and_implies_its_residency() -> None:
    where = found(locating.Facts(region="eu-central"))
    assert (where.pin, where.residency, where.located.rung) == ("eu-central", "eu", "pinned")
    assert where.located.place == geo.Place(latitude=50.11, longitude=8.68)


def test_a_region_without_residency_pins_without_a_group() -> None:
    where = found(locating.Facts(region="ap-southeast"))
    assert (where.pin, where.residency) == ("ap-southeast", None)


def test_the_name_of_a_group_restricts_and_does_not_place() -> None:
    where = found(locating.Facts(region="eu"))
    assert (where.pin, where.residency, where.located.rung) == (None, "eu", "default")
    assert where.located.ignored == ()


def test_a_name_of_both_a_region_and_a_group_is_the_region() -> None:
    where = found(locating.Facts(region="us"))
    assert (where.pin, where.residency) == ("us", "americas")


def test_residency_goes_together_with_a_pin_inside_it() -> None:
    where = found(locating.Facts(region="eu-central", residency="eu"))
    assert (where.pin, where.residency) == ("eu-central", "eu")


@pytest.mark.parametrize("region", ["us-east", "ap-southeast", "us"])
def test_a_pin_outside_the_residency_asked_for_does_not_count_and_is_said_so(region: str) -> None:
    where = found(locating.Facts(region=region, residency="eu"))
    assert (where.pin, where.residency) == (None, "eu")
    assert where.located.ignored == (f"region '{region}' is outside the residency 'eu'",)


def test_an_unknown_residency_is_an_error_that_names_the_known_ones() -> None:
    where = ask(facts=locating.Facts(residency="mars"))
    assert isinstance(where, locating.UnknownResidency)
    assert where.sentence == "no region has the residency 'mars'; known groups: americas, eu, us"


@pytest.mark.parametrize("region", ["DE", "Europe/Berlin"])
def test_what_a_client_detected_is_a_hint(region: str) -> None:
    where = found(locating.Facts(region=region))
    assert (where.pin, where.residency, where.located.rung) == (None, None, "hint")
    assert where.located.place == atlas.FRANKFURT


@pytest.mark.parametrize("region", ["", None])
def test_an_empty_region_is_none(region: str | None) -> None:
    assert found(locating.Facts(region=region, residency=region)).located.ignored == ()


def test_a_hint_that_nobody_understands_is_ignored_and_said_so_shortly() -> None:
    where = found(locating.Facts(region="\x1b[31m" + "x" * 1000))
    (sentence,) = where.located.ignored
    assert where.located.rung is geo.Rung.DEFAULT
    assert sentence.isprintable()
    assert len(sentence) < 150


def test_a_place_in_the_request_counts_from_callers_who_may_place() -> None:
    facts = locating.Facts(latitude=1.0, longitude=2.0, country="de", may_place=True)
    where = found(facts)
    assert where.located.rung is geo.Rung.REQUEST
    assert where.located.place == geo.Place(latitude=1.0, longitude=2.0, country="DE")


def test_a_place_in_the_request_of_anybody_else_is_ignored_and_said_so() -> None:
    facts = locating.Facts(latitude=1.0, longitude=2.0, country="DE", client_ip=HOME)
    where = found(facts, networks={"198.18.0.0/15": atlas.PARIS})
    assert where.located.rung is geo.Rung.DEFAULT
    (sentence,) = where.located.ignored
    assert sentence.startswith("latitude and longitude and country and clientIp: only callers")


def test_a_country_alone_places_at_the_country() -> None:
    where = found(locating.Facts(country="FR", may_place=True))
    assert (where.located.place, where.located.rung) == (atlas.PARIS, geo.Rung.REQUEST)


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        (locating.Facts(latitude=1.0, may_place=True), "latitude counts only together"),
        (locating.Facts(longitude=1.0, may_place=True), "longitude counts only together"),
        (locating.Facts(latitude=91.0, longitude=0.0, may_place=True), "not a place on Earth"),
        (locating.Facts(latitude=0.0, longitude=math.nan, may_place=True), "not a place on Earth"),
        (locating.Facts(country="ZZ", may_place=True), "country 'ZZ' is not"),
        (locating.Facts(country="Europe/Berlin", may_place=True), "is not a two-letter code"),
    ],
)
def test_half_or_impossible_places_are_ignored_and_said_so(
    facts: locating.Facts, sentence: str
) -> None:
    where = found(facts)
    assert where.located.rung is geo.Rung.DEFAULT
    assert sentence in where.located.ignored[0]


RUNGS: tuple[tuple[Mapping[str, Any], Mapping[str, Mapping[str, geo.Place]], geo.Rung], ...] = (
    ({"region": "eu-central"}, {}, geo.Rung.PINNED),
    ({"latitude": 1.0, "longitude": 2.0, "may_place": True}, {}, geo.Rung.REQUEST),
    ({"region": "DE"}, {}, geo.Rung.HINT),
    ({"header_place": atlas.NEW_YORK}, {}, geo.Rung.HEADER),
    ({"peer": HOME}, {"networks": {"198.18.0.0/15": atlas.PARIS}}, geo.Rung.CIDR),
    ({"peer": HOME}, {"countries": {"198.18.0.0/15": atlas.SINGAPORE}}, geo.Rung.COUNTRY),
    ({}, {}, geo.Rung.DEFAULT),
)


@pytest.mark.parametrize("position", range(len(RUNGS)))
def test_of_all_that_is_known_the_highest_rung_counts(position: int) -> None:
    said: dict[str, Any] = {}
    tables: dict[str, Mapping[str, geo.Place]] = {}
    for facts, lower_tables, _ in reversed(RUNGS[position:]):
        said |= facts
        tables |= lower_tables
    assert found(locating.Facts(**said), **tables).located.rung is RUNGS[position][2]


def test_a_backend_is_never_taken_for_its_client() -> None:
    tables = {"networks": {"198.18.0.0/15": atlas.PARIS}}
    backend = locating.Facts(keyed=True, may_place=True, peer=HOME, header_place=atlas.NEW_YORK)
    assert found(backend, **tables).located.rung is geo.Rung.DEFAULT


def test_a_backend_that_gives_its_clients_address_gets_the_clients_place() -> None:
    facts = locating.Facts(keyed=True, may_place=True, peer="192.0.2.1", client_ip=HOME)
    where = found(facts, networks={"198.18.0.0/15": atlas.PARIS})
    assert (where.located.place, where.located.rung) == (atlas.PARIS, geo.Rung.CIDR)


texts = st.none() | st.text(max_size=50) | st.sampled_from(["eu", "us", "us-east", "DE", "de"])
numbers = st.none() | st.floats()


@settings(deadline=None)
@given(texts, texts, texts, numbers, numbers, st.booleans(), st.booleans())
def test_locating_is_total_and_a_residency_asked_for_always_holds(  # noqa: PLR0917 - drawn
    region: str | None,
    residency: str | None,
    country: str | None,
    latitude: float | None,
    longitude: float | None,
    may_place: bool,  # noqa: FBT001 - drawn
    keyed: bool,  # noqa: FBT001 - drawn
) -> None:
    facts = locating.Facts(
        region=region,
        residency=residency,
        country=country,
        latitude=latitude,
        longitude=longitude,
        may_place=may_place,
        keyed=keyed,
        peer=HOME,
    )
    where = ask(facts=facts)
    if isinstance(where, locating.UnknownResidency):
        assert residency not in FLEET.residencies
        return
    assert not residency or where.residency == residency
    assert where.pin is None or FLEET.regions[where.pin].spec.residency == where.residency
    assert abs(where.located.place.latitude) <= 90
    assert all(sentence.isprintable() for sentence in where.located.ignored)
    assert isinstance(FLEET.regions.get(where.pin or "eu-central"), fleet.Region)
