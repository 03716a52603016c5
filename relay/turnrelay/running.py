"""Checks what no retry would mend, then runs the agent until it was told to end."""

import asyncio
import itertools
import logging
import os
import shutil
import signal
import stat
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from turnrelay import agent, config, detecting, features, mounts, options, supervising

_LOG: Final = logging.getLogger("turnrelay")
_UNFIT: Final = 2
_PROBE_USERS: Final = 1 << 14
"""More than the ten minutes have probes for which a lost allocation lives, and so few because
coturn remembers every name for as long as it runs."""


def run(argv: Sequence[str] | None) -> int:
    """Run one relay and return the exit code."""
    told = options.parse(argv)
    # Everything written is the agent's own: secrets, its configuration, coturn's files.
    os.umask(0o077)
    logging.basicConfig(
        level=logging.DEBUG if told.verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
        stream=sys.stderr,
    )
    logging.getLogger("asyncio").setLevel(logging.INFO)
    settings = _settings(told)
    program = shutil.which(told.turnserver)
    if program is None:
        return _unfit(
            f"there is no program {told.turnserver}: install coturn, or name it with --turnserver"
        )
    if isinstance(settings, str):
        return _unfit(settings)
    return asyncio.run(_run(replace(told, turnserver=str(Path(program).absolute())), settings))


def _unfit(sentence: str) -> int:
    sys.stderr.write(f"turnrelay: {sentence}\n")
    return _UNFIT


def _settings(told: options.Options) -> config.Config | str:
    try:
        content = mounts.read_file(told.config)
    except mounts.Unreadable as error:
        return error.sentence
    if content is None:
        return f"there is no configuration at {told.config}"
    found = config.parse(content)
    if isinstance(found, config.Config):
        return found
    return "the configuration cannot be used:" + "".join(f"\n  {problem}" for problem in found)


async def _run(told: options.Options, settings: config.Config) -> int:
    found = await detecting.detect(told.turnserver)
    if not isinstance(found, features.Features):
        return _unfit(found)
    if found.caveats:
        _LOG.info("coturn %s: %s", found.version, "; ".join(found.caveats))
    users = itertools.cycle(range(_PROBE_USERS))
    relay = agent.Agent(
        told=told,
        settings=settings,
        abilities=found,
        # Another name than those of endpoints' probes, which count towards the same quotas.
        suffix=lambda: f"agent-{next(users)}",
    )
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, relay.told_to_drain)
    loop.add_signal_handler(signal.SIGINT, relay.told_to_end, "interrupted")
    if told.exit_with_parent:
        await _watch_parent(relay)
    try:
        await relay.run()
    except supervising.Fatal as fatal:
        return _unfit(fatal.sentence)
    return 0


class _ParentGone(asyncio.Protocol):
    def __init__(self, relay: agent.Agent) -> None:
        self._relay = relay

    def eof_received(self) -> None:
        self._relay.told_to_end("the parent has gone")

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._relay.told_to_end("the parent has gone")


async def _watch_parent(relay: agent.Agent) -> None:
    if not _held_open():
        relay.told_to_end("standard input is not held open by a parent")
        return
    await asyncio.get_running_loop().connect_read_pipe(lambda: _ParentGone(relay), sys.stdin)


def _held_open() -> bool:
    """Return whether standard input can end: a file or /dev/null never does."""
    if sys.stdin is None:
        return False  # closed before the start
    mode = os.fstat(sys.stdin.fileno()).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or sys.stdin.isatty()
