"""One fleet and two browsers for all browser tests of a file: starting them takes longer.

Not of the session: workers have one of these files each, and what they started would keep a core
busy until the last test of all others.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from cryptography import x509
from playwright import async_api
from tests.support import machine, visiting

_BLOCKS: Final = range(60, 80)
"""Loopback blocks of browser tests: two for each worker that runs some."""


@pytest.fixture(scope="session")
def blocks(worker_id: str) -> tuple[int, int]:
    """Give the blocks of this worker's fleets: the one that stays as it is, and the other."""
    worker = int(worker_id.removeprefix("gw")) if worker_id != "master" else 0
    return _BLOCKS[2 * worker], _BLOCKS[2 * worker + 1]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def fleet(
    tmp_path_factory: pytest.TempPathFactory, blocks: tuple[int, int]
) -> AsyncIterator[machine.Machine]:
    """Run the example fleet, for tests that leave it as it is."""
    state = tmp_path_factory.mktemp("fleet") / "run"
    async with machine.running(machine.EXAMPLE, state=state, block=blocks[0]) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def doomed(tmp_path: Path, blocks: tuple[int, int]) -> AsyncIterator[machine.Machine]:
    """Run the example fleet again, for a test that breaks it."""
    state = tmp_path / "run"
    async with machine.running(machine.EXAMPLE, state=state, block=blocks[1]) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def chromium(fleet: machine.Machine) -> AsyncIterator[async_api.Browser]:
    """Run a browser that trusts the authority of the fleet."""
    authority = x509.load_pem_x509_certificate(fleet.authority.read_bytes())
    async with visiting.browser(trusted=[authority]) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def distrustful() -> AsyncIterator[async_api.Browser]:
    """Run a browser as it comes."""
    async with visiting.browser() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def page(
    chromium: async_api.Browser, fleet: machine.Machine
) -> AsyncIterator[visiting.Visit]:
    """Open a fresh tab at the page, at a desktop's width."""
    async with visiting.visit(chromium, fleet.url) as visit:
        yield visit
