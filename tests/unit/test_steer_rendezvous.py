"""Rendezvous hashing: even, the same everywhere, and moving only whom it has to."""

import itertools
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnfleet.steer import rendezvous

SLOTS = range(rendezvous.SLOTS)


def seats(
    count: int,
    *,
    nodes: int | None = None,
    zones: Sequence[str | None] = (None,),
    capacities: Sequence[int] = (1,),
) -> tuple[rendezvous.Seat, ...]:
    return tuple(
        rendezvous.Seat(
            name=f"relay-{number}",
            node=f"node-{number % (nodes or count)}",
            zone=zones[number % len(zones)],
            capacity=capacities[number % len(capacities)],
        )
        for number in range(count)
    )


def row(table: rendezvous.Table, slot: int) -> tuple[str | None, ...]:
    return tuple(
        None if cell == rendezvous.NOBODY else table.seats[cell].name for cell in table.row(slot)
    )


def test_users_spread_evenly_over_slots() -> None:
    counts = Counter(rendezvous.slot(f"user{number}") for number in range(100_000))
    assert len(counts) == rendezvous.SLOTS
    assert max(counts.values()) < 100_000 / rendezvous.SLOTS * 3


@pytest.mark.parametrize("user", ["", "a", "ABCDEFGHIJKL", "ü" * 128])
def test_a_slot_is_within_bounds(user: str) -> None:
    assert 0 <= rendezvous.slot(user) < rendezvous.SLOTS


def test_slots_are_the_same_in_every_process_and_version() -> None:
    assert [rendezvous.slot(user) for user in ("alice", "bob", "ABCDEFGHIJKL")] == [350, 3285, 2182]


def test_a_hundred_relays_get_nearly_equal_shares_of_first_and_second_places() -> None:
    table = rendezvous.Table(seats(100))
    for place in (0, 1):
        counts = Counter(table.row(slot)[place] for slot in SLOTS)
        assert len(counts) == 100
        deviation = sum((count - 40.96) ** 2 for count in counts.values()) / 100
        assert deviation**0.5 / 40.96 < 0.2  # sqrt(100 / 4096) = 0.16 is what chance alone gives


def test_relays_get_first_places_by_their_capacity() -> None:
    table = rendezvous.Table(seats(6, capacities=(1, 2, 5)))
    counts = Counter(table.row(slot)[0] for slot in SLOTS)
    for place, seat in enumerate(table.seats):
        assert abs(counts[place] - rendezvous.SLOTS * seat.capacity / 16) < 60


def test_equal_capacities_are_as_good_as_none() -> None:
    plain, equal = rendezvous.Table(seats(6)), rendezvous.Table(seats(6, capacities=(700,)))
    assert all(plain.row(slot) == equal.row(slot) for slot in SLOTS)


def test_who_is_second_does_not_follow_from_who_is_first() -> None:
    table = rendezvous.Table(seats(5))
    pairs = Counter(tuple(table.row(slot)[:2]) for slot in SLOTS)
    assert len(pairs) == 20
    assert all(abs(count - 204.8) < 60 for count in pairs.values())


@settings(deadline=None)
@given(st.integers(2, 12), st.sampled_from([(1,), (1, 3), (1, 2, 50)]), st.data())
def test_only_slots_that_named_a_relay_move_when_it_leaves(
    count: int, capacities: Sequence[int], data: st.DataObject
) -> None:
    everyone = seats(count, zones=("a", "b"), capacities=capacities)
    gone = data.draw(st.sampled_from(everyone))
    before = rendezvous.Table(everyone)
    after = rendezvous.Table([seat for seat in everyone if seat != gone])
    for slot in range(0, rendezvous.SLOTS, 64):
        first, second, *_ = row(before, slot)
        if gone.name not in (first, second):
            assert row(after, slot)[:2] == (first, second)
        elif first == gone.name:
            assert row(after, slot)[0] == second
        else:
            assert row(after, slot)[0] == first


@settings(deadline=None)
@given(st.integers(1, 9), st.data())
def test_a_table_without_some_seats_is_that_of_the_others(count: int, data: st.DataObject) -> None:
    everyone = seats(count, nodes=7, zones=("a", "b"), capacities=(1, 4))
    out = data.draw(st.frozensets(st.integers(0, count - 1)))
    fewer = rendezvous.Table([seat for at, seat in enumerate(everyone) if at not in out])
    reduced = rendezvous.Reduced(rendezvous.Table(everyone), out=out)
    for slot in range(0, rendezvous.SLOTS, 64):
        assert row(reduced, slot) == row(fewer, slot)


@settings(deadline=None)
@given(st.permutations(seats(6, zones=("a", "b", None))))
def test_the_order_of_relays_does_not_matter(shuffled: list[rendezvous.Seat]) -> None:
    ordered, other = rendezvous.Table(sorted(shuffled, key=lambda seat: seat.name)), shuffled
    table = rendezvous.Table(other)
    assert all(row(ordered, slot) == row(table, slot) for slot in range(50))


@settings(deadline=None)
@given(st.integers(0, 8), st.integers(1, 4), st.sampled_from([(None,), ("a",), ("a", "b", None)]))
def test_a_backup_is_on_another_node_and_in_another_zone_where_there_is_one(
    count: int, nodes: int, zones: Sequence[str | None]
) -> None:
    table = rendezvous.Table(seats(count, nodes=nodes, zones=zones))
    for slot in range(50):
        cells = table.row(slot)
        for primary, backups in ((cells[0], cells[2:4]), (cells[1], cells[4:6])):
            check_backups(table, primary, backups)


def check_backups(table: rendezvous.Table, primary: int, backups: Sequence[int]) -> None:
    if primary == rendezvous.NOBODY:
        assert list(backups) == [rendezvous.NOBODY] * 2
        return
    taken = table.seats[primary]
    possible = [seat for seat in table.seats if seat.node != taken.node]
    in_other_zones = [
        seat for seat in possible if taken.zone and seat.zone not in (taken.zone, None)
    ]
    found = [table.seats[cell] for cell in backups if cell != rendezvous.NOBODY]
    assert set(found) <= set(in_other_zones or possible)
    assert len(found) == min(2, len(in_other_zones or possible))


def test_relays_behind_one_anycast_address_are_never_each_others_backup() -> None:
    twins = [
        rendezvous.Seat(name=name, node=name, zone=None, anycast=("198.51.100.1",))
        for name in ("site-a", "site-b")
    ]
    assert row(rendezvous.Table(twins), 7)[2:] == (None, None, None, None)
    alone = rendezvous.Seat(name="other", node="other", zone=None)
    backups = set(
        itertools.chain.from_iterable(
            row(rendezvous.Table([*twins, alone]), s)[2:4] for s in range(50)
        )
    )
    assert "other" in backups
