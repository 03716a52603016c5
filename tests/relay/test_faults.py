"""Each fault under a real coturn: noticed within seconds, named, never ready, nothing lost."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.support import agents, faults

from turnrelay import contract

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not faults.ROOT, reason="a small disk of one's own takes root"),
]
NETWORK = {"deny": [], "allow": ["127.30.0.0/16"]}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def relay(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[agents.Agent]:
    """Give one relay to all faults: each leaves it as it was."""
    folder = tmp_path_factory.mktemp("relay")
    async with agents.prepared(folder, live_peers=NETWORK) as agent:
        with faults.small_disk(agent):
            await agent.start()
            await agent.ready()
            yield agent


@pytest.mark.parametrize("fault", faults.FAULTS, ids=lambda fault: fault.name)
async def test_a_fault_is_noticed_named_and_mended(
    relay: agents.Agent, fault: faults.Fault
) -> None:
    before = await relay.ready()
    async with faults.call(relay) as call:
        assert await call.carries()
        with fault.inflict(relay):
            await faults.noticed(relay, fault.reason, within=6)
            status = await relay.status()
            assert status["ready"] is False
            metrics = (await relay.get(contract.PATH_METRICS))[1]
            assert "turnrelay_ready 0.0" in metrics
            assert f'turnrelay_reason{{reason="{fault.reason}"}} 1.0' in metrics
            hangs = fault.inflict is faults.hang
            assert await call.carries() is not (fault.ends_coturn or hangs)
        await faults.ready_again(relay)
        assert await call.renewed() is not fault.ends_coturn
    after = await relay.ready()
    assert after["restarts"] - before["restarts"] == fault.ends_coturn


async def test_a_damaged_database_is_mended_under_a_running_coturn(relay: agents.Agent) -> None:
    before = await relay.ready()
    async with faults.call(relay) as call:
        for harm in (faults.damage_database, faults.forget_secrets):
            harm(relay)
            assert not faults.stored_secrets(relay)
            await agents.eventually(lambda: faults.stored_secrets(relay) == {agents.SECRET})
            await faults.ready_again(relay)
            assert await relay.refusal() == 0
        assert await call.carries()
        assert await call.renewed()
    assert (await relay.ready())["restarts"] == before["restarts"]
    assert "is right again" in relay.log


async def test_a_crash_on_a_full_disk_waits_for_room_and_says_so(relay: agents.Agent) -> None:
    before = await relay.ready()
    with faults.full_disk(relay), faults.crash(relay):
        await relay.until(lambda s: (s["state"], s["reason"]) == ("Starting", "StateUnwritable"))
        assert relay.coturn() is None
    after = await relay.ready()
    assert after["restarts"] == before["restarts"] + 1


async def test_a_quota_that_could_not_be_written_is_in_force_once_it_can(
    relay: agents.Agent,
) -> None:
    with faults.database_locked(relay):
        relay.configure(live_peers=NETWORK, live_allocationsPerUser=1)
        await faults.noticed(relay, "DatabaseUnusable", within=6)
        assert await relay.refusal() == 0
    await faults.ready_again(relay)
    async with relay.allocation(user="solo"):
        deadline = time.monotonic() + 60
        while await relay.refusal(user="solo") != 486:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.2)
    relay.configure(live_peers=NETWORK)


async def test_a_stopped_agent_ends_nothing(relay: agents.Agent) -> None:
    before = await relay.ready()
    async with faults.call(relay) as call:
        os.kill(relay.id, signal.SIGSTOP)
        try:
            await asyncio.sleep(1.5)
            assert await relay.refusal(user="meanwhile") == 0
            assert await call.carries()
        finally:
            os.kill(relay.id, signal.SIGCONT)
        after = await relay.ready()
        assert await call.renewed()
    assert after["restarts"] == before["restarts"]


async def test_a_killed_agent_takes_coturn_with_it_and_the_next_one_serves(
    relay: agents.Agent,
) -> None:
    orphan = faults.coturn(relay)
    os.kill(relay.id, signal.SIGKILL)
    await relay.ended()
    await agents.eventually(lambda: not agents.alive(orphan))
    await relay.start()
    await relay.ready()
    assert faults.coturn(relay) != orphan
    assert await relay.refusal() == 0


async def test_a_log_that_nobody_reads_does_not_stop_coturn(tmp_path: Path) -> None:
    talkative = tmp_path / "turnserver"
    talkative.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo 4.6.1 && exit\n'
        f"sleep 2; head -c 3000000 /dev/zero | tr '\\0' x; touch {tmp_path}/went-on; sleep 60\n"
    )
    talkative.chmod(0o755)
    async with agents.prepared(tmp_path) as agent:
        await agent.start("--turnserver", str(talkative))
        await agent.until(lambda status: status["reason"] in {"Unproven", "Silent"})
        os.kill(agent.id, signal.SIGSTOP)
        try:
            await agents.eventually((tmp_path / "went-on").exists)
        finally:
            os.kill(agent.id, signal.SIGCONT)
