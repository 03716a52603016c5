"""The map of the backbone: complete, in one piece, and free of slips of the pen."""

import collections
import itertools

import pytest

from turnfleet.geo import countries
from turnfleet.steer import sphere
from turnfleet.steer.backbone import access, graph, hubs, links, tuning

HUBS = {name: (country, latitude, longitude) for name, country, latitude, longitude in hubs.HUBS}
TURNS = {name: (latitude, longitude) for name, latitude, longitude in hubs.TURNS}
CHAINS = [chain.split(graph.BETWEEN) for routes in links.ROUTES.values() for _, chain in routes]
MEETINGS = [name for area in access.AREAS for name in (*area.gateways, *area.exchanges)]
NOBODY_LIVES_THERE = {"AQ", "BV", "CC", "GS", "HM", "IO", "PN", "TF", "UM", "VA"}
"""Or nearly so, or around a hub of another country."""


def test_every_place_has_a_name_of_its_own() -> None:
    names = [row[0] for row in (*hubs.HUBS, *hubs.TURNS)]
    assert [name for name, times in collections.Counter(names).items() if times > 1] == []


def test_every_country_that_has_people_has_a_hub() -> None:
    covered = {country for country, _, _ in HUBS.values()}
    assert set(countries.PLACES) - covered == NOBODY_LIVES_THERE


def test_every_hub_is_in_one_part_of_the_world() -> None:
    listed = [country for area in access.AREAS for country in area.countries]
    assert len(listed) == len(set(listed))
    assert {country for country, _, _ in HUBS.values()} <= set(listed)


@pytest.mark.parametrize(("name", "country", "latitude", "longitude"), hubs.HUBS)
def test_a_hub_is_where_its_country_is(
    name: str, country: str, latitude: float, longitude: float
) -> None:
    centre = countries.PLACES[country]
    away = sphere.distance(latitude, longitude, centre.latitude, centre.longitude)
    wide = {"US": 6500, "RU": 6500, "CA": 3700, "ID": 3700, "AU": 3700, "BR": 3000, "CN": 2700}
    assert away < wide.get(country, 2300), f"{name} is {away:.0f} km from the middle of {country}"


def test_routes_know_the_places_that_they_pass_and_pass_all_there_are() -> None:
    passed = {place for chain in CHAINS for place in chain}
    assert passed == HUBS.keys() | TURNS.keys()


def test_a_route_goes_somewhere() -> None:
    assert [chain for chain in CHAINS if len(chain) < 2] == []
    assert [c for c in CHAINS if any(a == b for a, b in itertools.pairwise(c))] == []


def test_networks_meet_in_hubs() -> None:
    assert [name for name in MEETINGS if name not in HUBS] == []


def test_every_place_is_reached_from_every_other() -> None:
    whole = graph.build(tuning.STANDARD)
    reach = whole.reach({whole.numbers["London"]: 0.0})
    assert max(reach) < 1000
    assert min(reach) == 0


@pytest.mark.parametrize("kind", [links.Kind.LAND, links.Kind.THIN])
def test_no_stretch_of_land_spans_a_continent(kind: links.Kind) -> None:
    whole = graph.build(tuning.STANDARD)
    long = []
    for _, chain in links.ROUTES[kind]:
        for start, end in itertools.pairwise(chain.split(graph.BETWEEN)):
            one, other = (whole.nodes[whole.numbers[name]] for name in (start, end))
            if one.country is None or other.country is None:
                continue  # a thin cable in the sea
            if _apart(one, other) > 2800:
                long.append((start, end))
    oceans = {("Sydney", "Hillsboro"), ("Luanda", "Fortaleza"), ("Fortaleza", "Douala")}
    cables = {("Port Louis", "Kochi"), ("Port Louis", "Penang"), ("Havana", "Fort-de-France")}
    assert set(long) <= oceans | cables


def _apart(one: graph.Node, other: graph.Node) -> float:
    return sphere.distance(one.latitude, one.longitude, other.latitude, other.longitude)
