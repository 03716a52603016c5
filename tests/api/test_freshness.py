"""Whatever becomes of a fleet, and however often it is asked: no answer names what is out."""

import dataclasses
import random

import pytest
from tests.support import endpoints, worlds

from turnfleet.api import board
from turnfleet.model import fleet
from turnrelay import contract

QUESTIONS: tuple[dict[str, object], ...] = (
    {},
    {"region": "eu-central"},
    {"region": "US", "user": "bob"},
    {"region": "ap-southeast", "profile": "full"},
    {"connectionType": "udp-blocked"},
    {"residency": "eu", "profile": "cascade"},
)
OUT = fleet.Health(reason=fleet.Reason.UNREACHABLE)


@pytest.mark.parametrize("seed", range(3))
async def test_no_answer_names_a_relay_that_is_out(
    endpoint: endpoints.Running, current: board.Board, seed: int
) -> None:
    rng = random.Random(seed)  # noqa: S311 - a test that repeats
    named = 0
    for _ in range(60):
        regions = tuple(_aged(published, rng) for published in worlds.three_regions())
        health = {
            key: well if rng.random() < 0.6 else OUT
            for key, well in worlds.all_well(regions).items()
        }
        current.publish_regions(regions)
        current.publish_health(health)
        offered = {
            f"{relay.addresses[0]}:"
            for published in regions
            for relay in published.relays
            if relay.state is contract.State.READY and health[relay.key] is not OUT
        }
        for fields in QUESTIONS:
            reply = await endpoint.ask(fields)
            assert reply.status == (200 if reply.body.startswith(b"[{") else 503)
            answered = reply.json if reply.status == 200 else []
            urls = [url for server in answered for url in server["urls"]]
            assert all(any(known in url for known in offered) for url in urls), (urls, offered)
            named += len(urls)
    assert named > 300


def _aged(published: fleet.Published, rng: random.Random) -> fleet.Published:
    """Return a region some of whose relays have gone, are on their way out, or have moved."""
    relays = [
        dataclasses.replace(
            relay,
            state=rng.choice((contract.State.READY, contract.State.READY, *contract.State)),
            addresses=(f"203.0.{113 + rng.randrange(9)}.{rng.randrange(250)}",),
        )
        for relay in published.relays
        if rng.random() < 0.9
    ]
    return dataclasses.replace(published, relays=tuple(relays))
