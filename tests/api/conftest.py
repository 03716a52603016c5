"""A fleet, and the endpoint of one machine that answers from it."""

import functools
import io
import logging
from collections.abc import AsyncIterator, Iterator

import pytest
from tests.support import endpoints, worlds

from turnfleet.api import board, observing, options


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


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Collect everything the endpoint logs, at its chattiest."""
    stream = io.StringIO()
    handler = observing.to(stream, level=logging.DEBUG)
    yield stream
    logger = logging.getLogger(observing.LOGGER)
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)
    logger.propagate = True
