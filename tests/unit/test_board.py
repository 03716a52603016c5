"""The board: what agents report and what was answered make a fleet, and only when it shows."""

from dataclasses import replace

import pytest
from tests.support import worlds

from turnfleet.api import board
from turnfleet.model import fleet
from turnfleet.steer import expecting, loading

REGION = worlds.three_regions()[0]
KEY, OTHER = (relay.key for relay in REGION.relays)
ROOM = loading.capacity(REGION.spec, REGION.relays[0])


@pytest.fixture
def current() -> board.Board:
    made = board.Board()
    made.publish_regions((REGION,))
    made.publish_health(worlds.all_well((REGION,)))
    return made


def occupancy(current: board.Board, key: fleet.RelayKey) -> fleet.Occupancy:
    members = current.fleet.regions[key.region].members
    found = next(member.occupancy for member in members if member.relay.key == key)
    assert found is not None
    return found


def test_answers_count_from_the_next_second_until_a_report_shows_them(current: board.Board) -> None:
    current.handed_out({KEY: ROOM // 10}, second=100)
    assert occupancy(current, KEY).pending == pytest.approx(0.1, abs=0.001)
    assert occupancy(current, OTHER).pending == 0
    current.heard(KEY, fleet.Usage(load=0.07), at=104.5)
    current.handed_out({}, second=105)
    found = occupancy(current, KEY)
    assert (found.reported, found.pending) == (0.07, 0)


def test_a_fleet_stays_the_same_while_nothing_that_shows_has_changed(current: board.Board) -> None:
    before = current.fleet
    current.handed_out({}, second=100)
    current.handed_out({KEY: 3}, second=101)
    current.heard(KEY, fleet.Usage(load=0.001), at=102)
    current.handed_out({}, second=102)
    assert current.fleet is before


def test_a_region_in_which_nothing_has_changed_is_kept(current: board.Board) -> None:
    regions = worlds.three_regions()
    current.publish_regions(regions)
    before = current.fleet
    current.handed_out({KEY: ROOM // 10}, second=100)
    assert current.fleet.version == before.version + 1
    for published in regions:
        name = published.spec.name
        kept = current.fleet.regions[name] is before.regions[name]
        assert kept is (name != KEY.region)


def test_loads_alone_make_one_fleet_a_second_and_wait_for_nobody_when_nobody_asks(
    current: board.Board,
) -> None:
    def versions(*loads: float) -> list[int]:
        found = []
        for load in loads:
            well = replace(worlds.WELL, load=load)
            current.publish_health(dict.fromkeys((KEY, OTHER), well))
            found.append(current.fleet.version - before)
        return found

    before = current.fleet.version
    current.handed_out({}, second=100)
    assert versions(0.2, 0.3, 0.4) == [0, 1, 2]
    current.handed_out({}, second=101)
    assert versions(0.5) == [2]
    current.handed_out({}, second=102)
    assert (current.fleet.version - before, occupancy(current, KEY).reported) == (3, 0.5)
    current.publish_health({KEY: worlds.WELL})
    assert current.fleet.version - before == 4


def test_a_relay_that_joins_is_held_at_the_load_of_the_others_at_first(
    current: board.Board,
) -> None:
    old, new = REGION.relays
    current.publish_regions((replace(REGION, relays=(old,)),))
    current.heard(old.key, fleet.Usage(load=0.6), at=1000)
    current.handed_out({}, second=1000)
    current.publish_regions((replace(REGION, relays=(old, replace(new, since=1000.0))),))
    held = []
    for second in range(1001, 1700, 60):
        current.heard(new.key, fleet.Usage(load=0.1), at=second)
        current.handed_out({}, second=second)
        held.append(occupancy(current, new.key).held)
    assert held == sorted(held, reverse=True)
    assert held[0] == pytest.approx(0.6, abs=0.01)
    assert held[-1] == pytest.approx(0.1, abs=loading.HOLD)


def test_a_relay_that_joins_one_of_nonsense_counts_as_full_at_the_most(
    current: board.Board,
) -> None:
    old, new = REGION.relays
    current.heard(old.key, fleet.Usage(load=1000.0), at=1000)
    current.handed_out({}, second=1000)
    current.publish_regions((replace(REGION, relays=(old, replace(new, since=1000.0))),))
    assert occupancy(current, new.key).held <= 1


def test_an_agent_that_falls_silent_keeps_its_relay_out_for_a_while_only(
    current: board.Board,
) -> None:
    current.heard(KEY, fleet.Usage(load=0.99), at=1000)
    full = []
    for second in (1000, 1000 + expecting.STALE, 1001 + expecting.STALE):
        current.handed_out({OTHER: 1}, second=second)
        full.append(occupancy(current, KEY).full)
    assert full == [True, True, False]
    assert occupancy(current, KEY).held == loading.UNSURE


def test_a_relay_that_was_away_begins_anew(current: board.Board) -> None:
    current.heard(KEY, fleet.Usage(load=0.9), at=100)
    current.handed_out({}, second=100)
    assert occupancy(current, KEY).reported == 0.9
    current.publish_regions(())
    current.publish_regions((REGION,))
    assert occupancy(current, KEY).reported == worlds.WELL.load


def test_a_verdict_alone_changes_the_fleet(current: board.Board) -> None:
    out = replace(worlds.WELL, reason=fleet.Reason.UNREACHABLE)
    current.publish_health({KEY: out, OTHER: worlds.WELL})
    found = {m.relay.key: m.health.reason for m in current.fleet.regions[KEY.region].members}
    assert found == {KEY: fleet.Reason.UNREACHABLE, OTHER: None}
