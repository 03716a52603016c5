"""Pages: every source as it is now reaches who asks, in whatever order it is told and lost."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support import learning as world

from turnfleet.learn import facts, page, sources, telling

NOW = int(world.NOW)
EPOCH = b"epoch--1"


def record(number: int, *, count: int = 1, cell: str = "JO/32/36") -> sources.Record:
    told = [
        facts.fact(
            time=NOW - at, nonce=number.to_bytes(4, "big"), region=region, rtt=80 + number % 9
        )
        for at in range(count)
        for region in world.NUMBERS.values()
    ]
    return sources.Record(cell=cell, facts=facts.pack(told))


def records(count: int, *, start: int = 0) -> dict[bytes, sources.Record]:
    return {n.to_bytes(4, "big"): record(n) for n in range(start, start + count)}


def heard(teller: telling.Teller, cursor: int = 0) -> tuple[dict[bytes, sources.Record], int]:
    """Return all pages after a cursor, over the wire, and the cursor after them."""
    found: dict[bytes, sources.Record] = {}
    more = True
    while more:
        told = page.unpack(page.pack(teller.tell({teller.epoch: cursor})))
        assert isinstance(told, page.Page)
        assert told.epoch == teller.epoch
        assert told.records or not told.more
        found |= told.records
        cursor, more = told.cursor, told.more
    return found, cursor


def test_who_asks_first_is_told_all_and_then_what_changed() -> None:
    known = sources.Sources()
    known.merge(records(2500), now=NOW)
    teller = telling.Teller(known, epoch=EPOCH)
    found, cursor = heard(teller)
    assert found == records(2500)
    assert heard(teller, cursor) == ({}, cursor)
    known.merge({b"new-": record(7), b"\0\0\0\1": record(1, count=2)}, now=NOW)
    found, later = heard(teller, cursor)
    assert found.keys() == {b"new-", b"\0\0\0\1"}
    assert found[b"\0\0\0\1"] == known[b"\0\0\0\1"]
    assert later > cursor


def test_a_cursor_of_another_run_or_of_the_future_tells_all_from_the_start() -> None:
    known = sources.Sources()
    known.merge(records(3), now=NOW)
    teller = telling.Teller(known, epoch=EPOCH)
    assert teller.tell({b"epoch--0": 3}).records == records(3)
    assert teller.tell({EPOCH: 1 << 60}).records == records(3)


def test_what_no_replica_has_taken_comes_after_what_one_has() -> None:
    known = sources.Sources()
    known.merge(records(30), now=NOW)
    teller = telling.Teller(known, epoch=EPOCH)
    assert heard(teller, teller.untaken(most=1000))[0] == records(30)
    assert len(heard(teller, teller.untaken(most=7))[0]) == 7
    _, cursor = heard(teller)
    for said in ({EPOCH: cursor}, {EPOCH: cursor - 3}, {EPOCH: cursor + 9}, {b"epoch--0": 99}, {}):
        teller.taken(said)
    assert heard(teller, teller.untaken(most=1000)) == ({}, cursor)
    known.merge({b"new-": record(7)}, now=NOW)
    assert heard(teller, teller.untaken(most=1000))[0].keys() == {b"new-"}


@pytest.mark.parametrize("count", [20, 1200])
def test_who_is_told_of_many_changes_of_a_few_is_told_each_source_once(count: int) -> None:
    known = sources.Sources()
    known.merge(records(count), now=NOW)
    teller = telling.Teller(known, epoch=EPOCH)
    _, cursor = heard(teller)
    for number in range(5000):
        told = facts.fact(time=NOW + number, nonce=b"nonc", region=number % 3, rtt=80)
        record = sources.Record(cell="JO/32/36", facts=facts.pack([told]))
        known.merge({(number % 7).to_bytes(4, "big"): record}, now=NOW + number)
        teller.hear()
    changed = {number.to_bytes(4, "big") for number in range(7)}
    expected = {source: record for source, record in known.items() if source in changed}
    assert heard(teller, cursor)[0] == expected
    assert heard(teller)[0] == dict(known.items())


def test_of_what_was_cleared_nothing_is_told_and_all_that_comes_after() -> None:
    known = sources.Sources()
    teller = telling.Teller(known, epoch=EPOCH)
    known.merge(records(30), now=NOW)
    _, cursor = heard(teller)
    known.clear()
    assert (len(known), known.facts, known.members("JO")) == (0, 0, frozenset())
    assert heard(teller)[0] == {}
    known.merge(records(2), now=NOW)
    assert heard(teller, cursor)[0] == records(2) == heard(teller)[0]
    assert known.changes("JO") > 30


def test_what_was_dropped_is_not_told_and_what_came_back_is() -> None:
    known = sources.Sources(most=6)
    teller = telling.Teller(known, epoch=EPOCH)
    known.merge({b"old-": record(1, count=1)}, now=NOW)
    teller.hear()
    later = {
        b"new1": sources.Record(cell="JO/32/36", facts=facts.pack(_later(NOW + 9))),
        b"new2": sources.Record(cell="JO/32/36", facts=facts.pack(_later(NOW + 8))),
    }
    known.merge(later, now=NOW + 10)
    assert heard(teller)[0] == later


def _later(time: int) -> list[facts.Fact]:
    return [
        facts.fact(time=time, nonce=b"nonc", region=region, rtt=80)
        for region in world.NUMBERS.values()
    ]


def test_no_page_is_larger_than_it_may_be() -> None:
    known = sources.Sources()
    large = {
        n.to_bytes(4, "big"): sources.Record(
            cell="JO/32/36/4294967295",
            facts=facts.pack(
                facts.fact(time=NOW - at, nonce=b"nonc", region=region, rtt=80)
                for at in range(facts.EACH)
                for region in range(8)
            ),
        )
        for n in range(1000)
    }
    known.merge(large, now=NOW)
    teller = telling.Teller(known, epoch=EPOCH)
    first = teller.tell({})
    assert first.more
    assert page.SIZE_MAX - 600 < len(page.pack(first)) <= page.SIZE_MAX
    assert heard(teller)[0] == large


_steps = st.lists(
    st.one_of(
        st.tuples(st.just("report"), st.integers(0, 2), st.integers(0, 30)),
        st.tuples(st.just("pull"), st.integers(0, 2), st.integers(0, 2)),
        st.tuples(st.just("lose"), st.integers(0, 2), st.integers(0, 2)),
        st.tuples(st.just("restart"), st.integers(0, 2), st.just(0)),
    ),
    max_size=40,
)


@given(_steps, st.integers(1, 12))
@settings(max_examples=150)
def test_replicas_converge_over_lost_and_repeated_pages_and_restarts(
    steps: list[tuple[str, int, int]], most: int
) -> None:
    replicas = [_Replica(most) for _ in range(3)]
    heard_of = sources.Sources(most=most)
    for number, (what, one, other) in enumerate(steps):
        match what:
            case "report":
                told = {(other % 4).to_bytes(4, "big"): record(number % 7, count=1 + other % 3)}
                replicas[one].known.merge(told, now=NOW)
                heard_of.merge(told, now=NOW)
            case "pull":
                replicas[one].pull(replicas[other])
            case "lose":
                replicas[other].tell(replicas[one].cursors)
            case _:
                # What it knew that nobody else has is gone; it is told the rest again.
                before = replicas[one]
                for others in replicas:
                    others.pull(before)
                replicas[one] = _Replica(most)
    for _ in range(2):
        for one in range(3):
            for other in range(3):
                replicas[one].pull(replicas[other])
    for replica in replicas:
        assert dict(replica.known.items()) == dict(heard_of.items())


class _Replica:
    _epochs = random.Random(0)  # noqa: S311 - a test's

    def __init__(self, most: int) -> None:
        self.known = sources.Sources(most=most)
        self.teller = telling.Teller(self.known, epoch=self._epochs.randbytes(8))
        self.cursors: dict[bytes, int] = {}

    def tell(self, cursors: dict[bytes, int]) -> page.Page:
        told = page.unpack(page.pack(self.teller.tell(cursors)))
        assert isinstance(told, page.Page)
        return told

    def pull(self, other: "_Replica") -> None:
        if other is not self:
            told = other.tell(self.cursors)
            self.known.merge(told.records, now=NOW)
            self.cursors[told.epoch] = told.cursor


@given(st.binary(max_size=200))
def test_bytes_that_are_no_page_are_told_apart(body: bytes) -> None:
    told = page.unpack(body)
    if isinstance(told, page.Page):
        sources.Sources().merge(told.records, now=NOW)
    else:
        assert told.why


@given(st.integers(0, 400), st.integers(0, 255))
def test_a_page_that_was_changed_is_no_page_or_merges_without_harm(at: int, byte: int) -> None:
    packed = bytearray(page.pack(telling.Teller(_some(), epoch=EPOCH).tell({})))
    packed[at % len(packed)] = byte
    told = page.unpack(bytes(packed))
    if isinstance(told, page.Page):
        sources.Sources().merge(told.records, now=NOW)


def _some() -> sources.Sources:
    known = sources.Sources()
    known.merge(records(5), now=NOW)
    return known


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda body: body[:10], "too short"),
        (lambda body: b"\x02" + body[1:], "another version"),
        (lambda body: body[:-1], "whole records"),
        (lambda body: body[:24], "whole records"),
        (lambda body: body + b"!", "whole records"),
        (lambda body: body * 4000, "is more than"),
    ],
)
def test_why_a_body_is_no_page_is_said_without_any_of_it(
    change: Callable[[bytes], bytes], why: str
) -> None:
    told = page.unpack(change(page.pack(telling.Teller(_some(), epoch=EPOCH).tell({}))))
    assert isinstance(told, page.Unread)
    assert why in told.why
