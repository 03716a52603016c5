"""Clients whose UDP fails get TLS first from then on, and nobody else does."""

from collections.abc import AsyncIterator

import pytest
from tests.support import beacons, complainers, endpoints

from turnfleet.api import board
from turnfleet.learn import reach


@pytest.fixture
async def endpoint(current: board.Board) -> AsyncIterator[endpoints.Running]:
    """Run an endpoint that believes a proxy."""
    async with endpoints.running(current, complainers.behind_a_proxy()) as running:
        yield running


async def without_udp(endpoint: endpoints.Running, client: str) -> None:
    """Have a client report that it got candidates by TLS alone, as the browser module does."""
    _, urls = await beacons.answer(endpoint, X_Forwarded_For=client)
    secure = [url for url in urls if url.startswith("turns:")]
    udp = [url for url in urls if url.endswith("=udp")]
    assert len(udp) > 1
    await complainers.tell(endpoint, client, works=secure, outcome="connected")


async def schemes(endpoint: endpoints.Running, client: str, **more: str) -> list[str]:
    """Return what the URLs of a client's answer begin with."""
    reply = await endpoint.ask({"country": "DE", **more}, X_Forwarded_For=client)
    return [url.partition(":")[0] for one in reply.json for url in one["urls"]]


BALANCED = ["turn", "turns", "turn", "turns"]
TLS_FIRST = ["turns", "turn", "turns", "turns"]


async def test_a_network_whose_udp_fails_gets_tls_first_until_udp_works_again(
    endpoint: endpoints.Running,
) -> None:
    client, neighbour = complainers.address(1), complainers.address(1, 200)
    assert await schemes(endpoint, client) == BALANCED
    await without_udp(endpoint, client)

    assert await schemes(endpoint, client) == TLS_FIRST
    assert await schemes(endpoint, neighbour) == TLS_FIRST
    assert await schemes(endpoint, complainers.address(2)) == BALANCED
    await complainers.tell(endpoint, neighbour)  # its one URL by UDP has a candidate
    assert await schemes(endpoint, client) == BALANCED


async def test_a_network_is_tried_again_after_a_day(endpoint: endpoints.Running) -> None:
    client = complainers.address(1)
    await without_udp(endpoint, client)
    endpoint.clock.now += reach.LIFE - 1
    assert await schemes(endpoint, client) == TLS_FIRST
    endpoint.clock.now += 1
    assert await schemes(endpoint, client) == BALANCED


async def test_what_the_request_says_wins_and_a_network_as_good_as_any_says_nothing(
    endpoint: endpoints.Running,
) -> None:
    client = complainers.address(1)
    await without_udp(endpoint, client)

    assert await schemes(endpoint, client, connectionType="cellular") == ["turn", "turn", "turns"]
    assert await schemes(endpoint, client, connectionType="wifi") == TLS_FIRST
    assert await schemes(endpoint, client, user="alice") == TLS_FIRST
    assert await schemes(endpoint, client, profile="minimal") == ["turns", "turn"]


async def test_three_networks_decide_for_those_around_them_and_explain_says_so(
    endpoint: endpoints.Running,
) -> None:
    for number in range(3):
        await without_udp(endpoint, complainers.address(number))
    stranger = complainers.address(99)

    assert await schemes(endpoint, stranger) == TLS_FIRST
    assert await schemes(endpoint, stranger, country="FR") == BALANCED
    explained = await endpoint.get("/api/explain?country=DE", X_Forwarded_For=stranger)
    assert explained.json["transports"] == {
        "connection": "tls-first",
        "basis": "cell",
        "sentence": reach.Basis.CELL.sentence,
    }
    assert await beacons.counted(endpoint, "turnfleet_answers_tls_first_total") == {
        '{basis="cell"}': 1.0
    }
    assert await beacons.counted(endpoint, "turnfleet_udp_fails") == {
        '{basis="source"}': 3.0,
        '{basis="cell"}': 1.0,
    }


async def test_100_sources_of_one_network_move_nobody_else(endpoint: endpoints.Running) -> None:
    for host in range(1, 101):
        await complainers.tell(
            endpoint, complainers.address(1, host), works=["turns:203.0.1.1:5349?transport=tcp"]
        )

    assert await schemes(endpoint, complainers.address(2)) == BALANCED
