"""Asks relay agents for /status. Takes nothing on trust: time, size and shape are bounded."""

import json
from typing import Final, Self

import aiohttp

from turnfleet import calling
from turnfleet.model import fleet
from turnfleet.probe import findings
from turnrelay import contract

_SIZE_MAX: Final = 64 * 1024


class Agents:
    """One HTTP session for all agents."""

    def __init__(self, *, key: str, timeout: float, at_once: int) -> None:
        self.key = key
        """Shown to agents; may be replaced. Empty: it is not known yet, and nobody is asked."""
        self._timeout = timeout
        self._at_once = at_once
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = calling.session(timeout=self._timeout, at_once=self._at_once)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def ask(self, agent: fleet.AgentAddress) -> findings.Report | None:
        """Return what an agent reports; ``None`` for silence, a refusal or nonsense."""
        return findings.read_report(await self.document(agent))

    async def document(self, agent: fleet.AgentAddress) -> object:
        """Return an agent's /status as it came; ``None`` for silence, a refusal or no JSON."""
        if self._session is None or not self.key:
            return None
        host = f"[{agent.address}]" if ":" in agent.address else agent.address
        url = f"http://{host}:{agent.port}{contract.PATH_STATUS}"
        headers = {"Authorization": f"Bearer {self.key}"}
        try:
            async with self._session.get(url, headers=headers, allow_redirects=False) as response:
                if response.status != 200:  # noqa: PLR2004 - OK
                    return None
                body = await calling.body(response, most=_SIZE_MAX)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return None
        try:
            return json.loads(body[:_SIZE_MAX])
        except (ValueError, RecursionError):
            return None
