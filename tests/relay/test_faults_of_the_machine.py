"""What a machine does to a relay: its memory runs out, its clock jumps, its ports are used up."""

import asyncio
import contextlib
import time
from pathlib import Path

import pytest
from tests.support import agents, clocks, faults, memory_groups

from turnrelay import turn


@pytest.mark.skipif(not faults.ROOT, reason="a control group of one's own takes root")
async def test_a_coturn_that_the_kernel_ended_for_want_of_memory_is_told_as_such(
    tmp_path: Path,
) -> None:
    async with agents.prepared(tmp_path) as relay:
        with memory_groups.entered() as group:
            await relay.start()
        if group is None:
            pytest.skip("this machine has no control groups for memory")
        await relay.ready()
        with group.exhausted(victim=faults.coturn(relay)):
            await faults.noticed(relay, "OutOfMemory", within=10)
        status = await relay.ready()
        assert status["restarts"] == 1
        assert "the kernel ran out of memory" in relay.log
    memory_groups.removed(group)


async def test_a_relay_whose_ports_are_used_up_is_full_and_never_restarted(tmp_path: Path) -> None:
    ports = {"min": 49152, "max": 49155}
    async with agents.running(tmp_path, relayPorts=ports) as relay:
        async with contextlib.AsyncExitStack() as calls:
            while (status := await relay.status())["reason"] != "Full":
                with contextlib.suppress(turn.Refused):
                    await calls.enter_async_context(relay.allocation())
                await asyncio.sleep(0.05)
            assert "(508)" in status["sentence"]
        await relay.ready()
        assert (await relay.status())["restarts"] == 0


async def test_a_clock_that_jumps_hours_retires_no_secret_and_takes_no_clients(
    tmp_path: Path,
) -> None:
    clock = clocks.Clock()
    async with clocks.on(clock, tmp_path) as relay, relay.allocation() as allocation:
        retire_after = str(int(time.time()) + 3600)
        relay.sign(
            "the-second-secret-of-the-tests-002", previous=agents.SECRET, generation=2,
            retire_after=retire_after,
        )  # fmt: skip
        await relay.until(lambda status: status["generation"] == 2)
        clock.jumped = 7200
        await faults.noticed(relay, "ClockJumped", within=5)
        assert await relay.refusal(secret=agents.SECRET) == 0, "not retired by a doubtful clock"
        clock.jumped = -7200
        status = await relay.ready()
        assert status["complaints"] == ["the clock of this machine jumped back by 7200 s"]
        clock.jumped = 0
        await relay.until(lambda status: not status["complaints"])
        assert await relay.refusal(secret=agents.SECRET) == 0
        await allocation.refresh(600)
        assert (await relay.status())["restarts"] == 0
