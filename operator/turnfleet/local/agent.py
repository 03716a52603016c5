"""What an agent says about itself on /status, read over loopback."""

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import aiohttp
from aiohttp import hdrs

from turnfleet.model import fleet
from turnrelay import contract

_TIMEOUT: Final = aiohttp.ClientTimeout(total=2.0)
_SIZE_MAX: Final = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The part of a status that publishing a relay needs."""

    instance: str
    state: contract.State
    since: float
    """Unix seconds."""
    version: str
    sentence: str
    """Why it is not ready, for people; empty when it is."""


async def ask(
    session: aiohttp.ClientSession, *, agent: fleet.AgentAddress, key: str
) -> Report | None:
    """Return what the agent says, or ``None`` while it says nothing that can be understood."""
    url = f"http://{agent.address}:{agent.port}{contract.PATH_STATUS}"
    headers = {hdrs.AUTHORIZATION: f"Bearer {key}"}
    try:
        async with session.get(
            url, headers=headers, timeout=_TIMEOUT, allow_redirects=False
        ) as response:
            size = response.content_length
            # Another program may have the port; an agent's answer always says how long it is.
            if response.status != HTTPStatus.OK or size is None or size > _SIZE_MAX:
                return None
            return _read(json.loads(await response.read()))
    except (aiohttp.ClientError, TimeoutError, ValueError, RecursionError, OSError):
        return None


def _read(document: object) -> Report | None:
    match document:
        case {
            "instance": str(instance),
            "state": str(state),
            "since": int() | float() as since,
            "coturnVersion": str(version),
            "sentence": str(sentence),
        } if state in set(contract.State):
            return Report(
                instance=instance,
                state=contract.State(state),
                since=float(since),
                version=version,
                sentence=sentence,
            )
        case _:
            return None
