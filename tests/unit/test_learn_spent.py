"""Tokens count once, within bounds."""

from hypothesis import given
from hypothesis import strategies as st

from turnfleet.learn import spent


def test_a_token_counts_once_for_its_whole_life() -> None:
    tokens = spent.Spent(life=3600)
    assert tokens.spend(b"one", now=100)
    assert not any(tokens.spend(b"one", now=100 + later) for later in range(0, 3600, 60))


@given(st.lists(st.tuples(st.binary(max_size=1), st.integers(0, 300)), max_size=60))
def test_no_token_counts_twice_within_a_life(steps: list[tuple[bytes, int]]) -> None:
    tokens, counted, now = spent.Spent(life=600), dict[bytes, int](), 10_000
    for token, pause in steps:
        now += pause
        if tokens.spend(token, now=now):
            assert now - counted.get(token, 0) > 600
            counted[token] = now


def test_a_million_tokens_take_no_more_than_the_bound() -> None:
    tokens = spent.Spent(life=3600, most=1000)
    for number in range(1_000_000):
        tokens.spend(number.to_bytes(8, "big"), now=100 + number / 1000)
    assert len(tokens) <= 2000
    assert not tokens.spend((999_999).to_bytes(8, "big"), now=1200)


def test_a_clock_that_goes_back_keeps_nothing_for_ever() -> None:
    tokens = spent.Spent(life=600)
    assert tokens.spend(b"one", now=10_000)
    assert not tokens.spend(b"one", now=5000)
    assert tokens.spend(b"two", now=5601)
    assert tokens.spend(b"one", now=6300)
