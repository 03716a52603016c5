"""Tells a dead relay from a prober that is cut off: a second look, over TCP, after silence."""

import asyncio

from turnfleet.model import fleet
from turnfleet.probe import findings
from turnrelay import turn


async def look(
    stream: turn.Server | None, agent: fleet.AgentAddress | None, *, seconds: float
) -> findings.Evidence:
    """Return what the relay's TCP listener shows, or else whether its agent's port refuses.

    A refusing agent beside a silent relay is a proof too: the host says that both are gone.
    """
    seen, refused = await asyncio.gather(_speak(stream, seconds), _refuses(agent, seconds))
    if seen is findings.Evidence.SILENT and refused:
        return findings.Evidence.REFUSED
    return seen


async def _speak(server: turn.Server | None, seconds: float) -> findings.Evidence:
    if server is None:
        return findings.Evidence.SILENT
    connected = False
    try:
        async with asyncio.timeout(seconds), turn.connect(server, timeout=seconds) as connection:
            connected = True
            await connection.binding()
    except turn.Closed:
        return findings.Evidence.REFUSED
    except (turn.Silent, TimeoutError):
        return findings.Evidence.MUTE if connected else findings.Evidence.SILENT
    except turn.TlsFailed:
        return findings.Evidence.SILENT
    except turn.Refused:
        return findings.Evidence.SPEAKS
    return findings.Evidence.SPEAKS


async def _refuses(agent: fleet.AgentAddress | None, seconds: float) -> bool:
    if agent is None:
        return False
    try:
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection(agent.address, agent.port)
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    writer.transport.abort()
    return False
