"""Kills and stops relays of one ``turnfleet run`` at random, and tells the ledger.

Strikes processes of that machine alone, found through its own process id. Never takes
down more than half of the fleet: beyond that the prober rightly suspects itself and keeps the last
set, which is another promise than the one under test.
"""

import asyncio
import contextlib
import os
import random
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tests.bench import ledger
from tests.support import machine


class Blow(StrEnum):
    """What is done to a relay."""

    COTURN_KILLED = "coturn SIGKILL"
    AGENT_KILLED = "agent SIGKILL"
    COTURN_STOPPED = "coturn SIGSTOP"
    AGENT_STOPPED = "agent SIGSTOP"
    """The relay itself works on; it is struck, but not down."""
    REGION_KILLED = "region SIGKILL"


_WEIGHTS = {
    Blow.COTURN_KILLED: 4,
    Blow.AGENT_KILLED: 2,
    Blow.COTURN_STOPPED: 3,
    Blow.AGENT_STOPPED: 1,
    Blow.REGION_KILLED: 1,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Victim:
    """A relay's two processes."""

    relay: str
    agent: int
    coturn: int


class Reaper:
    """Strikes now and then. ``regions`` lists the relays of each region."""

    def __init__(
        self,
        machine: machine.Machine,
        *,
        regions: Sequence[Sequence[str]],
        told: ledger.Ledger,
        rng: random.Random,
    ) -> None:
        self._machine = machine
        self._regions = regions
        self._told = told
        self._rng = rng
        self._at_most = sum(map(len, regions)) // 2
        self._stopped: set[int] = set()
        self.blows: dict[Blow, int] = dict.fromkeys(Blow, 0)

    async def run(self) -> None:
        """Strike until cancelled; whatever is stopped then goes on."""
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    await asyncio.sleep(self._rng.uniform(1.0, 8.0))
                    self._strike(group)
        finally:
            for pid in tuple(self._stopped):
                _send(pid, signal.SIGCONT)

    def _strike(self, group: asyncio.TaskGroup) -> None:
        blow = self._rng.choices(tuple(_WEIGHTS), tuple(_WEIGHTS.values()))[0]
        alive = self._victims()
        region = self._rng.choice(self._regions)
        chosen = region if blow is Blow.REGION_KILLED else (self._rng.choice(region),)
        struck = [alive[name] for name in chosen if name in alive and self._is_free(alive[name])]
        if not struck or len(struck) + len(self._told.down) > self._at_most:
            return
        self.blows[blow] += 1
        for victim in struck:
            self._hit(victim, blow, group)

    def _victims(self) -> dict[str, Victim]:
        return {
            name: Victim(relay=name, agent=agent, coturn=coturn)
            for name, agent in self._machine.pids().items()
            if (coturn := _coturn(agent)) is not None
        }

    def _is_free(self, victim: Victim) -> bool:
        return (
            victim.relay not in self._told.down
            and not {victim.agent, victim.coturn} & self._stopped
        )

    def _hit(self, victim: Victim, blow: Blow, group: asyncio.TaskGroup) -> None:
        if blow is not Blow.AGENT_STOPPED:
            self._told.struck(victim.relay, at=time.monotonic(), cause=blow)
        match blow:
            case Blow.COTURN_KILLED | Blow.REGION_KILLED:
                _send(victim.coturn, signal.SIGKILL)
            case Blow.AGENT_KILLED:
                _send(victim.agent, signal.SIGKILL)
            case Blow.COTURN_STOPPED:
                group.create_task(self._stop(victim.coturn))
            case Blow.AGENT_STOPPED:
                group.create_task(self._stop(victim.agent))

    async def _stop(self, pid: int) -> None:
        self._stopped.add(pid)
        _send(pid, signal.SIGSTOP)
        await asyncio.sleep(self._rng.uniform(1.0, 15.0))
        _send(pid, signal.SIGCONT)
        self._stopped.discard(pid)


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _coturn(agent: int) -> int | None:
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{agent}/task").iterdir():
            for child in (task / "children").read_text().split():
                if Path(f"/proc/{child}/comm").read_text().strip() == "turnserver":
                    return int(child)
    return None
