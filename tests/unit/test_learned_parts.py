"""How replicas know each other, what they ask, where they are, and when they are let be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnfleet.commands import arguments
from turnfleet.learned import backing_off, cursors, peers, vouching

NOW = 1_763_730_000.0
VOUCHER = vouching.Voucher(b"k" * 32)
QUERY = "from=0011223344556677&after="


def asked(query: str = QUERY, now: float = NOW) -> vouching.Asked:
    return VOUCHER.ask(query, now=now, nonce=b"n" * 16)


def test_a_request_of_the_fleet_is_admitted() -> None:
    assert VOUCHER.admit(asked().header, QUERY, now=NOW + 59) == asked()


@pytest.mark.parametrize(
    ("header", "query", "now", "flaw"),
    [
        (None, QUERY, NOW, vouching.Flaw.UNSIGNED),
        ("Bearer key", QUERY, NOW, vouching.Flaw.UNSIGNED),
        (asked().header + "0", QUERY, NOW, vouching.Flaw.UNSIGNED),
        (asked().header[:-1] + "g", QUERY, NOW, vouching.Flaw.UNSIGNED),
        (asked().header, QUERY + "_", NOW, vouching.Flaw.FORGED),
        (asked().header.replace("6e6e", "6e6f", 1), QUERY, NOW, vouching.Flaw.FORGED),
        (asked().header.replace("1763730000", "1763730001"), QUERY, NOW, vouching.Flaw.FORGED),
        (asked().header, QUERY, NOW + 61, vouching.Flaw.UNTIMELY),
        (asked().header, QUERY, NOW - 61, vouching.Flaw.UNTIMELY),
    ],
)
def test_any_other_request_is_refused(
    header: str | None, query: str, now: float, flaw: vouching.Flaw
) -> None:
    assert VOUCHER.admit(header, query, now=now) is flaw


def test_another_fleets_request_is_refused() -> None:
    other = vouching.Voucher(b"o" * 32)
    assert other.admit(asked().header, QUERY, now=NOW) is vouching.Flaw.FORGED


@given(st.text(max_size=200), st.text(max_size=50))
def test_no_text_is_a_signature(header: str, query: str) -> None:
    assert isinstance(VOUCHER.admit(header, query, now=NOW), vouching.Flaw)
    assert not VOUCHER.answers(header, asked(), b"body")


def test_an_answer_answers_one_request_alone() -> None:
    signature = VOUCHER.answer(asked(), b"page")
    assert VOUCHER.answers(signature, asked(), b"page")
    assert not VOUCHER.answers(signature, asked(), b"another page")
    assert not VOUCHER.answers(signature, asked(now=NOW + 1), b"page")
    assert not VOUCHER.answers(None, asked(), b"page")


def test_nothing_that_is_sent_holds_the_key() -> None:
    key = b"k" * 32
    sent = asked().header + VOUCHER.answer(asked(), b"page") + repr(asked())
    assert key.hex() not in sent
    assert "kkkk" not in sent


_epochs = st.binary(min_size=8, max_size=8)


@given(_epochs, st.lists(st.tuples(_epochs, st.integers(0, 1 << 62)), max_size=200))
def test_a_query_says_the_last_cursors(own: bytes, moves: list[tuple[bytes, int]]) -> None:
    kept = cursors.Cursors(own)
    for epoch, cursor in moves:
        kept.move(epoch, cursor)
    last = list(dict(reversed(moves)))[: cursors.MOST]
    told = {epoch: dict(moves)[epoch] for epoch in last}
    assert cursors.parse(kept.query()) == cursors.Question(asker=own, cursors=told)
    assert len(kept.query()) < 8000 - len(vouching.PATH)  # what servers take of a URL


@given(st.text())
def test_a_query_that_is_none_asks_nothing(text: str) -> None:
    assert cursors.parse(text) is None


@pytest.mark.parametrize("text", ["", QUERY + "_", QUERY + "0011223344556677.", QUERY + "00.1"])
def test_a_query_that_is_cut_asks_nothing(text: str) -> None:
    assert cursors.parse(text) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("turnfleet-api-peers:9642", peers.Name(host="turnfleet-api-peers", port=9642)),
        ("[::1]:9642", peers.Name(host="::1", port=9642)),
        ("https://ice.example.com", peers.Url(base="https://ice.example.com")),
        (
            "https://ice.example.com:8443/fleet/",
            peers.Url(base="https://ice.example.com:8443/fleet"),
        ),
    ],
)
def test_peers_are_a_name_with_a_port_or_a_url(text: str, found: peers.Peers) -> None:
    assert arguments.replicas(text) == found
    assert peers.parse(str(found)) in (found, None if "::" in text else found)


@pytest.mark.parametrize(
    "text",
    ["", "host", "host:0", "host:65536", "host:port", "http://ice.example.com", "https://a/?b=c",
     "https://user:secret@ice.example.com"],
)  # fmt: skip
def test_peers_that_are_neither_are_refused(text: str) -> None:
    assert peers.parse(text) is None


async def test_every_address_of_a_name_is_a_peer() -> None:
    found = await peers.find(peers.Name(host="127.0.0.1", port=9642))
    assert found == ("http://127.0.0.1:9642",)
    assert await peers.find(peers.Name(host="::1", port=1)) == ("http://[::1]:1",)
    assert await peers.find(peers.Url(base="https://a")) == ("https://a",)


def test_a_peer_that_fails_is_let_be_for_longer_each_time_and_told_of_from_the_second() -> None:
    failing = backing_off.Peers(first=30)
    waits = []
    now = 0.0
    for number in range(8):
        failing.failed("one", "is away", now=now)
        assert bool(failing.complaints) == (number > 0)
        wait = next(w for w in range(1, 2000) if failing.may_ask("one", now=now + w))
        waits.append(wait)
        now += wait
    assert waits == [30, 60, 120, 240, 480, 900, 900, 900]
    assert failing.complaints == ("Nothing is learned from one: it is away",)
    failing.worked("one")
    assert failing.may_ask("one", now=now)
    assert not failing.complaints


def test_peers_that_are_gone_are_not_told_of() -> None:
    failing = backing_off.Peers(first=30)
    for _ in range(2):
        failing.failed("one", "is away", now=0)
    failing.keep_only(["two"])
    assert failing.complaints == ()
