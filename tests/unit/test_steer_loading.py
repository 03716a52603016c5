"""Load: who is full, who gives users away and how many, and what moves nobody."""

import itertools
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import fleets

from turnfleet.model import fleet, geo, selection
from turnfleet.steer import choosing, estimating, loading, rendezvous, selecting

Role = selection.Role

HERE = geo.Place(latitude=50.0, longitude=8.0)
AWAY = (38.95, -77.45)
SLOTS = range(0, rendezvous.SLOTS, 7)
A_FEW = range(0, rendezvous.SLOTS, 97)
loads = st.floats(0, 1.2)


def occupied(load: float, *, before: fleet.Occupancy | None = None) -> fleet.Occupancy:
    return loading.settle(reported=load, pending=0.0, before=before)


def region_of(*relay_loads: float, name: str = "here", **more: object) -> fleet.Region:
    members = (
        fleets.a_member(f"{name}-{number}", of=name, load=load, addresses=[f"{name}-{number}"])
        for number, load in enumerate(relay_loads)
    )
    return fleets.a_region(name, *members, **more)  # type: ignore[arg-type]


def answers(
    *regions: fleet.Region, pin: str | None = None, slots: Iterable[int] = SLOTS
) -> list[tuple[selection.Choice, ...]]:
    ranked = selecting.Selector(estimating.GreatCircle()).rank(
        fleets.a_fleet(*regions), fleets.a_client(HERE, pin=pin)
    )
    return [choosing.choose(ranked, slot) for slot in slots]


def primaries(*regions: fleet.Region) -> Counter[str]:
    return Counter(choices[0].member.relay.name for choices in answers(*regions))


def share(*relay_loads: float) -> float:
    """Return what the first relay has of the users that it has when all are idle."""
    return primaries(region_of(*relay_loads))["here-0"] / primaries(region_of(0, 0))["here-0"]


@fleets.few
@given(st.lists(loads, min_size=1, max_size=5), st.lists(loads, max_size=3))
def test_nobody_is_sent_to_a_full_relay_while_another_is_not(
    near: list[float], far: list[float]
) -> None:
    given_answers = answers(region_of(*near), region_of(*far, name="away", at=AWAY), slots=A_FEW)
    if min(near + far) >= loading.FULL:
        return
    for choices in given_answers:
        assert choices
        assert all(choice.member.health.load < loading.FULL for choice in choices)


@fleets.few
@given(st.lists(loads, min_size=1, max_size=5), st.lists(loads, max_size=3))
def test_who_asks_is_answered_however_full_all_relays_are(
    near: list[float], far: list[float]
) -> None:
    assert all(answers(region_of(*near), region_of(*far, name="away", at=AWAY), slots=A_FEW))


@fleets.few
@given(st.lists(loads, min_size=1, max_size=5), st.lists(loads, max_size=3), loads, st.data())
def test_more_load_never_gets_a_relay_more_clients(
    near: list[float], far: list[float], more: float, data: st.DataObject
) -> None:
    which = data.draw(st.integers(0, len(near) - 1))
    raised = [max(load, more) if n == which else load for n, load in enumerate(near)]
    elsewhere = region_of(*far, name="away", at=AWAY)
    for roles in (set(Role), {Role.PRIMARY}):
        less, grown = (
            sum(
                choice.role in roles and choice.member.relay.name == f"here-{which}"
                for choices in answers(region_of(*each), elsewhere, slots=A_FEW)
                for choice in choices
            )
            for each in (near, raised)
        )
        assert grown <= less


def test_below_the_ramp_an_empty_relay_gets_a_quarter_more_at_most() -> None:
    shares = [share(load, 0) for load in (0.05, 0.3, 0.5, 0.69)]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] == 1
    assert 0.73 < shares[-1] < 0.8


def test_on_the_ramp_a_relay_gives_more_and_more_users_to_one_that_is_emptier() -> None:
    shares = [share(load, 0) for load in (0.7, 0.78, 0.86, 0.94)]
    assert shares == pytest.approx([0.77, 0.53, 0.29, 0.05], abs=0.05)
    assert share(0.95, 0) == 0


def test_relays_that_are_equally_loaded_move_nobody_however_loaded_they_are() -> None:
    assert [share(load, load) for load in (0.3, 0.8, 0.94, 0.99)] == [1, 1, 1, 1]


def roles(*regions: fleet.Region, role: Role) -> Counter[str]:
    return Counter(
        choice.member.relay.name
        for choices in answers(*regions)
        for choice in choices
        if choice.role is role
    )


def test_a_user_who_leaves_for_the_second_candidate_gets_that_one_s_backup() -> None:
    for primary, backup in answers(region_of(0.94, 0.0, 0.0)):
        assert primary.member.relay.node != backup.member.relay.node


def test_backups_and_fallbacks_are_seldom_relays_that_are_nearly_full() -> None:
    hot = region_of(0.94, 0.0, 0.0, 0.0)
    assert roles(hot, role=Role.BACKUP)["here-0"] < 0.2 * roles(hot, role=Role.BACKUP)["here-1"]
    far = region_of(0.94, 0.0, 0.0, name="away", at=AWAY)
    fallbacks = roles(region_of(0.0), far, role=Role.FALLBACK)
    assert fallbacks["away-0"] < 0.2 * fallbacks["away-1"]


def test_users_go_by_the_load_that_a_relay_is_held_at() -> None:
    held = fleet.Occupancy(reported=0.1, pending=0.0, held=0.94, full=False)
    new, old = region_of(0.1, 0.1).members
    both = fleets.a_region("here", replace(new, occupancy=held), old)
    assert primaries(both)["here-0"] < 0.2 * primaries(both)["here-1"]


def test_load_that_rises_moves_each_user_once_and_a_few_at_a_time() -> None:
    steps = [
        [choices[0].member.relay.name for choices in answers(region_of(load / 100, 0.0))]
        for load in range(0, 96, 5)
    ]
    for user in zip(*steps, strict=True):
        assert list(user) == sorted(user)  # from here-0 to here-1, and never back
    moved = [
        sum(was != now for was, now in zip(*pair, strict=True)) / len(SLOTS)
        for pair in itertools.pairwise(steps)
    ]
    assert max(moved) < 0.12


def test_a_pin_holds_in_a_region_that_is_full_with_its_fallback_where_there_is_room() -> None:
    full, roomy = region_of(0.97, 0.96), region_of(0.2, name="away", at=AWAY)
    for primary, *others in answers(full, roomy, pin="here"):
        assert primary.region is full
        assert others[-1].region is roomy


def test_no_fallback_is_full_when_the_primary_is_not() -> None:
    for choices in answers(region_of(0.5), region_of(0.96, name="away", at=AWAY)):
        assert [choice.role for choice in choices] == [Role.PRIMARY]


def test_where_all_are_full_the_least_full_is_taken() -> None:
    assert share(1.2, 0.96) == 0


def test_a_relay_that_is_full_has_room_again_only_well_below() -> None:
    now = occupied(0.94)
    for load, full in ((0.95, True), (0.93, True), (0.91, True), (0.89, False), (0.94, False)):
        now = occupied(load, before=now)
        assert now.full is full


def test_load_stands_still_while_it_moves_within_its_noise() -> None:
    now = occupied(0.5)
    for load in (0.52, 0.48, 0.529):
        now = occupied(load, before=now)
        assert now.held == 0.5
    now = occupied(0.54, before=now)
    assert now.held == 0.54
    assert occupied(0.515, before=now).held == 0.54
    assert loading.own(occupied(0.515, before=now)) == 0.54


def test_an_occupancy_that_changes_by_next_to_nothing_is_the_same() -> None:
    now = occupied(0.5)
    assert occupied(0.505, before=now) is now
    assert occupied(0.511, before=now) is not now


def test_a_new_relay_counts_as_loaded_as_others_at_first_and_is_never_full_for_that() -> None:
    new = replace(fleets.a_member("new").relay, since=1000.0)
    assert loading.novelty(new, at=900) == loading.novelty(new, at=1000) == 1
    assert loading.novelty(new, at=1000 + loading.RAMP_IN / 2) == 0.5
    assert loading.novelty(new, at=2000) == 0
    found = loading.settle(reported=0.1, pending=0.1, floor=0.97, before=None)
    assert (found.held, found.full, loading.own(found)) == (0.97, False, 0.2)


def test_the_mean_load_of_no_relays_is_none() -> None:
    assert loading.mean(region_of(0.5).spec, ()) == 0


def test_capacity_is_declared_or_the_region_s_or_what_its_ports_allow() -> None:
    spec, relay = region_of(0.0).spec, fleets.a_member("any").relay
    assert loading.capacity(spec, relay) == spec.limits.allocations_per_relay
    assert loading.capacity(spec, replace(relay, capacity=70)) == 70
    narrow = replace(spec, relay_ports=replace(spec.relay_ports, min=65000))
    assert loading.capacity(narrow, relay) == 536
