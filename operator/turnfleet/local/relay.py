"""One relay on this machine: its folder, its process, and how it looks from outside."""

import asyncio
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp

from turnfleet.local import agent, files, process
from turnfleet.model import fleet
from turnfleet.plan import placement, relays
from turnrelay import contract

ASK_EVERY: Final = 1.0
"""Seconds between two questions to an agent."""
_SILENT_AFTER: Final = 10.0
"""Seconds of an agent's silence after which its last word no longer counts.

Probes take a dead relay out far sooner; this is for an agent that hangs."""


_log = logging.getLogger("turnfleet.relay")


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """Everything that a relay is started with."""

    place: placement.Place
    revision: str
    text: str
    """The agent's configuration file."""
    drain_timeout: int
    max_unavailable: int
    auth: Path
    tls: Path | None
    turnserver: str

    def desired(self) -> relays.Desired:
        """Return the blueprint as a plan sees it."""
        return relays.Desired(
            key=self.place.key,
            revision=self.revision,
            text=self.text,
            max_unavailable=self.max_unavailable,
        )


class Relay:
    """A relay from its start to its end. ``clock`` gives Unix seconds, ``ticks`` monotonic ones.

    ``token`` returns a few random characters; ``changed`` is called when it looks different.
    """

    def __init__(
        self,
        blueprint: Blueprint,
        *,
        folder: Path,
        token: Callable[[], str],
        changed: Callable[[], None],
        clock: Callable[[], float],
        ticks: Callable[[], float],
    ) -> None:
        self.blueprint = blueprint
        self.instance = ""
        self._folder = folder
        self._token = token
        self._changed = changed
        self._clock = clock
        self._ticks = ticks
        self._report: agent.Report | None = None
        self._heard = 0.0
        self._state = contract.State.STARTING
        self._since = clock()
        self._shown: fleet.Relay | None = None
        self.process = process.Process(
            name=blueprint.place.key.relay,
            command=self._command,
            changed=self._look,
            clock=ticks,
        )
        (folder / "state").mkdir(mode=0o700, parents=True, exist_ok=True)
        self.update(blueprint)

    @property
    def key(self) -> fleet.RelayKey:
        """Return the relay's identity in the fleet."""
        return self.blueprint.place.key

    @property
    def obstacle(self) -> str:
        """Return the agent's sentence on why it is not ready; empty when there is none."""
        return self._report.sentence if self._report is not None else ""

    def update(self, blueprint: Blueprint) -> None:
        """Tell the agent something new; it looks at its files every half second."""
        address = blueprint.place.address
        files.write(self._folder / contract.CONFIG_FILE, blueprint.text, mode=files.PUBLIC)
        files.write(self._folder / contract.ADDRESSES_FILE, address, mode=files.PUBLIC)
        # Not before: what could not be written has to look untold, so that it is tried again.
        self.blueprint = blueprint

    async def run(self, session: aiohttp.ClientSession, *, key: str) -> None:
        """Keep the relay running until it was drained; end it at once when cancelled."""
        watching = asyncio.create_task(self._watch(session, key))
        try:
            await self.process.run()
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    def drain(self, *, timeout: float) -> None:
        """Let it end with its last allocation, or by force after ``timeout`` seconds."""
        self.process.drain(timeout=timeout)
        self._look()

    def running(self) -> relays.Running:
        """Return the relay as a plan sees it."""
        return relays.Running(
            key=self.key,
            revision=self.blueprint.revision,
            text=self.blueprint.text,
            state=self._state,
            since=self._since,
        )

    def published(self) -> fleet.Relay:
        """Return the relay as endpoints see it."""
        place = self.blueprint.place
        return fleet.Relay(
            region=place.key.region,
            name=place.key.relay,
            instance=self.instance,
            node=place.node,
            zone=place.zone,
            addresses=(place.address,),
            hostname=None,
            listeners=place.listeners,
            agent=place.agent,
            state=self._state,
            since=self._since,
            version=self._report.version if self._report is not None else "",
        )

    def _command(self) -> Sequence[str]:
        place = self.blueprint.place
        # A new process is a new instance: whatever was known of the last one is void.
        self.instance = f"{place.key.relay}-{self._token()}"
        self._report = None
        self._heard = self._ticks()
        command = [
            *(sys.executable, "-m", "turnrelay"),
            *("--config", str(self._folder / contract.CONFIG_FILE)),
            *("--auth", str(self.blueprint.auth)),
            *("--addresses", str(self._folder / contract.ADDRESSES_FILE)),
            *("--state", str(self._folder / "state")),
            *("--bind", place.address),
            *("--agent-address", place.agent.address),
            *("--turnserver", self.blueprint.turnserver),
            *("--instance", self.instance),
            *("--name", place.key.relay),
            "--exit-with-parent",
        ]
        if self.blueprint.tls is not None:
            command += ["--tls", str(self.blueprint.tls)]
        return command

    async def _watch(self, session: aiohttp.ClientSession, key: str) -> None:
        while True:
            await asyncio.sleep(ASK_EVERY if self._report else ASK_EVERY / 5)
            report = await agent.ask(session, agent=self.blueprint.place.agent, key=key)
            # Another instance's answer is that of a process about to end, or of a stranger.
            if report is not None and report.instance == self.instance:
                self._report = report
                self._heard = self._ticks()
            self._look()

    def _look(self) -> None:
        """Work out the state anew and say so if it changed."""
        state = self._judge()
        if state is not self._state:
            self._state = state
            self._since = self._clock()
            why = f": {self.obstacle}" if self.obstacle else ""
            _log.info("%s is %s%s", self.key.relay, state, why)
        shown = self.published()
        if shown != self._shown:
            self._shown = shown
            self._changed()

    def _judge(self) -> contract.State:
        if self.process.draining:
            return contract.State.DRAINING
        if not self.process.alive:
            crashed = self.process.crashes > 0 or self._report is not None
            return contract.State.UNREACHABLE if crashed else contract.State.STARTING
        if self._report is None:
            return contract.State.STARTING
        if self._ticks() - self._heard > _SILENT_AFTER:
            return contract.State.UNREACHABLE
        return self._report.state
