"""The agent's pages under strangers: whoever reaches its port, without a key."""

import asyncio
import contextlib
from pathlib import Path

from tests.support import agents


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
