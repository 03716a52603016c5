"""Merging: in any order, any number of times, the same is known and the same estimated."""

import functools
import random
import struct
from collections.abc import Callable, Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support import learning as world

from turnfleet.learn import facts, posterior, sources

NOW = int(world.NOW)

# Few of each, so that facts, sources and seconds meet; many facts, so that bounds are reached.
_facts = st.lists(
    st.builds(
        facts.Fact,
        time=st.integers(NOW - 20, NOW),
        nonce=st.integers(0, 1),
        region=st.sampled_from(list(world.NUMBERS.values())),
        tenths=st.integers(400, 1900),
    ),
    min_size=1,
    max_size=7,
).map(facts.pack)
_records = st.builds(
    sources.Record, cell=st.sampled_from(["JO/32/36", "JO/30/36", "NO/60/10"]), facts=_facts
)
_told = st.dictionaries(st.sampled_from([b"aaaa", b"bbbb", b"cccc"]), _records, min_size=1)
_replicas = st.lists(_told, min_size=1, max_size=3)


def known(*tellings: dict[bytes, sources.Record], most: int = 9) -> sources.Sources:
    kept = sources.Sources(most=most)
    for told in tellings:
        kept.merge(told, now=world.NOW)
    return kept


def records(kept: sources.Sources) -> dict[bytes, sources.Record]:
    return dict(kept.items())


@given(_facts, _facts, _facts)
def test_joining_facts_is_commutative_associative_and_idempotent(
    a: bytes, b: bytes, c: bytes
) -> None:
    assert facts.join(a, b) == facts.join(b, a)
    assert facts.join(facts.join(a, b), c) == facts.join(a, facts.join(b, c))
    assert facts.join(a, a) == a == facts.join(a)


@given(_replicas, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_any_order_and_any_repetition_of_merges_gives_the_same(
    replicas: list[dict[bytes, sources.Record]], chance: random.Random
) -> None:
    shuffled = replicas * 2
    chance.shuffle(shuffled)
    assert records(known(*shuffled)) == records(known(*replicas))


@given(_replicas)
@settings(deadline=None)
def test_a_replica_told_by_a_replica_knows_what_all_know(
    replicas: list[dict[bytes, sources.Record]],
) -> None:
    in_a_row = functools.reduce(
        lambda so_far, told: known(told, records(so_far)), replicas, sources.Sources()
    )
    assert records(in_a_row) == records(known(*replicas))


@given(_replicas, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=30)
def test_replicas_that_know_the_same_estimate_the_same(
    replicas: list[dict[bytes, sources.Record]], chance: random.Random
) -> None:
    def estimates(kept: sources.Sources) -> object:
        told = posterior.Posterior(sources=kept, regions=world.SITES, prior=world.prior)
        return [
            told.estimates(
                expected=world.prior(world.AMMAN), cell="JO/32/36", source=source, now=world.NOW
            )
            for source in [*sorted(records(kept)), b"else"]
        ]

    shuffled = replicas * 2
    chance.shuffle(shuffled)
    assert estimates(known(*replicas, most=50)) == estimates(known(*shuffled, most=50))


@given(st.permutations(range(30)))
@settings(deadline=None, max_examples=20)
def test_a_crowd_says_the_same_in_whatever_order_it_was_heard(order: list[int]) -> None:
    def told(number: int) -> dict[bytes, sources.Record]:
        found = [
            facts.fact(
                time=NOW - 77_777 * number,
                nonce=b"nonc",
                region=world.NUMBERS[name],
                rtt=60 + number + 7 * (number % 3),
            )
            for name in world.NAMES
        ]
        record = sources.Record(cell="JO/32/36", facts=facts.pack(found))
        return {(number * 9_876_543).to_bytes(4, "big"): record}

    def estimates(numbers: Sequence[int]) -> object:
        kept = known(*map(told, numbers), most=1000)
        posed = posterior.Posterior(sources=kept, regions=world.SITES, prior=world.prior)
        return posed.estimates(
            expected=world.prior(world.AMMAN), cell="JO/32/36", source=b"else", now=world.NOW
        )

    heard = estimates(order)
    assert heard == estimates(range(30)) != estimates([])


@given(_replicas)
@settings(deadline=None)
def test_members_and_bounds_hold_whatever_is_merged(
    replicas: list[dict[bytes, sources.Record]],
) -> None:
    kept = known(*replicas)
    assert sum(len(record.facts) for record in records(kept).values()) <= 9 * facts.SIZE
    for country in ("JO", "NO"):
        there = {s for s, record in kept.items() if record.cell.startswith(country)}
        assert kept.members(country) == there
    assert all(len(r.facts) <= facts.SIZE * facts.ALL for r in records(kept).values())


@given(st.binary(max_size=6), st.text(max_size=10), st.binary(max_size=60))
def test_nonsense_of_another_replica_is_passed_over(
    source: bytes, cell: str, packed: bytes
) -> None:
    kept = known({source: sources.Record(cell=cell, facts=packed)})
    assert len(kept) == 0


@pytest.mark.parametrize(("age", "taken"), [(-200, 0), (-60, 1), (0, 1), (56 * 86400 + 1, 0)])
def test_facts_of_the_future_and_of_long_ago_are_passed_over(age: int, taken: int) -> None:
    fact = facts.fact(time=NOW - age, nonce=b"nonc", region=world.NUMBERS["pune"], rtt=80)
    kept = known({b"1234": sources.Record(cell="JO/32/36", facts=facts.pack([fact]))})
    assert len(kept) == taken


def of_one_answer(number: int, *, time: int = NOW) -> dict[bytes, sources.Record]:
    fact = facts.fact(time=time, nonce=b"nonc", region=world.NUMBERS["pune"], rtt=80)
    record = sources.Record(cell="JO/32/36", facts=facts.pack([fact]))
    return {number.to_bytes(4, "big"): record}


def test_a_clock_that_is_years_ahead_for_a_moment_costs_little_and_is_noticed() -> None:
    kept = known(*map(of_one_answer, range(500)), most=1000)
    far = NOW + 5 * 365 * 86400
    kept.merge(of_one_answer(1000, time=far), now=far)
    assert len(kept) == 501 - sources.LAPSING
    assert kept.lapses == 0
    kept.merge(of_one_answer(1001), now=NOW + 1)
    assert len(kept) == 502 - sources.LAPSING
    assert kept.lapses == 1


def test_what_is_too_old_is_forgotten_in_the_course_of_some_reports() -> None:
    kept = known(*map(of_one_answer, range(500)), most=1000)
    later = NOW + sources.HORIZON + 1
    for number in range(10):
        kept.merge(of_one_answer(1000 + number, time=later), now=later)
    assert len(kept) == 10
    assert kept.lapses == 0


def test_the_newest_facts_of_a_region_are_kept() -> None:
    told = [
        facts.fact(time=NOW + number, nonce=b"nonc", region=world.NUMBERS[name], rtt=50 + number)
        for number in range(20)
        for name in world.NAMES
    ]
    found = list(facts.unpack(facts.pack(told)))
    assert len(found) == 3 * facts.EACH
    assert {fact.rtt for fact in found} == {65, 66, 67, 68, 69}


def test_a_packed_set_that_was_cut_is_told_apart() -> None:
    with pytest.raises(struct.error):
        list(facts.unpack(b"short"))


def test_news_is_what_was_not_known() -> None:
    kept = sources.Sources()
    fact = facts.fact(time=NOW, nonce=b"nonc", region=world.NUMBERS["pune"], rtt=80)
    told = {b"1234": sources.Record(cell="JO/32/36", facts=facts.pack([fact]))}
    assert kept.merge(told, now=world.NOW) == {b"1234"}
    changes = kept.changes("JO")
    assert kept.merge(told, now=world.NOW) == frozenset()
    assert kept.changes("JO") == changes


def newest(told: Sequence[dict[bytes, sources.Record]], most: int) -> dict[bytes, set[facts.Fact]]:
    """Return, slowly, the facts that are left of all that was told."""
    joined: dict[bytes, bytes] = {}
    for each in told:
        for source, record in each.items():
            joined[source] = facts.join(joined.get(source, b""), record.facts)
    all_of_them = sorted(
        (fact.time, fact.nonce, source, -position, fact)
        for source, packed in joined.items()
        for position, fact in enumerate(facts.unpack(packed))
    )
    left: dict[bytes, set[facts.Fact]] = {}
    for _, _, source, _, fact in all_of_them[-most:]:
        left.setdefault(source, set()).add(fact)
    return left


@given(_replicas)
@settings(deadline=None)
def test_of_all_facts_the_newest_are_left(replicas: list[dict[bytes, sources.Record]]) -> None:
    kept = known(*replicas)
    found = {source: set(facts.unpack(record.facts)) for source, record in kept.items()}
    assert found == newest(replicas, 9)


@pytest.mark.parametrize("step", [1, -1], ids=["as they were measured", "the newest first"])
@pytest.mark.parametrize("networks", [50, 600], ids=["that come again", "that are forgotten"])
def test_no_report_looks_at_more_facts_the_more_are_known(
    monkeypatch: pytest.MonkeyPatch, networks: int, step: int
) -> None:
    """One that looked at all of them would hold up every answer for as long as that takes."""
    most, looked_at = 300, 0

    def unpack(
        packed: bytes, real: Callable[[bytes], Iterator[facts.Fact]] = facts.unpack
    ) -> Iterator[facts.Fact]:
        nonlocal looked_at
        looked_at += len(packed) // facts.SIZE
        return real(packed)

    monkeypatch.setattr(facts, "unpack", unpack)
    kept = sources.Sources(most=most)
    for number in range(0, step * 20 * most, step):
        fact = facts.Fact(NOW + number, 0, world.NUMBERS["pune"], 800)
        record = sources.Record(cell="JO/32/36", facts=facts.pack([fact]))
        looked_at = 0
        kept.merge({(number % networks).to_bytes(4, "big"): record}, now=NOW + max(0, number))
        assert looked_at <= 2 * facts.ALL
    assert kept.facts == min(most, networks * facts.EACH)
