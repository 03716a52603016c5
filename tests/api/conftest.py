"""A fleet, and the endpoint of one machine that answers from it."""

import functools
from collections.abc import AsyncIterator

import pytest
from tests.support import endpoints, worlds

from turnfleet.api import board, options


@pytest.fixture
def current() -> board.Board:
    """Publish three regions, all well."""
    written = board.Board()
    regions = worlds.three_regions()
    written.publish_regions(regions)
    written.publish_health(worlds.all_well(regions))
    return written


@pytest.fixture
def start(current: board.Board) -> endpoints.Start:
    """Start an endpoint of that fleet with options of one's own."""
    return functools.partial(endpoints.running, current)


@pytest.fixture
async def endpoint(start: endpoints.Start) -> AsyncIterator[endpoints.Running]:
    """Run the endpoint of one machine."""
    async with start(options.loopback()) as running:
        yield running
