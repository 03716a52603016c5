"""Reports over HTTP about real relays that fail: the prober finds it out at once, and decides."""

import asyncio
import contextlib
import dataclasses
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest_asyncio
from tests.support import complainers, coturn, delaying, described, endpoints

from turnfleet.api import board
from turnfleet.model import fleet
from turnfleet.model.region import Transport
from turnfleet.probe import cadence, prober
from turnrelay import turn

A = fleet.RelayKey("here", "a")
B = fleet.RelayKey("here", "b")
PROXIED: Final = 7478
QUOTA: Final = 6
"""Allocations that the relay a has room for: a test needs no more than two at once."""
LATE: Final = cadence.Cadence(trial_interval=300.0)
"""Of itself the prober would look minutes later."""
AT_ONCE: Final = 60.0
"""Seconds: a test of a relay that refuses takes less than one, where nothing else runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """Two relays, their prober, and an endpoint that clients report to."""

    endpoint: endpoints.Running
    current: board.Board
    prober: prober.Prober
    shut: Callable[[], Awaitable[None]]
    """Shut the way to the relay a by TCP."""

    def health(self, key: fleet.RelayKey) -> fleet.Health:
        members = self.current.fleet.regions[key.region].members
        return next(member.health for member in members if member.relay.key == key)

    async def until(self, condition: Callable[[], bool]) -> float:
        started = time.monotonic()
        async with asyncio.timeout(AT_ONCE):
            while not condition():  # noqa: ASYNC110 - the prober tells nobody
                await asyncio.sleep(0.02)
        return time.monotonic() - started

    async def complain(self, *, sources: int, transport: str, code: int) -> None:
        """Have networks report that the relay a fails by a transport, and b does not."""
        [relay_a, relay_b] = self.current.published[0].relays
        failing, well = (
            f"turn:{relay.addresses[0]}:{relay.listeners.port(Transport(transport))}"
            f"?transport={transport}"
            for relay in (relay_a, relay_b)
        )
        for number in range(sources):
            offered: list[str] = []
            while not {failing, well} <= set(offered):
                offered = await complainers.tell(
                    self.endpoint,
                    complainers.address(number),
                    fails=[failing],
                    works=[well],
                    code=code,
                )


@pytest_asyncio.fixture
async def here(tmp_path: Path) -> AsyncIterator[Here]:
    """Run everything, until the prober has tested both relays."""
    async with contextlib.AsyncExitStack() as stack:
        one, other = [
            await stack.enter_async_context(
                coturn.running(tmp_path / name, address, options=options)
            )
            for name, address, options in (
                ("a", "127.20.21.1", [f"--total-quota={QUOTA}"]),
                ("b", "127.20.21.2", []),
            )
        ]
        way = contextlib.AsyncExitStack()
        stack.push_async_callback(way.aclose)
        for relay, until in ((one, way), (other, stack)):
            front, behind = (relay.address, PROXIED), (relay.address, 3478)
            await until.enter_async_context(delaying.tcp(front, behind, rtt=0.0))
        current = board.Board()
        current.publish_regions(
            [
                described.region(
                    [
                        described.relay(dataclasses.replace(one, tcp=PROXIED), "a"),
                        described.relay(dataclasses.replace(other, tcp=PROXIED), "b"),
                    ]
                )
            ]
        )
        watcher = prober.Prober(
            published=lambda: current.published,
            publish=current.publish_health,
            agent_key=None,
            clock=time.monotonic,
            wall=time.time,
            rng=random.Random(1),  # noqa: S311 - repeatable on purpose
            rhythm=LATE,
        )
        running = asyncio.create_task(watcher.run())
        stack.callback(running.cancel)
        endpoint = await stack.enter_async_context(
            endpoints.running(current, complainers.behind_a_proxy(), prober=watcher)
        )
        async with asyncio.timeout(60):
            await watcher.settled.wait()
        yield Here(
            endpoint=endpoint,
            current=current,
            prober=watcher,
            shut=way.aclose,
        )
        assert watcher.stats.errors == 0


@contextlib.asynccontextmanager
async def full(address: str) -> AsyncIterator[None]:
    """Take all the room that the relay a has."""
    username, password = coturn.credential()
    server = turn.Server(address=address, port=3478, transport=turn.Transport.TCP)
    taken = 0
    async with contextlib.AsyncExitStack() as keep:
        while taken < QUOTA:
            connection = await keep.enter_async_context(turn.connect(server, timeout=2))
            try:
                await connection.allocate(username=username, password=password)
                taken += 1
            except turn.Refused:  # what the prober has given back counts for a while
                await asyncio.sleep(0.1)
        yield


async def test_a_relay_that_answers_486_is_out_at_once_when_three_networks_say_so(
    here: Here,
) -> None:
    async with full("127.20.21.1"):
        await here.complain(sources=2, transport="udp", code=486)
        await asyncio.sleep(1.0)
        assert here.health(A).reason is None
        await here.complain(sources=3, transport="udp", code=486)
        await here.until(lambda: here.health(A).reason is fleet.Reason.FULL)

        assert here.health(B).reason is None
        assert here.prober.stats.extras == 1


async def test_a_relay_that_is_shut_by_one_transport_is_offered_by_the_others(here: Here) -> None:
    await here.shut()
    await here.complain(sources=3, transport="tcp", code=701)
    await here.until(lambda: Transport.TCP not in here.health(A).working)

    assert here.health(A) == fleet.Health(
        working=frozenset({Transport.UDP}),
        failing=((Transport.TCP, fleet.Reason.UNREACHABLE),),
        reason=None,
    )
    assert here.health(B).working == {Transport.UDP, Transport.TCP}


async def test_a_lie_costs_one_test_and_nothing_else(here: Here) -> None:
    trials = here.prober.stats.trials
    for _ in range(5):
        await here.complain(sources=10, transport="udp", code=701)
    await here.until(lambda: here.prober.stats.trials > trials)
    await asyncio.sleep(0.5)

    assert here.prober.stats.extras == 1
    assert here.prober.stats.trials == trials + 1
    assert (here.health(A).reason, here.health(B).reason) == (None, None)
