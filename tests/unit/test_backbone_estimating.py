"""Estimates from the map: physically possible, the same both ways, and wiser than distance."""

import pytest
from hypothesis import example, given, settings
from tests.support import fleets

from turnfleet.geo import countries
from turnfleet.model import estimate, geo, region
from turnfleet.steer import estimating, sphere
from turnfleet.steer.backbone import estimating as backbone
from turnfleet.steer.backbone import hubs

PLACES = {
    name: geo.Place(latitude=latitude, longitude=longitude, country=country)
    for name, country, latitude, longitude in hubs.HUBS
}
KNOWN = backbone.Backbone()
"""Has been asked by every test before; a test shows that it does not matter."""


def at(place: geo.Place) -> region.RegionSpec:
    return region.RegionSpec(
        name="there", latitude=place.latitude, longitude=place.longitude, realm="turn.example.com"
    )


def between(client: str, there: str) -> estimate.Estimate:
    return KNOWN.estimate(PLACES[client], at(PLACES[there]))


@pytest.mark.parametrize(
    ("client", "rather", "than"),
    [
        ("Amman", "Frankfurt", "Dubai"),
        ("Cairo", "Marseille", "Dubai"),
        ("Tbilisi", "Frankfurt", "Dubai"),
        ("Yerevan", "Frankfurt", "Dubai"),
        ("Almaty", "Frankfurt", "Mumbai"),
        ("Tashkent", "Frankfurt", "Dubai"),
        ("Lagos", "London", "Cape Town"),
        ("Kinshasa", "Paris", "Johannesburg"),
        ("Dakar", "Paris", "Johannesburg"),
        ("Quito", "Miami", "Sao Paulo"),
        ("Lima", "Santiago", "Miami"),
        ("Karachi", "Dubai", "Frankfurt"),
        ("Bogota", "Miami", "Sao Paulo"),
        ("Guam", "Tokyo", "Sydney"),
        ("Suva", "Sydney", "Tokyo"),
        ("Antananarivo", "Johannesburg", "Mumbai"),
        ("Addis Ababa", "Frankfurt", "Singapore"),
        ("Kabul", "Frankfurt", "Singapore"),
        ("Havana", "Miami", "Sao Paulo"),
        ("Nuuk", "London", "Ashburn"),
    ],
)
def test_cables_decide_and_not_the_distance(client: str, rather: str, than: str) -> None:
    assert between(client, rather).rtt < between(client, than).rtt


@pytest.mark.parametrize(
    ("one", "other", "usual"),
    [
        # What carriers publish for their own backbones, rounded.
        ("London", "New York", 70),
        ("Tokyo", "Los Angeles", 105),
        ("Sydney", "Singapore", 95),
        ("Singapore", "Tokyo", 70),
        ("Sao Paulo", "Miami", 110),
        ("Johannesburg", "London", 160),
        ("Mumbai", "Marseille", 100),
        ("New York", "Los Angeles", 65),
        ("Frankfurt", "Moscow", 42),
        ("Perth", "Singapore", 47),
    ],
)
def test_an_estimate_is_within_two_fifths_of_what_carriers_publish(
    one: str, other: str, usual: float
) -> None:
    assert between(one, other).rtt == pytest.approx(usual, rel=0.4)


@settings(deadline=None)
@given(fleets.places, fleets.places)
@example(geo.Place(latitude=-90, longitude=0), geo.Place(latitude=90, longitude=180))
def test_every_pair_of_places_has_an_estimate_that_light_can_keep(
    one: geo.Place, other: geo.Place
) -> None:
    found = KNOWN.estimate(one, at(other))
    apart = sphere.distance(one.latitude, one.longitude, other.latitude, other.longitude)
    assert estimating.ACCESS + sphere.round_trip(apart) <= found.rtt + 1e-6
    assert found.rtt < 1600
    assert 0 < found.deviation < found.rtt + 100


@settings(deadline=None)
@given(fleets.places, fleets.places)
def test_an_estimate_is_the_same_both_ways(one: geo.Place, other: geo.Place) -> None:
    there, back = KNOWN.estimate(one, at(other)), KNOWN.estimate(other, at(one))
    assert there.rtt == pytest.approx(back.rtt)
    assert there.deviation == pytest.approx(back.deviation)


@settings(deadline=None, max_examples=20)
@given(fleets.places, fleets.places)
def test_what_was_asked_before_does_not_matter(one: geo.Place, other: geo.Place) -> None:
    assert backbone.Backbone().estimate(one, at(other)) == KNOWN.estimate(one, at(other))


@pytest.mark.parametrize("country", sorted(countries.PLACES))
def test_every_country_is_on_the_map_but_the_ends_of_the_earth(country: str) -> None:
    place, there = countries.PLACES[country], at(PLACES["Frankfurt"])
    on_the_map = KNOWN.estimate(place, there) != estimating.GreatCircle().estimate(place, there)
    assert on_the_map is (country not in {"AQ", "BV", "HM", "TF"})


def test_where_nothing_is_known_the_great_circle_answers() -> None:
    pole = geo.Place(latitude=-90.0, longitude=0.0)
    for place, there in ((pole, PLACES["London"]), (PLACES["London"], pole)):
        known = estimating.GreatCircle().estimate(place, at(there))
        assert KNOWN.estimate(place, at(there)) == known


def test_a_client_is_served_within_its_country_where_a_foreign_hub_is_nearer() -> None:
    trieste = {"latitude": 45.65, "longitude": 13.77}  # Ljubljana is nearer than Venice
    italian = KNOWN.estimate(geo.Place(**trieste, country="IT"), at(PLACES["Milan"]))
    slovene = KNOWN.estimate(geo.Place(**trieste, country="SI"), at(PLACES["Milan"]))
    assert italian.rtt < slovene.rtt


def test_territory_overseas_is_where_it_is_whatever_its_country_is_called() -> None:
    tahiti = {"latitude": -17.5, "longitude": -149.6}
    called_french = KNOWN.estimate(geo.Place(**tahiti, country="FR"), at(PLACES["Paris"]))
    called_itself = KNOWN.estimate(geo.Place(**tahiti, country="PF"), at(PLACES["Paris"]))
    assert called_french.rtt == pytest.approx(called_itself.rtt)


def test_an_islet_far_from_everywhere_is_served_by_whoever_is_near() -> None:
    marquesas = {"latitude": -8.9, "longitude": -139.5}
    there = at(PLACES["Papeete"])
    for country in ("FR", "PF", None):
        assert KNOWN.estimate(geo.Place(**marquesas, country=country), there).rtt < 160


def test_a_region_far_from_its_hubs_is_in_the_country_that_most_of_them_are_in() -> None:
    quincy = geo.Place(latitude=47.2, longitude=-119.9)  # 190 km from Seattle
    within = KNOWN.estimate(PLACES["Miami"], at(quincy))
    abroad = KNOWN.estimate(PLACES["Nassau"], at(quincy))
    assert within.deviation == pytest.approx(8 + 0.12 * (within.rtt - estimating.ACCESS))
    assert abroad.rtt > within.rtt


def test_a_border_that_is_full_costs_its_toll_and_may_not() -> None:
    abroad, at_home = between("Hong Kong", "Shenzhen"), between("Guangzhou", "Shenzhen")
    assert abroad.rtt > at_home.rtt + 50
    assert abroad.deviation > at_home.deviation + 40


def test_an_estimate_is_less_sure_where_two_ways_differ() -> None:
    assert between("Lagos", "Cape Town").deviation > 2 * between("Lagos", "London").deviation


def test_an_island_without_a_cable_is_a_satellite_away() -> None:
    assert between("Stanley", "Buenos Aires").rtt > 500
