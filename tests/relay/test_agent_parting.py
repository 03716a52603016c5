"""What an agent says at its end, and which ends cut something."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.support import agents, faults

from turnrelay import contract, parting


@contextlib.asynccontextmanager
async def overheard(
    folder: Path, *, deadline: int = 60
) -> AsyncIterator[tuple[agents.Agent, Path]]:
    """Give an agent that is ready, and the file that its last words go to."""
    words = folder / "termination-log"
    words.touch()
    async with agents.prepared(folder, drainTimeout=deadline) as agent:
        await agent.start("--termination-log", str(words))
        await agent.ready()
        yield agent, words


async def metrics(agent: agents.Agent) -> str:
    return (await agent.get(contract.PATH_METRICS))[1]


def said(words: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(words.read_text())
    return found


async def test_what_the_deadline_of_a_drain_cuts_is_told(tmp_path: Path) -> None:
    async with (
        overheard(tmp_path, deadline=4) as (agent, words),
        agent.allocation(user="a"),
        agent.allocation(user="b"),
    ):
        os.kill(agent.id, signal.SIGTERM)
        assert await agent.ended() == 0
        assert said(words)["allocationsCut"] == 2
        assert "longer than 4 s" in said(words)["reason"]
        assert "live allocations are cut: 2" in agent.log


async def test_a_drain_that_was_waited_for_cuts_nothing(tmp_path: Path) -> None:
    async with overheard(tmp_path) as (agent, words):
        async with agent.allocation():
            os.kill(agent.id, signal.SIGTERM)
            await agent.until(lambda s: s["state"] == "Draining")
        assert await agent.ended() == 0
        assert said(words) == {"allocationsCut": 0, "reason": "the last allocation has ended"}


async def test_a_drain_ends_with_the_last_call_though_its_quota_cannot_be_written(
    tmp_path: Path,
) -> None:
    async with overheard(tmp_path) as (agent, words):
        with faults.database_locked(agent):
            os.kill(agent.id, signal.SIGTERM)
            assert await agent.ended() == 0
        assert said(words) == {"allocationsCut": 0, "reason": "the last allocation has ended"}


async def test_who_is_told_twice_to_end_says_what_that_cuts(tmp_path: Path) -> None:
    async with overheard(tmp_path) as (agent, words), agent.allocation():
        os.kill(agent.id, signal.SIGTERM)
        await agent.until(lambda s: s["state"] == "Draining")
        os.kill(agent.id, signal.SIGTERM)
        assert await agent.ended() == 0
        assert said(words) == {"allocationsCut": 1, "reason": "told so a second time"}


async def test_who_is_killed_while_it_drains_has_said_what_that_cuts(tmp_path: Path) -> None:
    async with overheard(tmp_path) as (agent, words), agent.allocation():
        os.kill(agent.id, signal.SIGTERM)
        await agents.eventually(words.read_text)
        os.kill(agent.id, signal.SIGKILL)
        await agent.ended()
        assert said(words) == {"allocationsCut": 1, "reason": "it was killed while it drained"}


async def test_what_a_crash_of_coturn_cuts_is_counted(tmp_path: Path) -> None:
    async with overheard(tmp_path) as (agent, words), agent.allocation():
        await agent.until(lambda s: s["allocations"] == 1)
        relay = agent.coturn()
        assert relay is not None
        os.kill(relay, signal.SIGKILL)
        await agent.until(lambda s: s["ready"] and s["restarts"] == 1)
        async with asyncio.timeout(60):  # it is counted at the next look
            while "turnrelay_allocations_cut_total 1.0" not in await metrics(agent):  # noqa: ASYNC110 - a process counts
                await asyncio.sleep(0.1)
        os.kill(agent.id, signal.SIGTERM)
        await agents.eventually(words.read_text)
        os.kill(agent.id, signal.SIGTERM)
        assert await agent.ended() == 0
        assert said(words)["allocationsCut"] == 0, "that was no doing of the drain"


async def test_a_crash_during_a_drain_is_part_of_it(tmp_path: Path) -> None:
    async with overheard(tmp_path) as (agent, words), agent.allocation():
        await agent.until(lambda s: s["allocations"] == 1)
        os.kill(agent.id, signal.SIGTERM)
        await agent.until(lambda s: s["state"] == "Draining")
        relay = agent.coturn()
        assert relay is not None
        os.kill(relay, signal.SIGKILL)
        assert await agent.ended() == 0
        assert said(words)["allocationsCut"] == 1


@pytest.mark.parametrize("kind", ["absent", "folder", "link", "unwritable"])
def test_last_words_that_nobody_can_hear_change_nothing(tmp_path: Path, kind: str) -> None:
    path, target = tmp_path / "words", tmp_path / "target"
    target.write_text("kept")
    match kind:
        case "folder":
            path.mkdir()
        case "link":
            path.symlink_to(target)
        case "unwritable":
            path = Path("/dev/full")
    parting.say(path, cut=1, reason="why")
    assert target.read_text() == "kept"
    assert path.exists() is (kind != "absent")
