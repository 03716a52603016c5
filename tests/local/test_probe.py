"""The prober against real relays: what dies leaves, what lies is named, what returns waits."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest
import pytest_asyncio
from tests.support import coturn, described

from turnfleet.model import fleet
from turnfleet.model.region import Transport
from turnfleet.probe import cadence, prober

EVERYTHING = frozenset(Transport)
AUTHORITY = coturn.authority()
A = fleet.RelayKey("here", "a")
B = fleet.RelayKey("here", "b")


class Watch:
    """A prober over a set that a test may change, and what it published last."""

    def __init__(self, *regions: fleet.Published, rhythm: cadence.Cadence) -> None:
        self.regions = regions
        self.health: Mapping[fleet.RelayKey, fleet.Health] = {}
        self.prober = prober.Prober(
            published=lambda: self.regions,
            publish=self._publish,
            agent_key=None,
            clock=time.monotonic,
            wall=time.time,
            rng=random.Random(1),  # noqa: S311 - repeatable on purpose
            rhythm=rhythm,
        )

    def _publish(self, health: Mapping[fleet.RelayKey, fleet.Health]) -> None:
        self.health = health

    def republish(self, *regions: fleet.Published) -> None:
        self.regions = regions
        self.prober.source_changed()

    def reason(self, key: fleet.RelayKey) -> fleet.Reason | None:
        return self.health[key].reason

    async def until(self, condition: Callable[[], bool], *, within: float) -> float:
        """Return after how many seconds a condition held."""
        started = time.monotonic()
        while not condition():
            elapsed = time.monotonic() - started
            assert elapsed < within, f"not within {within} s: {self.health}"
            await asyncio.sleep(0.02)
        return time.monotonic() - started


@contextlib.asynccontextmanager
async def watching(
    *regions: fleet.Published, rhythm: cadence.Cadence | None = None
) -> AsyncIterator[Watch]:
    watch = Watch(*regions, rhythm=rhythm or cadence.Cadence())
    running = asyncio.create_task(watch.prober.run())
    try:
        async with asyncio.timeout(15):
            await watch.prober.settled.wait()
        yield watch
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        assert watch.prober.stats.errors == 0
        others = asyncio.all_tasks() - {asyncio.current_task()}
        assert not [task for task in others if not task.done()]


@pytest_asyncio.fixture
async def pair(tmp_path: Path) -> AsyncIterator[tuple[coturn.Coturn, coturn.Coturn]]:
    async with contextlib.AsyncExitStack() as stack:
        relays = [
            await stack.enter_async_context(
                coturn.running(
                    tmp_path / address,
                    address,
                    certificate=AUTHORITY.issue(tmp_path / address, [address]),
                )
            )
            for address in ("127.20.2.1", "127.20.2.2")
        ]
        yield relays[0], relays[1]


def pair_region(pair: tuple[coturn.Coturn, coturn.Coturn]) -> fleet.Published:
    relays = [described.relay(running, name) for running, name in zip(pair, "ab", strict=True)]
    return described.region(relays, ca=AUTHORITY.pem)


async def test_relays_that_pass_a_clients_test_are_offered_on_every_transport(
    pair: tuple[coturn.Coturn, coturn.Coturn],
) -> None:
    async with watching(pair_region(pair)) as watch:
        for key in (A, B):
            assert watch.health[key] == fleet.Health(working=EVERYTHING, reason=None)
        assert watch.prober.suspicion is None


@pytest.mark.parametrize("end", ["kill", "stop"])
async def test_a_relay_that_dies_or_hangs_leaves_within_three_seconds(
    pair: tuple[coturn.Coturn, coturn.Coturn], end: str
) -> None:
    async with watching(pair_region(pair)) as watch:
        getattr(pair[0], end)()
        took = await watch.until(lambda: watch.reason(A) is not None, within=3.0)
        assert watch.reason(A) is fleet.Reason.UNREACHABLE
        assert watch.reason(B) is None
        assert took < 3.0
