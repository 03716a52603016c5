"""turnfleet check --region: whose URLs an answer has, by a real endpoint and a real relay."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support import checking, coturn, described, endpoints, worlds

from turnfleet.api import board
from turnfleet.model import fleet


@pytest.fixture
async def address(tmp_path: Path) -> AsyncIterator[str]:
    """Run an endpoint of two regions: the relay of ``eu`` works, that of ``us`` is down."""
    async with coturn.running(tmp_path, "127.20.4.3") as relay:
        regions = tuple(
            described.region([described.relay(relay, f"{name}-1", region=name)], name=name)
            for name in ("eu", "us")
        )
        current = board.Board()
        current.publish_regions(regions)
        current.publish_health(
            {
                fleet.RelayKey("eu", "eu-1"): worlds.WELL,
                fleet.RelayKey("us", "us-1"): fleet.Health(reason=fleet.Reason.UNREACHABLE),
            }
        )
        async with endpoints.running(current) as endpoint:
            yield f"http://127.0.0.1:{endpoint.port}"


async def test_a_region_that_works_is_whose_urls_are_shown(address: str) -> None:
    done = await checking.checking(address, "--region", "eu", "--count", "3")
    assert (done.code, done.err) == (0, "")
    assert _regions(done) == {"eu"}


async def test_the_urls_that_stand_in_for_a_region_that_is_down_are_not_shown_as_its_own(
    address: str,
) -> None:
    done = await checking.checking(address, "--region", "us", "--count", "3")
    assert done.code == 1
    assert _regions(done) == {"eu"}
    assert "us has no usable relay: clients are sent to eu" in done.err


async def test_of_all_regions_the_one_that_is_down_is_named(address: str) -> None:
    done = await checking.checking(address, "--all-regions", "--count", "3", as_json=True)
    assert done.code == 1
    assert (done.document["ok"], done.document["elsewhere"]) == (False, {"us": "eu"})
    assert {(row["pinned"], row["region"]) for row in done.document["urls"]} == {
        ("eu", "eu"),
        ("us", "eu"),
    }
    assert {row["problem"] for row in done.document["urls"]} == {None}
    assert done.err.count("no usable relay") == 1


async def test_without_a_region_nobody_is_sent_elsewhere(address: str) -> None:
    done = await checking.checking(address, "--count", "3", as_json=True)
    assert (done.code, done.document["elsewhere"]) == (0, {})
    assert {row["region"] for row in done.document["urls"]} == {"eu"}


def _regions(done: checking.Outcome) -> set[str]:
    """Return the column of regions."""
    return {line.split()[0] for line in done.out.splitlines() if "turn:" in line}
