"""Selecting: roles never overlap, limits always hold, and users move only when they must."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import fleets

from turnfleet.model import fleet, geo, selection
from turnfleet.steer import choosing, estimating, rendezvous, selecting
from turnrelay import contract

Role = selection.Role

HERE = geo.Place(latitude=50.0, longitude=8.0)
FAR = (38.95, -77.45)
ESTIMATOR = estimating.GreatCircle()


def select(
    now: fleet.Fleet,
    user: str = "somebody",
    *,
    pin: str | None = None,
    residency: str | None = None,
) -> selection.Selection:
    client = fleets.a_client(HERE, user, pin=pin, residency=residency)
    return selecting.select(now, client, ESTIMATOR)


def names(chosen: selection.Selection) -> dict[Role, str]:
    return {choice.role: choice.member.relay.name for choice in chosen.choices}


def region_of(count: int, *, name: str = "near", **others: float) -> fleet.Region:
    members = (
        fleets.a_member(f"{name}-{n}", of=name, load=others.get(f"load_{n}", 0.0))
        for n in range(count)
    )
    return fleets.a_region(name, *members)


def test_primary_and_backup_are_in_the_best_region_and_the_fallback_in_the_next() -> None:
    far = fleets.a_region("far", fleets.a_member("far-0", of="far"), at=FAR)
    chosen = select(fleets.a_fleet(region_of(2), far))
    assert [choice.role for choice in chosen.choices] == list(Role)
    assert [choice.region.spec.name for choice in chosen.choices] == ["near", "near", "far"]
    assert chosen.choices[0].estimate == pytest.approx(estimating.ACCESS)


def test_a_missing_role_is_left_out() -> None:
    far = fleets.a_region("far", fleets.a_member("far-0", of="far"), at=FAR)
    assert set(names(select(fleets.a_fleet(region_of(1), far)))) == {Role.PRIMARY, Role.FALLBACK}
    assert set(names(select(fleets.a_fleet(region_of(2))))) == {Role.PRIMARY, Role.BACKUP}
    assert names(select(fleets.a_fleet())) == {}


def lone(
    name: str, *, at: tuple[float, float], relays: int = 1, residency: str | None = None
) -> fleet.Region:
    members = [fleets.a_member(f"{name}-{n}", of=name) for n in range(relays)]
    return fleets.a_region(name, *members, at=at, residency=residency)


def test_a_region_without_a_backup_borrows_one_of_the_nearest_other() -> None:
    now = fleets.a_fleet(
        lone("here", at=(50.0, 8.0)), lone("next", at=(51.5, 0.0)), lone("far", at=FAR)
    )
    assert names(select(now)) == {
        Role.PRIMARY: "here-0",
        Role.BACKUP: "next-0",
        Role.FALLBACK: "far-0",
    }


def test_a_backup_is_borrowed_within_the_residency_and_never_for_a_pin() -> None:
    now = fleets.a_fleet(
        lone("here", at=(50.0, 8.0), residency="eu"),
        lone("next", at=(51.5, 0.0)),
        lone("far", at=FAR, residency="eu"),
        lone("farther", at=(0.0, 0.0), residency="eu"),
    )
    chosen = select(now, residency="eu")
    assert set(names(chosen).values()) == {"here-0", "far-0", "farther-0"}
    assert set(names(select(now, pin="here"))) == {Role.PRIMARY, Role.FALLBACK}


def test_of_two_regions_the_other_one_has_backup_and_fallback_on_two_nodes() -> None:
    now = fleets.a_fleet(lone("here", at=(50.0, 8.0)), lone("far", at=FAR, relays=2))
    for user in map(str, range(50)):
        chosen = names(select(now, user))
        assert list(chosen) == list(Role)
        assert set(chosen.values()) == {"here-0", "far-0", "far-1"}


def test_a_region_borrows_of_none_that_is_full_while_it_has_room() -> None:
    full = fleets.a_region("next", fleets.a_member("next-0", of="next", load=1.0))
    now = fleets.a_fleet(lone("here", at=(50.0, 8.0)), full)
    assert names(select(now)) == {Role.PRIMARY: "here-0"}


def test_a_region_that_shares_its_anycast_address_lends_no_backup() -> None:
    def site(name: str, of: str) -> fleet.Member:
        return fleets.a_member(name, of=of, addresses=("198.51.100.1",), anycast=True)

    near = fleets.a_region("near", site("x", "near"))
    twins = fleets.a_region("twin", site("y", "twin"), fleets.a_member("z", of="twin"), at=FAR)
    third = fleets.a_region("third", site("v", "third"), fleets.a_member("w", of="third"), at=FAR)
    for user in map(str, range(50)):
        chosen = names(select(fleets.a_fleet(near, twins, third), user))
        assert set(chosen.values()) == {"x", "z", "w"}


def test_a_node_of_two_relays_is_no_backup_of_itself() -> None:
    twins = (fleets.a_member(name, node="one") for name in ("a", "b"))
    assert set(names(select(fleets.a_fleet(fleets.a_region("here", *twins))))) == {Role.PRIMARY}


def test_a_small_difference_in_load_moves_nobody() -> None:
    calm, uneven = fleets.a_fleet(region_of(2)), fleets.a_fleet(region_of(2, load_0=0.04))
    assert all(names(select(calm, u)) == names(select(uneven, u)) for u in map(str, range(50)))


def test_users_of_a_region_spread_over_its_relays() -> None:
    now = fleets.a_fleet(region_of(4))
    selector = selecting.Selector(ESTIMATOR)
    counts = Counter(
        names(selector.select(now, fleets.a_client(HERE, f"user{n}")))[Role.PRIMARY]
        for n in range(4000)
    )
    assert len(counts) == 4
    assert all(850 < count < 1150 for count in counts.values())


def test_regions_at_one_place_share_users_by_weight() -> None:
    light = fleets.a_region("light", fleets.a_member("light-0", of="light"), weight=25)
    heavy = fleets.a_region("heavy", fleets.a_member("heavy-0", of="heavy"), weight=75)
    now = fleets.a_fleet(light, heavy)
    selector = selecting.Selector(ESTIMATOR)
    choices = [selector.select(now, fleets.a_client(HERE, f"user{n}")).choices for n in range(4000)]
    counts = Counter(first.region.spec.name for first, *_ in choices)
    assert 0.22 < counts["light"] / 4000 < 0.28
    assert all(first.region is not second.region for first, second in choices)


def test_a_relay_that_leaves_moves_only_its_own_users() -> None:
    everyone, gone = region_of(8), "near-3"
    fewer = replace(everyone, members=tuple(m for m in everyone.members if m.relay.name != gone))
    before, after = fleets.a_fleet(everyone), fleets.a_fleet(fewer)
    moved = 0
    for user in map(str, range(400)):
        was, now = names(select(before, user)), names(select(after, user))
        if gone in was.values():
            moved += 1
        else:
            assert now == was
    assert moved < 400 * 0.35


def test_one_anycast_relay_under_two_names_is_offered_once() -> None:
    site = fleets.a_member("x", of="near", addresses=("198.51.100.1",), anycast=True)
    twin = fleets.a_member("y", of="far", addresses=("198.51.100.1",), anycast=True)
    near, far = fleets.a_region("near", site), fleets.a_region("far", twin, at=FAR)
    assert names(select(fleets.a_fleet(near, far))) == {Role.PRIMARY: "x"}
    third = fleets.a_region("third", fleets.a_member("z", of="third"), at=(0.0, 0.0))
    assert names(select(fleets.a_fleet(near, far, third))) == {
        Role.PRIMARY: "x",
        Role.FALLBACK: "z",
    }


def test_beside_an_anycast_twin_of_the_primary_the_other_relay_is_the_fallback() -> None:
    site = fleets.a_member("x", of="near", addresses=("198.51.100.1",), anycast=True)
    twin = fleets.a_member("y", of="far", addresses=("198.51.100.1",), anycast=True)
    other = fleets.a_member("z", of="far")
    now = fleets.a_fleet(fleets.a_region("near", site), fleets.a_region("far", twin, other, at=FAR))
    for user in map(str, range(50)):
        assert names(select(now, user)) == {Role.PRIMARY: "x", Role.FALLBACK: "z"}


def test_a_pinned_client_falls_back_inside_the_residency_of_its_pin_only() -> None:
    regions = (
        fleets.a_region("de", fleets.a_member("de-0", of="de"), residency="eu"),
        fleets.a_region("ch", fleets.a_member("ch-0", of="ch")),
        fleets.a_region("fr", fleets.a_member("fr-0", of="fr"), residency="eu", at=FAR),
    )
    chosen = select(fleets.a_fleet(*regions), pin="de", residency="eu")
    assert names(chosen) == {Role.PRIMARY: "de-0", Role.FALLBACK: "fr-0"}


def flapping(name: str, *, state: contract.State = contract.State.READY) -> fleet.Member:
    return fleets.a_member(name, of="near", node=name, state=state, reason=fleet.Reason.DAMPED)


def test_a_relay_that_flaps_is_left_out_while_its_region_has_another() -> None:
    steady = fleets.a_member("steady", of="near")
    now = fleets.a_fleet(fleets.a_region("near", flapping("shaky"), steady))
    chosen = select(now)
    assert names(chosen) == {Role.PRIMARY: "steady"}
    assert [(each.relay, each.reason) for each in chosen.excluded] == [
        ("shaky", fleet.Reason.DAMPED)
    ]


def test_relays_that_flap_are_better_than_none_and_other_regions_better_than_them() -> None:
    shaky = fleets.a_region("near", flapping("shaky-1"), flapping("shaky-2"))
    far = fleets.a_region("far", fleets.a_member("far-1", of="far"), at=FAR)
    alone, with_another = select(fleets.a_fleet(shaky)), select(fleets.a_fleet(shaky, far))
    assert set(names(alone).values()) == {"shaky-1", "shaky-2"}
    assert names(with_another)[Role.PRIMARY] == "far-1"
    assert names(with_another)[Role.FALLBACK] in {"shaky-1", "shaky-2"}


def test_a_flapping_relay_that_is_closed_is_not_even_a_last_resort() -> None:
    closed = flapping("shaky", state=contract.State.CLOSED)
    assert select(fleets.a_fleet(fleets.a_region("near", closed))).choices == ()


@fleets.few
@given(fleets.fleets(), fleets.clients())
def test_nobody_is_ever_sent_to_a_relay_that_cannot_be_offered(
    now: fleet.Fleet, client: selection.Client
) -> None:
    for choice in selecting.select(now, client, ESTIMATOR).choices:
        assert choice.member.relay.state is contract.State.READY
        assert choice.member.health.reason is None
        assert choice.member in choice.region.members
        assert choice.region.secret is not None
        assert choice.region.spec.weight > 0


@fleets.few
@given(fleets.fleets(), fleets.clients())
def test_no_role_ever_leaves_the_residency(now: fleet.Fleet, client: selection.Client) -> None:
    for choice in selecting.select(now, client, ESTIMATOR).choices:
        assert client.residency in (None, choice.region.spec.residency)


@fleets.few
@given(fleets.fleets(), fleets.clients())
def test_roles_are_in_order_and_do_not_fail_together(
    now: fleet.Fleet, client: selection.Client
) -> None:
    chosen = selecting.select(now, client, ESTIMATOR)
    roles = [choice.role for choice in chosen.choices]
    assert roles == [role for role in Role if role in roles]
    assert not roles or roles[0] is Role.PRIMARY
    primary, backup, fallback = (chosen.by_role(role) for role in Role)
    if primary and backup and primary.region is backup.region:
        assert primary.member.relay.node != backup.member.relay.node
    if backup and fallback and backup.region is fallback.region:
        assert backup.member.relay.node != fallback.member.relay.node
    if primary and fallback:
        assert primary.region is not fallback.region
    anycast = [c.member.relay.addresses for c in chosen.choices if c.member.relay.anycast]
    assert len(set(anycast)) == len(anycast)


@fleets.few
@given(fleets.fleets(), fleets.clients())
def test_a_usable_pin_has_primary_and_backup(now: fleet.Fleet, client: selection.Client) -> None:
    chosen = selecting.select(now, client, ESTIMATOR)
    primary = chosen.by_role(Role.PRIMARY)
    if client.pin is None:
        assert chosen.notes == ()
    elif not chosen.notes:
        assert primary is not None
        assert primary.region.spec.name == client.pin
        backup = chosen.by_role(Role.BACKUP)
        assert backup is None or backup.region is primary.region
    else:
        assert client.pin not in [ranked.region for ranked in chosen.ranked]


@fleets.few
@given(fleets.fleets(), fleets.clients())
def test_whoever_is_not_offered_is_ranked_or_has_a_reason(
    now: fleet.Fleet, client: selection.Client
) -> None:
    chosen = selecting.select(now, client, ESTIMATOR)
    ranked = {found.region for found in chosen.ranked}
    out = {(found.region, found.relay) for found in chosen.excluded}
    assert len(out) == len(chosen.excluded)
    for name, region in now.regions.items():
        assert (name in ranked) != ((name, None) in out)
        assert name not in ranked or any(m.relay.key not in out for m in region.members)
    assert not any(choice.member.relay.key in out for choice in chosen.choices)


@fleets.few
@given(fleets.fleets(), fleets.clients())
def test_the_order_of_regions_and_relays_does_not_matter(
    now: fleet.Fleet, client: selection.Client
) -> None:
    regions = [
        replace(region, members=tuple(reversed(region.members))) for region in now.regions.values()
    ]
    shuffled = fleets.a_fleet(*reversed(regions))
    one = selecting.select(now, client, ESTIMATOR)
    other = selecting.select(shuffled, client, ESTIMATOR)
    assert names(one) == names(other)
    assert one.ranked == other.ranked
    assert one.excluded == other.excluded


@fleets.few
@given(fleets.fleets(), fleets.fleets(), st.lists(fleets.clients(), max_size=4))
def test_a_selector_that_remembers_says_the_same_as_one_that_does_not(
    first: fleet.Fleet, second: fleet.Fleet, clients: list[selection.Client]
) -> None:
    selector = selecting.Selector(ESTIMATOR)
    for now in (first, second, first):
        for client in [*clients, *clients]:
            assert selector.select(now, client) == selecting.select(now, client, ESTIMATOR)


@fleets.few
@given(fleets.fleets(), fleets.fleets(), fleets.clients())
def test_marks_stand_for_the_relays_that_are_chosen_by_every_slot(
    first: fleet.Fleet, second: fleet.Fleet, client: selection.Client
) -> None:
    selector = selecting.Selector(ESTIMATOR)
    for now in (first, second, first):
        ranked = selector.rank(now, client)
        for slot in range(0, rendezvous.SLOTS, 97):
            choices = choosing.choose(ranked, slot)
            marks = dict(zip(Role, choosing.marks(ranked, slot), strict=True))
            assert {role for role, mark in marks.items() if mark} == {c.role for c in choices}
            for choice in choices:
                mark = marks[choice.role]
                assert mark is not None
                assert mark.told == selection.told(choice.region, choice.member)


def test_users_follow_loads_as_soon_as_they_change() -> None:
    selector, client = selecting.Selector(ESTIMATOR), fleets.a_client(HERE)
    for region, idle in (
        (region_of(2, load_0=0.95), "near-1"),
        (region_of(2, load_1=0.95), "near-0"),
    ) * 2:
        ranked = selector.rank(fleets.a_fleet(region), client)
        marks = [choosing.marks(ranked, slot)[0] for slot in range(rendezvous.SLOTS)]
        assert {mark.told[0].name for mark in marks if mark} == {idle}


def test_a_place_is_served_alike_whatever_rung_found_it() -> None:
    selector, now = selecting.Selector(ESTIMATOR), fleets.a_fleet(region_of(2))
    client = fleets.a_client(HERE)
    hinted = replace(client, located=geo.Located(place=HERE, rung=geo.Rung.HINT, ignored=("x",)))
    one, again, other = (selector.select(now, c) for c in (client, client, hinted))
    assert one == again
    assert one.choices == other.choices
    assert other.located == hinted.located
