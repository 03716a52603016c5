"""What a rotation does to a real coturn, through a folder that is swapped as a kubelet swaps it."""

import asyncio
import itertools
import shutil
import time
from dataclasses import replace
from pathlib import Path

from tests.support import agents

from turnrelay import contract, turn

NEXT = "the-second-secret-of-the-tests-002"
_VERSIONS = itertools.count(1)


def mount(agent: agents.Agent, current: str, *, generation: int, previous: str = "") -> None:
    """Swap the auth folder for a new version, whole, as Secret volumes are swapped."""
    folder = agent.folder / "auth"
    if not (folder / "..data").is_symlink():
        shutil.rmtree(folder)
        folder.mkdir()
    version = folder / f"..version-{next(_VERSIONS)}"
    version.mkdir()
    files = {
        contract.AUTH_CURRENT: current,
        contract.AUTH_PREVIOUS: previous,
        contract.AUTH_GENERATION: str(generation),
        contract.AGENT_KEY: agents.KEY,
    }
    for name, content in files.items():
        (version / name).write_text(content)
    swapped = folder / "..data_tmp"
    swapped.symlink_to(version.name)
    swapped.replace(folder / "..data")


async def goes_on(allocation: turn.Allocation) -> None:
    """See that a live allocation can do all that a call does, with a nonce that is stale too."""
    await allocation.refresh(600)
    assert await agents.permission(allocation, "8.8.8.8") == 0
    connection = allocation._connection  # noqa: SLF001 - no client asks for a stale nonce
    login = connection._login  # noqa: SLF001 - see above
    assert login is not None
    connection._login = replace(login, nonce=b"0123456789abcdef")  # noqa: SLF001 - see above
    assert await agents.channel(allocation, 0x4001, "8.8.8.8") == 0
    assert connection._login.nonce != b"0123456789abcdef"  # noqa: SLF001 - see above


async def test_in_the_overlap_both_secrets_open_allocations_and_no_call_notices(
    tmp_path: Path,
) -> None:
    async with agents.prepared(tmp_path) as agent:
        mount(agent, agents.SECRET, generation=1)
        await agent.start()
        before = await agent.ready()
        assert (before["generation"], before["provenGeneration"]) == (1, 1)
        async with agent.allocation() as old:
            mount(agent, NEXT, previous=agents.SECRET, generation=2)
            began = time.monotonic()
            status = await agent.until(lambda s: s["provenGeneration"] == 2)
            assert time.monotonic() - began < 5
            assert (status["generation"], status["ready"]) == (2, True)
            assert await agent.refusal() == 0
            async with agent.allocation(secret=NEXT) as new:
                await goes_on(old)
                mount(agent, NEXT, generation=2)
                await refused(agent)
                await goes_on(old)
                await goes_on(new)
        assert (await agent.status())["restarts"] == 0


async def test_an_emergency_refuses_new_allocations_with_the_old_secret_and_ends_none(
    tmp_path: Path,
) -> None:
    async with agents.prepared(tmp_path) as agent:
        mount(agent, agents.SECRET, generation=1)
        await agent.start()
        await agent.ready()
        async with agent.allocation() as udp, agent.allocation("tcp") as tcp:
            mount(agent, NEXT, generation=2)
            await refused(agent)
            assert await agent.refusal(secret=NEXT) == 0
            await goes_on(udp)
            await goes_on(tcp)
            status = await agent.until(lambda s: s["provenGeneration"] == 2)
            assert status["ready"]
            await agent.until(lambda s: s["allocations"] == 2)


async def test_a_relay_that_was_away_is_not_ready_before_it_has_caught_up(tmp_path: Path) -> None:
    async with agents.prepared(tmp_path) as agent:
        mount(agent, agents.SECRET, generation=1)
        await agent.start()
        await agent.ready()
        assert agent.process is not None
        agent.process.kill()
        await agent.process.wait()
        mount(agent, NEXT, previous=agents.SECRET, generation=2)
        await agent.start("--exit-with-parent", stdin=asyncio.subprocess.PIPE)
        status = await agent.until(lambda s: s["ready"])
        assert (status["generation"], status["provenGeneration"]) == (2, 2)
        assert await agent.refusal(secret=NEXT) == 0


async def test_an_agent_says_which_live_configuration_coturn_has(tmp_path: Path) -> None:
    async with agents.running(tmp_path) as agent:
        before = (await agent.status())["liveHash"]
        assert before
        agent.configure(live_allocationsPerUser=7)
        await agent.until(lambda s: s["liveHash"] != before)
        agent.configure()
        await agent.until(lambda s: s["liveHash"] == before)


async def refused(agent: agents.Agent) -> None:
    """Wait until the old secret opens nothing any more."""
    deadline = time.monotonic() + 8
    while await agent.refusal() != 401:
        assert time.monotonic() < deadline, "the old secret is still accepted"
        await asyncio.sleep(0.1)
