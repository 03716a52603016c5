"""Keeps the figures of a relay fresh: allocations, ports, traffic, load."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from turnrelay import config, counting, proving, supervising

_EVERY: Final = 1.0
_COST_SHARE: Final = 50
"""Looking may take a fiftieth of the time, however many sockets there are."""
_READINGS: Final = 5
"""Of traffic: the bit rate is that of five seconds or more. It comes in bursts, and new clients
would follow each of them."""


class Meter:
    """Holds the last figures. The prober's own allocations are left out of them."""

    def __init__(
        self, *, prober: proving.Prover, run: Callable[[], supervising.Run | None]
    ) -> None:
        self._prober = prober
        self._run = run
        self._traffic: deque[counting.Traffic] = deque(maxlen=_READINGS)
        self._looked_at: supervising.Run | None = None
        self.cut = 0
        """Allocations that were live when their coturn ended."""
        self.begun = 0
        """Allocations since the agent's start, but for those that came and went between looks."""
        self.usage = counting.Usage()
        self.bitrate: float | None = None

    def load(self, settings: config.Config) -> float:
        """Return 0 for idle to 1 for full."""
        return counting.load(used=self.usage, bits=self.bitrate or 0.0, settings=settings)

    async def keep_measuring(self) -> None:
        """Measure until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            await self.count()
            self._measure_traffic(loop.time())
            await asyncio.sleep(max(_EVERY, (loop.time() - began) * _COST_SHARE))

    async def count(self) -> int | None:
        """Look at once; return the live allocations, ``None`` where that is not possible."""
        run = self._run()
        if run is not self._looked_at:
            self.cut += self.usage.allocations
            self.usage = counting.Usage()
            self._looked_at = run
        if run is None:
            return 0
        async with self._prober.quiet:
            found = counting.usage(
                process=run.process.id,
                ports=run.settings.relay_ports,
                own_ports=self._prober.own_ports(),
            )
        if found is None:
            return None
        self.begun += len(found.sockets - self.usage.sockets)
        self.usage = found
        return found.allocations

    def _measure_traffic(self, now: float) -> None:
        run = self._run()
        interface = None if run is None else counting.interface_of(run.placed.bind[0])
        reading = None if interface is None else counting.traffic(interface, at=now)
        if reading is None:
            self._traffic.clear()
            self.bitrate = None
            return
        found = counting.bitrate(self._traffic[0], reading) if self._traffic else None
        if found is None:
            # What was last known stands, or a busy relay would look idle for a moment.
            self._traffic.clear()
        else:
            self.bitrate = found
        self._traffic.append(reading)
