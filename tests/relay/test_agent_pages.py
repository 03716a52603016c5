"""The agent's pages under strangers: whoever reaches its port, without a key."""

import asyncio
import contextlib
import json
from pathlib import Path

from tests.support import agents

from turnrelay import contract


def descriptors(agent: agents.Agent) -> int:
    """Return how many files and sockets an agent has open."""
    return len(list(Path(f"/proc/{agent.id}/fd").iterdir()))


async def test_connections_that_say_nothing_keep_nobody_from_asking(tmp_path: Path) -> None:
    async with agents.running(tmp_path) as agent, contextlib.AsyncExitStack() as silent:
        for _ in range(400):
            _, writer = await asyncio.open_connection(agent.address, 9641)
            silent.callback(writer.close)
        assert (await agent.status())["ready"]
        assert descriptors(agent) < 250


async def test_coturns_last_words_are_for_those_with_a_key(tmp_path: Path) -> None:
    words = "session 1: new, client 203.0.113.7:4000"
    async with agents.prepared(tmp_path) as agent:
        agent.put(
            "turnserver",
            f'#!/bin/sh\n[ "$1" = --version ] && echo 4.6.1 && exit\necho {words}; exit 3\n',
        )
        (tmp_path / "turnserver").chmod(0o755)
        await agent.start("--turnserver", str(tmp_path / "turnserver"))
        status = await agent.until(lambda s: s["reason"] == "Crashed" and s["restarts"] >= 2)
        assert words in status["sentence"]
        reason = ""
        while reason != "Crashed":  # it is Unproven while it is started again
            code, body = await agent.get(contract.PATH_READYZ, key=None)
            assert code == 503
            told = json.loads(body)
            reason = told.pop("reason")
            assert told == {"ready": False, "state": "Starting"}
            assert words not in body


async def test_what_is_no_http_leaves_nothing_of_it_in_the_log(tmp_path: Path) -> None:
    async with agents.running(tmp_path) as agent:
        reader, writer = await asyncio.open_connection(agent.address, 9641)
        writer.write(b"GET /status HTTP/1.1\r\nHost: x\r\nAuthorization: secret\x00key\r\n\r\n")
        assert b" 400 " in await reader.readline()
        writer.close()
        assert "secret" not in agent.log
        assert "Traceback" not in agent.log
