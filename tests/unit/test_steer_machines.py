"""Relays of several regions on one machine: no answer relies on it twice if another can do."""

import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import fleets

from turnfleet.model import fleet, geo, selection
from turnfleet.steer import estimating, selecting

Role = selection.Role

FAR = (38.95, -77.45)
SOMEBODY = fleets.a_client(geo.Place(latitude=50.0, longitude=8.0))


def names(
    now: fleet.Fleet, user: str = "somebody", *, client: selection.Client = SOMEBODY
) -> dict[Role, str]:
    chosen = selecting.select(now, replace(client, user=user), estimating.GreatCircle())
    return {choice.role: choice.member.relay.name for choice in chosen.choices}


def on(machine: int, name: str, **others: tuple[float, float]) -> fleet.Region:
    """Return a region of one relay, whose machine has an address of either family."""
    addresses = (f"203.0.113.{machine}", f"2001:db8::{machine}")
    return fleets.a_region(name, fleets.a_member(name, of=name, addresses=addresses), **others)  # type: ignore[arg-type]


def test_a_backup_is_borrowed_of_another_machine_than_the_primary_s() -> None:
    here, beside, far = on(1, "here"), on(1, "beside", at=(51.5, 0.0)), on(2, "far", at=FAR)
    assert names(fleets.a_fleet(here, beside, far)) == {
        Role.PRIMARY: "here",
        Role.BACKUP: "far",
        Role.FALLBACK: "beside",
    }


def test_where_there_is_one_machine_another_process_is_better_than_nothing() -> None:
    regions = on(1, "here"), on(1, "beside", at=(51.5, 0.0)), on(1, "far", at=FAR)
    assert list(names(fleets.a_fleet(*regions)).values()) == ["here", "beside", "far"]
    assert names(fleets.a_fleet(*regions[:2])) == {
        Role.PRIMARY: "here",
        Role.FALLBACK: "beside",
    }


@pytest.mark.parametrize("alike", ["203.0.113.1", "2001:db8::1"])
def test_a_fallback_is_on_another_machine_by_either_family(alike: str) -> None:
    def other(name: str, address: str) -> fleet.Member:
        return fleets.a_member(name, of="beside", addresses=(address,))

    near = fleets.a_region("near", *on(1, "near").members, *on(2, "spare").members)
    beside = fleets.a_region("beside", other("same", alike), at=(51.5, 0.0))
    far = on(4, "far", at=FAR)
    for user in map(str, range(20)):
        assert names(fleets.a_fleet(near, beside, far), user)[Role.FALLBACK] == "far"
        more = replace(beside, members=(*beside.members, other("own", "203.0.113.3")))
        assert names(fleets.a_fleet(near, more, far), user)[Role.FALLBACK] == "own"


def test_of_two_regions_on_two_machines_the_backup_is_on_the_other_one() -> None:
    there = fleets.a_region("there", *on(1, "a").members, *on(2, "b").members, at=FAR)
    for user in map(str, range(20)):
        assert names(fleets.a_fleet(on(1, "here"), there), user) == {
            Role.PRIMARY: "here",
            Role.BACKUP: "b",
            Role.FALLBACK: "a",
        }


def test_nobody_is_offered_twice_where_most_of_a_region_is_on_the_machine_of_the_primary() -> None:
    members = (
        fleets.a_member(name, of="there", node=name, zone=zone, addresses=(f"203.0.113.{machine}",))
        for name, zone, machine in (("a", "one", 1), ("b", "one", 1), ("c", "other", 2))
    )
    now = fleets.a_fleet(on(1, "here"), fleets.a_region("there", *members, at=FAR))
    for user in map(str, range(50)):
        chosen = names(now, user)
        assert list(chosen) == list(Role)
        assert len(set(chosen.values())) == len(Role)


def placed(now: fleet.Fleet, addresses: Iterator[str]) -> fleet.Fleet:
    """Return a fleet whose relays have other addresses, in their order."""
    regions = []
    for region in now.regions.values():
        relays = [
            replace(member.relay, addresses=(next(addresses),), anycast=False)
            for member in region.members
        ]
        members = zip(region.members, relays, strict=True)
        regions.append(
            replace(region, members=tuple(replace(of, relay=relay) for of, relay in members))
        )
    return fleets.a_fleet(*regions)


@fleets.few
@given(fleets.fleets(), fleets.clients(), st.integers(1, 6))
def test_machines_that_regions_share_cost_nobody_a_role(
    now: fleet.Fleet, client: selection.Client, machines: int
) -> None:
    several, few = itertools.count(), itertools.cycle(range(machines))
    apart = names(placed(now, map(str, several)), client.user, client=client)
    shared = names(placed(now, map(str, few)), client.user, client=client)
    assert shared.keys() == apart.keys()
    assert shared.get(Role.PRIMARY) == apart.get(Role.PRIMARY)
    assert len(set(shared.values())) == len(shared), "nobody is offered twice"
