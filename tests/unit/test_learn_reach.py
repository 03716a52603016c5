"""Whether UDP works for a client: what a report says of it, who is believed, and for how long."""

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnfleet.learn import convert, reach, report
from turnfleet.model import region

Transport = region.Transport
Outcome = report.Outcome
T0 = 1_800_000_000.0
HERE, NEAR, AWAY = "DE/50/8", "DE/52/14", "US/38/-78"
UDP, TCP, TLS = ("a/udp", "b/udp", "c/udp"), "a/tcp", ("a/tls", "c/tls")
ROUTES = {
    url: convert.Route(
        region="here",
        name=url[0],
        transport=Transport(url[2:]),
        named=False,
    )
    for url in (*UDP, TCP, *TLS)
}
BALANCED = {url: ROUTES[url] for url in ("a/udp", "a/tls", "b/udp", "c/tls")}
TLS_FIRST = {url: ROUTES[url] for url in ("a/tls", "c/tls", "a/udp")}


def told(
    *worked: str, failed: dict[str, int] | None = None, outcome: Outcome = Outcome.CONNECTED
) -> report.Report:
    return report.Report(
        rid="x",
        outcome=outcome,
        times=tuple(report.Time(url=url, ms=80) for url in worked),
        failures=tuple(report.Failure(url=url, code=code) for url, code in (failed or {}).items()),
    )


def source(number: int) -> bytes:
    return number.to_bytes(4, "big")


def say(
    made: reach.Transports, *numbers: int, works: bool, cell: str = HERE, now: float = T0
) -> None:
    for number in numbers:
        made.take(works=works, cell=cell, source=source(number), now=now)


BOTH_MISSING = {"a/udp": 701, "b/udp": 701}


@pytest.mark.parametrize(
    ("said", "works"),
    [
        (told("a/udp", "a/tls"), True),
        (told("b/udp"), True),
        (told("a/tls", failed={"a/udp": 701, "b/udp": 486}), True),
        (told("a/tls"), False),
        (told("c/tls", failed=BOTH_MISSING), False),
        (told("a/tls", failed=BOTH_MISSING, outcome=Outcome.GATHERED), False),
        (told("a/tls", outcome=Outcome.FAILED), False),
        (told("a/tls", failed={"a/udp": 701}, outcome=Outcome.GATHERED), None),
        (told("a/tls", outcome=Outcome.GATHERED), None),
        (told(failed=BOTH_MISSING | {"a/tls": 701}), None),
        (told(), None),
        (told("turns:192.0.2.9:5349"), None),
    ],
    ids=[
        "one by UDP", "the other by UDP", "a refusal came by UDP", "none by UDP", "both missing",
        "both missing of a page that left", "not connected", "one missing of a page that left",
        "a page that left", "nothing at all", "a report of nothing", "only a stranger",
    ],
)  # fmt: skip
def test_a_report_says_of_udp(said: report.Report, works: bool | None) -> None:  # noqa: FBT001
    assert reach.udp_works(said, BALANCED) is works


def test_one_relay_without_udp_is_no_client_without_udp() -> None:
    assert reach.udp_works(told("a/tls", "c/tls"), TLS_FIRST) is None
    assert reach.udp_works(told("a/tls", "a/udp"), TLS_FIRST) is True


def test_a_source_is_believed_at_once_for_itself_and_takes_it_back_at_once() -> None:
    made = reach.Transports()
    say(made, 1, works=False)

    assert made.udp_fails(HERE, source(1), T0)
    assert made.udp_fails(AWAY, source(1), T0)
    assert not made.udp_fails(HERE, source(2), T0)
    say(made, 1, works=True)
    assert not made.udp_fails(HERE, source(1), T0)
    assert made.given == {reach.Basis.SOURCE: 2}


def test_udp_is_tried_again_after_a_day() -> None:
    made = reach.Transports()
    say(made, 1, 2, 3, works=False)

    assert made.udp_fails(HERE, source(1), T0 + reach.LIFE - 1)
    assert made.udp_fails(HERE, source(9), T0 + reach.LIFE - 1)
    assert not made.udp_fails(HERE, source(1), T0 + reach.LIFE)
    assert not made.udp_fails(HERE, source(9), T0 + reach.LIFE)
    assert len(made) == 0


@pytest.mark.parametrize(
    ("fails", "works", "agreed"),
    [(1, 0, False), (2, 0, False), (3, 0, True), (3, 2, True), (3, 3, False), (40, 41, False)],
)
def test_others_of_a_square_are_believed_once_three_and_most_of_them_agree(
    fails: int,
    works: int,
    agreed: bool,  # noqa: FBT001
) -> None:
    made = reach.Transports()
    say(made, *range(fails), works=False)
    say(made, *range(fails, fails + works), works=True)

    assert made.udp_fails(HERE, source(1000), T0) is agreed
    assert not made.udp_fails(NEAR, source(1000), T0)
    assert not made.udp_fails(AWAY, source(1000), T0)
    assert made.cells == agreed


def test_a_source_that_says_that_udp_works_is_not_overruled_by_others() -> None:
    made = reach.Transports()
    say(made, 1, 2, 3, 4, works=False)
    say(made, 5, works=True)

    assert made.basis(HERE, source(5), T0) is None
    assert made.basis(HERE, source(6), T0) is reach.Basis.CELL


def test_where_networks_are_known_they_decide_and_squares_do_not() -> None:
    made = reach.Transports()
    say(made, 1, 2, 3, works=False, cell=f"{HERE}/64500")

    assert made.udp_fails(f"{NEAR}/64500", source(9), T0)
    assert not made.udp_fails(f"{HERE}/64501", source(9), T0)
    assert not made.udp_fails(HERE, source(9), T0)


def test_under_another_fleet_key_nobody_has_said_anything_yet() -> None:
    made = reach.Transports()
    say(made, 1, 2, 3, works=False)
    made.forget()
    assert not made.udp_fails(HERE, source(1), T0)
    assert (len(made), made.sources, made.cells) == (0, 0, 0)
    say(made, 11, 12, works=False)
    assert not made.udp_fails(HERE, source(9), T0)


def test_one_liar_moves_nobody_elses_answers() -> None:
    made = reach.Transports()
    for cell, _ in itertools.product((HERE, NEAR, AWAY), range(100)):
        say(made, 1, works=False, cell=cell)

    assert not any(
        made.udp_fails(cell, source(number), T0)
        for cell in (HERE, NEAR, AWAY)
        for number in range(2, 50)
    )


def test_a_cell_that_is_none_counts_for_its_source_alone() -> None:
    made = reach.Transports()
    say(made, 1, 2, 3, works=False, cell="nonsense")

    assert made.basis("nonsense", source(1), T0) is reach.Basis.SOURCE
    assert made.basis("nonsense", source(4), T0) is None


WORDS = st.tuples(
    st.integers(0, 40), st.sampled_from([HERE, NEAR, AWAY, "?"]), st.booleans(),
    st.floats(0, reach.LIFE / 40),
)  # fmt: skip


@given(st.lists(WORDS, max_size=150), st.integers(1, 20))
def test_memory_is_bounded_and_what_is_told_is_what_the_newest_words_say(
    words: list[tuple[int, str, bool, float]], most: int
) -> None:
    made, now = reach.Transports(most=most), T0
    newest: dict[int, tuple[str, bool, float]] = {}
    for number, cell, works, pause in words:
        now += pause
        say(made, number, works=works, cell=cell, now=now)
        newest.pop(number, None)
        newest[number] = cell, works, now
    left = dict(list(newest.items())[-most:])
    left = {number: word for number, word in left.items() if now - word[2] < reach.LIFE}
    tallies = {
        cell: [sum(works is said for at, works, _ in left.values() if at == cell)
               for said in (False, True)]
        for cell in (HERE, NEAR, AWAY)
    }  # fmt: skip

    assert len(made) <= most
    for number, (_, works, _) in left.items():
        expected = None if works else reach.Basis.SOURCE
        assert made.basis(HERE, source(number), now) is expected
    for cell, (failing, working) in tallies.items():
        agreed = failing >= reach.QUORUM and failing > working
        assert made.basis(cell, source(999), now) is (reach.Basis.CELL if agreed else None)
    assert made.sources == sum(not works for _, works, _ in left.values())


@pytest.mark.alone
def test_an_answer_waits_two_microseconds_at_most_where_nothing_is_known() -> None:
    made, one = reach.Transports(), source(1)
    best = min(_took(made, one) for _ in range(7))

    assert best < 2e-6


def _took(made: reach.Transports, one: bytes) -> float:
    started = time.perf_counter()
    for _ in range(20_000):
        made.udp_fails(HERE, one, T0)
    return (time.perf_counter() - started) / 20_000
