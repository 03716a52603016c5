"""Quotas and bandwidth change while calls go on: new allocations follow, live ones stay as made."""

import asyncio
import contextlib
import time
from pathlib import Path

from tests.support import agents, faults

from turnrelay import turn

NETWORK = {"deny": [], "allow": ["127.30.0.0/16"]}
PACKETS = 40
PACKET = bytes(1000)


async def refused(agent: agents.Agent, *, user: str, code: int) -> None:
    """Wait until an Allocate of a user meets a code; coturn reads quotas every 5 s."""
    deadline = time.monotonic() + 9
    while (found := await agent.refusal(user=user)) != code:
        assert time.monotonic() < deadline, f"still {found} instead of {code}"
        await asyncio.sleep(0.2)


async def test_a_lowered_quota_ends_no_call_and_a_raised_one_lets_new_ones_in(
    tmp_path: Path,
) -> None:
    async with agents.running(tmp_path, live_peers=NETWORK) as agent, faults.call(agent) as call:
        async with agent.allocation(user="ann"):
            agent.configure(live_peers=NETWORK, live_allocationsPerUser=1)
            await refused(agent, user="ann", code=486)
            assert await agent.refusal(user="eve") == 0
            agent.configure(live_peers=NETWORK, live_allocationsPerRelay=2)
            await refused(agent, user="eve", code=486)
            assert await call.carries()
            assert await call.renewed()
            agent.configure(live_peers=NETWORK, live_allocationsPerUser=3)
            await refused(agent, user="ann", code=0)
            assert await call.carries()
            assert await call.renewed()
        assert (await agent.status())["restarts"] == 0


async def passed(call: faults.Call) -> int:
    """Return how many of ``PACKETS`` sent within a moment arrive."""
    for _ in range(PACKETS):
        await call.one.send((call.other.relayed.ip, call.other.relayed.port), PACKET)
        await asyncio.sleep(0.002)
    arrived = 0
    with contextlib.suppress(turn.Silent):
        while True:
            await call.other.receive(0.3)
            arrived += 1
    return arrived


async def test_a_bandwidth_cap_holds_for_new_allocations_and_leaves_live_ones_alone(
    tmp_path: Path,
) -> None:
    async with (
        agents.running(tmp_path, live_peers=NETWORK) as agent,
        faults.call(agent) as before,
    ):
        assert await passed(before) == PACKETS
        agent.configure(live_peers=NETWORK, live_bandwidthPerAllocation=64_000)
        deadline = time.monotonic() + 9
        while True:
            async with faults.call(agent) as capped:
                # 8,000 bytes a second, in two seconds at most.
                if 0 < await passed(capped) <= 16:
                    break
            assert time.monotonic() < deadline
        assert await passed(before) == PACKETS
        agent.configure(live_peers=NETWORK)
        deadline = time.monotonic() + 9
        while True:
            async with faults.call(agent) as free:
                if await passed(free) == PACKETS:
                    break
            assert time.monotonic() < deadline
        assert (await agent.status())["restarts"] == 0
