"""Complaints: which errors count, how many make a suspect, and that lies stay bounded."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnfleet.learn import complaints, convert, report
from turnfleet.model import fleet, region

Transport = region.Transport
A, B, C = (fleet.RelayKey("here", name) for name in "abc")
RELAYS = st.sampled_from([A, B, C])
T0 = 1_800_000_000.0


def url(
    relay: fleet.RelayKey,
    transport: Transport = Transport.UDP,
    *,
    ipv6: bool = False,
    port: int = 3478,
) -> str:
    return f"{transport}:{relay.relay}{'[::]' if ipv6 else ''}:{port}"


ROUTES = {
    url(relay, transport, ipv6=ipv6, port=port): convert.Route(
        region=relay.region, transport=transport, named=False, name=relay.relay, ipv6=ipv6
    )
    for relay, transport, ipv6, port in itertools.product(
        (A, B, C), Transport, (False, True), (443, 3478)
    )
}


def told(*, worked: tuple[str, ...] = (), failed: dict[str, int] | None = None) -> report.Report:
    return report.Report(
        rid="x",
        times=tuple(report.Time(url=each, ms=80) for each in worked),
        failures=tuple(
            report.Failure(url=each, code=code) for each, code in (failed or {}).items()
        ),
    )


def source(number: int) -> bytes:
    return number.to_bytes(4, "big")


def of(*relays: fleet.RelayKey) -> dict[fleet.RelayKey, int]:
    return dict.fromkeys(relays, 701)


def complain(
    made: complaints.Complaints,
    relay: fleet.RelayKey,
    *,
    sources: int = complaints.QUORUM,
    now: float = T0,
) -> None:
    for number in range(sources):
        made.take(of(relay), source=source(number), now=now)


@pytest.mark.parametrize("code", complaints.CODES)
def test_an_error_counts_where_another_relay_gave_a_candidate_by_the_same_transport(
    code: int,
) -> None:
    said = told(worked=(url(B),), failed={url(A): code})

    assert complaints.grounds(said, ROUTES) == {A: code}


@pytest.mark.parametrize(
    ("worked", "failed"),
    [
        ((), {url(A): 701}),
        ((url(A, Transport.TLS),), {url(A): 701}),
        ((url(B, Transport.TLS), url(C, Transport.TCP)), {url(A): 701}),
        ((url(B),), {url(A): 403}),
        ((url(B),), {url(A): 437}),
        ((url(B),), {"turn:192.0.2.9:3478": 701}),
        (("turn:192.0.2.9:3478",), {url(A): 701}),
        ((url(B), url(A)), {url(A): 701}),
        ((url(B),), {url(A, ipv6=True): 701}),
        ((url(B, port=443),), {url(A): 701}),
    ],
    ids=[
        "nothing worked", "this relay's TLS did", "others' TLS and TCP did", "it drains",
        "a code of something else", "nobody's URL", "only a stranger worked",
        "it gave one in the end", "only another family did", "only another port did",
    ],
)  # fmt: skip
def test_an_error_counts_for_nothing_where(worked: tuple[str, ...], failed: dict[str, int]) -> None:
    assert complaints.grounds(told(worked=worked, failed=failed), ROUTES) == {}


def test_a_report_complains_of_a_relay_once() -> None:
    worked = (url(B), url(B, Transport.TLS))
    failed = {url(A): 486, url(A, Transport.TLS): 701, url(C): 701}

    assert complaints.grounds(told(worked=worked, failed=failed), ROUTES) == {A: 486, C: 701}


def test_three_sources_make_a_suspect_and_each_more_of_them_asks_for_a_test() -> None:
    made = complaints.Complaints()
    due = [made.take(of(A), source=source(number), now=T0) for number in range(4)]

    assert due == [(), (), (A,), (A,)]
    assert made.suspects(T0) == (A,)
    assert made.counted == {701: 4}


def test_a_source_has_one_voice_however_often_it_speaks() -> None:
    made = complaints.Complaints()
    asked = [made.take(of(A, B, C), source=source(7), now=T0 + n / 100) for n in range(5000)]

    assert not any(asked)
    assert made.suspects(T0 + 50) == ()
    assert len(made) == 3


def test_voices_that_are_not_heard_together_make_no_suspect() -> None:
    made = complaints.Complaints()
    apart = complaints.WINDOW / 2
    asked = [made.take(of(A), source=source(n), now=T0 + n * apart) for n in range(50)]

    assert not any(asked)


def test_a_relay_is_a_suspect_no_longer_than_complaints_are_fresh() -> None:
    made = complaints.Complaints()
    complain(made, A)

    assert made.suspects(T0 + complaints.WINDOW - 1) == (A,)
    assert made.suspects(T0 + complaints.WINDOW) == ()


def test_a_test_has_the_last_word_whatever_is_said_after_it() -> None:
    made = complaints.Complaints()
    suspected, asked = [], 0
    for second in range(int(complaints.LINGER + complaints.REST)):
        now = T0 + second
        for number in range(complaints.QUORUM):
            asked += bool(made.take(of(A), source=source(number), now=now))
        made.tested(A, now=now)
        suspected.append(made.suspects(now) == (A,))

    assert sum(suspected) == complaints.LINGER
    assert all(suspected[: int(complaints.LINGER)])
    assert asked > complaints.REST  # tests go on being asked for
    assert made.suspects(T0 + complaints.LINGER + complaints.REST) == (A,)


def test_a_test_from_before_the_complaints_says_nothing() -> None:
    made = complaints.Complaints()
    made.tested(A, now=T0 - 1)
    complain(made, A, sources=2)
    made.tested(A, now=T0)
    for second in range(300):
        complain(made, A, now=T0 + 1 + second)

    assert made.suspects(T0 + 300) == (A,)


def test_a_suspect_is_one_by_the_second_in_which_it_became_one_too() -> None:
    made = complaints.Complaints()
    complain(made, A, now=T0 + 0.9)

    assert made.suspects(T0) == (A,)


def test_those_with_most_sources_come_first() -> None:
    made = complaints.Complaints()
    complain(made, A, sources=3)
    complain(made, C, sources=4)
    complain(made, B, sources=4)

    assert made.suspects(T0) == (B, C, A)


def test_a_clock_that_is_set_back_suspects_nobody_for_ever() -> None:
    made = complaints.Complaints()
    complain(made, A)
    made.tested(A, now=T0)
    made.take(of(B), source=source(1), now=T0 - 100_000)

    assert made.suspects(T0 - 100_000) == ()
    assert len(made) == 1


VOICES = st.tuples(RELAYS, st.integers(0, 500), st.floats(0, 40))


@settings(max_examples=50)
@given(st.lists(VOICES, min_size=50, max_size=200))
def test_memory_is_bounded_and_suspects_are_those_that_enough_sources_complained_of_lately(
    voices: list[tuple[fleet.RelayKey, int, float]],
) -> None:
    made, now = complaints.Complaints(), T0
    said: dict[fleet.RelayKey, dict[int, float]] = {}
    for relay, number, pause in voices:
        now += pause / 10
        made.take(of(relay), source=source(number), now=now)
        said.setdefault(relay, {})[number] = now
        assert len(made) <= 3 * complaints.VOICES
    counts = {
        relay: sum(now - at < complaints.WINDOW for at in by.values()) for relay, by in said.items()
    }
    loud = [relay for relay, heard in counts.items() if heard >= complaints.QUORUM]

    assert made.suspects(now) == tuple(
        sorted(loud, key=lambda relay: (-min(counts[relay], complaints.VOICES), relay))
    )


def test_of_a_crowd_the_newest_voices_are_kept() -> None:
    made = complaints.Complaints()
    complain(made, A, sources=10_000)

    assert len(made) == complaints.VOICES
    assert made.suspects(T0) == (A,)


def test_relays_that_left_are_forgotten() -> None:
    made = complaints.Complaints()
    for number in range(1000):
        complain(made, fleet.RelayKey("here", str(number)), now=T0 + number)

    assert len(made) <= 2 * complaints.WINDOW * complaints.QUORUM
