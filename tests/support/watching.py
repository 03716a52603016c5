"""A prober to watch: over a set of regions that a test may change, with what it published last."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Final

from turnfleet.model import fleet
from turnfleet.probe import cadence, prober

_TURN: Final = 0.03
"""Seconds that one turn of the loop takes at most where the processor is not starved."""


class Watch:
    """A prober over a set that a test may change, and what it published last."""

    def __init__(
        self, *regions: fleet.Published, rhythm: cadence.Cadence, agent_key: str | None
    ) -> None:
        self.regions = regions
        self.health: Mapping[fleet.RelayKey, fleet.Health] = {}
        self.usage: dict[fleet.RelayKey, fleet.Usage] = {}
        self.prober = prober.Prober(
            published=lambda: self.regions,
            publish=self._publish,
            heard=self.usage.__setitem__,
            agent_key=agent_key,
            clock=time.monotonic,
            wall=time.time,
            rng=random.Random(1),  # noqa: S311 - repeatable on purpose
            rhythm=rhythm,
        )

    def _publish(self, health: Mapping[fleet.RelayKey, fleet.Health]) -> None:
        self.health = health

    def republish(self, *regions: fleet.Published) -> None:
        """Change what the source publishes."""
        self.regions = regions
        self.prober.source_changed()

    def reason(self, key: fleet.RelayKey) -> fleet.Reason | None:
        """Return why a relay is not offered."""
        return self.health[key].reason

    async def until(self, condition: Callable[[], bool], *, within: float = 60.0) -> float:
        """Return after how many seconds a condition held.

        They are those that the prober had: of a pause in which a busy machine let this process do
        nothing, as much counts as of any other turn.
        """
        took, last = 0.0, time.monotonic()
        while not condition():
            assert took < within, f"not within {within} s: {self.health}"
            await asyncio.sleep(0.02)
            now = time.monotonic()
            took, last = took + min(now - last, _TURN), now
        return took


@contextlib.asynccontextmanager
async def watching(
    *regions: fleet.Published,
    rhythm: cadence.Cadence | None = None,
    agent_key: str | None = None,
) -> AsyncIterator[Watch]:
    """Run a prober until the block ends; it must be settled, make no error, leave no task."""
    before = asyncio.all_tasks()
    watch = Watch(*regions, rhythm=rhythm or cadence.Cadence(), agent_key=agent_key)
    running = asyncio.create_task(watch.prober.run())
    try:
        async with asyncio.timeout(60):
            await watch.prober.settled.wait()
        yield watch
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        assert watch.prober.stats.errors == 0
        left = [task for task in asyncio.all_tasks() - before if "probe" in repr(task.get_coro())]
        assert not left
