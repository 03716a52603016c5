"""An agent on a clock of its own: it runs in this process, beside a coturn on the machine's."""

import asyncio
import contextlib
import json
import shutil
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from tests.support import agents

from turnrelay import agent as agent_module
from turnrelay import config, contract, detecting, features, options


@dataclass(slots=True, kw_only=True)
class Clock:
    """The wall clock, as it would be after a jump."""

    jumped: float = 0.0

    def __call__(self) -> float:
        return time.time() + self.jumped


@contextlib.asynccontextmanager
async def on(clock: Clock, folder: Path) -> AsyncIterator[agents.Agent]:
    """Run an agent on a clock of its own, in this process; its coturn has the machine's."""
    async with agents.prepared(folder) as relay:
        program = shutil.which("turnserver")
        assert program is not None
        told = options.parse(
            ["--config", str(folder / contract.CONFIG_FILE), "--auth", str(folder / "auth"),
             "--addresses", str(folder / contract.ADDRESSES_FILE), "--state", str(folder / "state"),
             "--bind", relay.bind, "--agent-address", relay.address,
             "--turnserver", program]
        )  # fmt: skip
        settings = config.parse(json.dumps(agents.document()).encode())
        assert isinstance(settings, config.Config)
        abilities = await detecting.detect(program)
        assert isinstance(abilities, features.Features)
        running = agent_module.Agent(
            told=told, settings=settings, abilities=abilities, clock=clock, suffix=lambda: "test"
        )
        (folder / "log").touch()
        task = asyncio.create_task(running.run())
        try:
            await relay.ready()
            yield relay
        finally:
            running.told_to_end("the test is over")
            await task
