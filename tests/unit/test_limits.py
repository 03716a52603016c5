"""The limit per client: a bucket each, a /64 is one client, memory is bounded."""

import pytest
from hypothesis import given, strategies
from tests.support import endpoints

from turnfleet.api import limits


def limiter(clock: endpoints.Clock, *, capacity: int = 1000) -> limits.Limiter:
    return limits.Limiter(per_minute=30, burst=10, clock=clock, capacity=capacity)


def test_a_burst_passes_and_the_next_waits_for_a_token() -> None:
    limit = limiter(endpoints.Clock())

    assert [limit.wait("192.0.2.1") for _ in range(12)] == [0] * 10 + [2, 2]


def test_refused_requests_cost_nothing() -> None:
    clock = endpoints.Clock()
    limit = limiter(clock)
    for _ in range(100):
        limit.wait("192.0.2.1")
    clock.now += 2

    assert limit.wait("192.0.2.1") == 0


def test_a_clock_that_steps_back_locks_nobody_out_for_long() -> None:
    clock = endpoints.Clock()
    limit = limiter(clock)
    limit.wait("192.0.2.1")
    clock.now -= 3600

    assert limit.wait("192.0.2.1") <= limits.LONGEST_WAIT


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("nonsense", ""),
    ],
)
def test_an_ipv6_subscriber_is_one_client(address: str, client: str) -> None:
    assert limits.network(address) == client


def test_memory_is_bounded_and_the_oldest_are_forgotten() -> None:
    limit = limiter(endpoints.Clock(), capacity=100)
    for number in range(1000):
        limit.wait(
            f"192.0.2.{number % 250}" if number < 250 else f"10.0.{number // 250}.{number % 250}"
        )

    assert len(limit) == 100


@given(strategies.lists(strategies.floats(0, 5), max_size=200))
def test_no_minute_ever_has_more_than_its_share(pauses: list[float]) -> None:
    clock = endpoints.Clock()
    limit = limiter(clock)
    passed = []
    for pause in pauses:
        clock.now += pause
        if limit.wait("192.0.2.1") == 0:
            passed.append(clock.now)

    assert all(sum(then <= when < then + 60 for when in passed) <= 40 for then in passed)
