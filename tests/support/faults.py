"""What breaks under a relay: each fault done to a running agent, and undone.

The state folder has to be a small file system of its own (``small_disk``), which takes root.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support import agents

from turnrelay import contract, turn

ROOT: Final = os.geteuid() == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that breaks; leaving what ``inflict`` gives mends it."""

    name: str
    reason: str
    """What /readyz says of it."""
    inflict: Callable[[agents.Agent], contextlib.AbstractContextManager[None]]
    ends_coturn: bool = False
    """Live allocations end with it, and coturn is started again."""


@contextlib.contextmanager
def small_disk(agent: agents.Agent) -> Iterator[None]:
    """Give the agent, before its start, a state folder of one megabyte."""
    state = agent.folder / "state"
    state.mkdir()
    _run("mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", str(state))
    try:
        yield
    finally:
        _run("umount", "--lazy", str(state))


@contextlib.contextmanager
def crash(agent: agents.Agent) -> Iterator[None]:
    os.kill(coturn(agent), signal.SIGKILL)
    yield


@contextlib.contextmanager
def hang(agent: agents.Agent) -> Iterator[None]:
    relay = coturn(agent)
    os.kill(relay, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(relay, signal.SIGCONT)


@contextlib.contextmanager
def port_taken(agent: agents.Agent) -> Iterator[None]:
    """Take the relay's port in the moment in which its coturn is away."""
    os.kill(coturn(agent), signal.SIGKILL)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as squatter:
        for _ in range(1000):
            with contextlib.suppress(OSError):
                squatter.bind((agent.address, 3478))
                break
            time.sleep(0.0005)
        yield


@contextlib.contextmanager
def full_disk(agent: agents.Agent) -> Iterator[None]:
    ballast = agent.folder / "state" / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    try:
        yield
    finally:
        ballast.unlink()


@contextlib.contextmanager
def read_only_disk(agent: agents.Agent) -> Iterator[None]:
    state = str(agent.folder / "state")
    _run("mount", "--bind", state, state)
    _run("mount", "-o", "remount,bind,ro", state)
    try:
        yield
    finally:
        _run("umount", state)


@contextlib.contextmanager
def database_locked(agent: agents.Agent) -> Iterator[None]:
    with contextlib.closing(_opened(agent)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


@contextlib.contextmanager
def database_lost(agent: agents.Agent) -> Iterator[None]:
    path = database(agent)
    path.rename(path.with_name("lost"))
    try:
        yield
    finally:
        path.with_name("lost").rename(path)


FAULTS: Final = (
    Fault(name="coturn hangs (SIGSTOP)", reason="Silent", inflict=hang),
    Fault(name="disk full", reason="StateUnwritable", inflict=full_disk),
    Fault(name="disk read-only", reason="StateUnwritable", inflict=read_only_disk),
    Fault(name="database locked", reason="DatabaseUnusable", inflict=database_locked),
    Fault(name="database file lost", reason="DatabaseUnusable", inflict=database_lost),
    Fault(name="coturn crashes (SIGKILL)", reason="Crashed", inflict=crash, ends_coturn=True),
    Fault(
        name="port taken after a crash", reason="PortTaken", inflict=port_taken, ends_coturn=True
    ),
)


def forget_secrets(agent: agents.Agent) -> None:
    """Take the secrets out of the database, as a stranger would."""
    with contextlib.closing(_opened(agent)) as other:
        other.execute("DELETE FROM turn_secret")


def damage_database(agent: agents.Agent) -> None:
    """Write over every page of the database."""
    path = database(agent)
    with contextlib.closing(_opened(agent)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.write(os.urandom(path.stat().st_size))


def stored_secrets(agent: agents.Agent) -> set[str]:
    """Return the secrets that a coturn started now would read; empty from a damaged file."""
    with (
        contextlib.suppress(sqlite3.DatabaseError),
        contextlib.closing(_opened(agent)) as reader,
    ):
        return {value for (value,) in reader.execute("SELECT value FROM turn_secret")}
    return set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Two live allocations on one relay that send to each other."""

    one: turn.Allocation
    other: turn.Allocation

    async def carries(self) -> bool:
        """Whether a packet passes and both allocations are still granted."""
        for _ in range(3):
            with contextlib.suppress(turn.Failure):
                await self.one.send((self.other.relayed.ip, self.other.relayed.port), b"media")
                _, data = await self.other.receive(0.5)
                if data == b"media":
                    return True
        return False

    async def renewed(self) -> bool:
        """Whether both allocations can be refreshed."""
        with contextlib.suppress(turn.Failure):
            return [await each.refresh(600) for each in (self.one, self.other)] == [600, 600]
        return False


@contextlib.asynccontextmanager
async def call(agent: agents.Agent) -> AsyncIterator[Call]:
    """Hold a call through the relay, which must allow its own address as a peer."""
    async with agent.allocation(user="ann") as one, agent.allocation(user="bob") as other:
        await one.permit(agent.address)
        await other.permit(agent.address)
        yield Call(one=one, other=other)


async def noticed(agent: agents.Agent, reason: str, *, within: float) -> float:
    """Return after how many seconds /readyz refuses and names ``reason``."""
    began = time.monotonic()
    seen = ""
    while time.monotonic() - began < within:
        code, seen = await agent.get(contract.PATH_READYZ, key=None)
        if code == 503 and f'"reason": "{reason}"' in seen:
            return time.monotonic() - began
        await asyncio.sleep(0.02)
    raise AssertionError(f"{reason} not within {within} s, but {seen}; log:\n{agent.log}")


async def ready_again(agent: agents.Agent, *, within: float = 60) -> float:
    """Return after how many seconds the relay takes new clients."""
    began = time.monotonic()
    while (await agent.get(contract.PATH_READYZ, key=None))[0] != 200:
        assert time.monotonic() - began < within, agent.log
        await asyncio.sleep(0.02)
    return time.monotonic() - began


def coturn(agent: agents.Agent) -> int:
    """Return the process id of the agent's coturn."""
    found = agent.coturn()
    assert found is not None
    return found


def database(agent: agents.Agent) -> Path:
    """Return the file that coturn reads."""
    return agent.folder / "state" / "turn.sqlite"


def _opened(agent: agents.Agent) -> sqlite3.Connection:
    return sqlite3.connect(database(agent), isolation_level=None)


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
