"""A whole ``turnfleet run`` as a process of its own: with relays, endpoint and page."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import yaml

EXAMPLE: Final = Path(__file__).parents[2] / "crds" / "examples" / "one-machine"
READY_WITHIN: Final = 90.0
"""Seconds until a start counts as failed; it takes about 4 on an idle machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """One relay as it runs now."""

    region: str
    name: str
    address: str
    listeners: Mapping[str, int]
    agent: int | None
    """Process id of the agent."""
    coturn: int | None
    """Process id of coturn."""


class Machine:
    """A running ``turnfleet run``. Process ids are looked up when asked for: they change."""

    def __init__(
        self, process: asyncio.subprocess.Process, *, folder: Path, state: Path, log: Path
    ) -> None:
        self.process = process
        self.folder = folder
        self.state = state
        self.log = log
        """Everything it printed on standard error: JSON lines."""
        self.greeting: dict[str, Any] = {}

    @property
    def url(self) -> str:
        """Return the endpoint's base URL, without a slash at its end."""
        return str(self.greeting["url"])

    @property
    def authority(self) -> Path:
        """Return the file of the CA that the relays' certificates are signed by."""
        return self.state / "tls" / "ca.crt"

    def pids(self) -> dict[str, int]:
        """Return the process ids of the agents by relay."""
        return {
            name: pid
            for pid in _children(self.process.pid)
            if (name := _option(pid, "--name")) is not None
        }

    async def relays(self) -> dict[str, Relay]:
        """Return the relays that the endpoint knows, by name."""
        pids = self.pids()
        found = {}
        for region in (await self.get("/api/regions"))["regions"]:
            for relay in region["relays"]:
                name = relay["name"]
                agent = pids.get(name)
                config = self.state / "relays" / name / "config.json"
                found[name] = Relay(
                    region=region["name"],
                    name=name,
                    address=relay["addresses"][0],
                    listeners=json.loads(config.read_text())["listeners"],
                    agent=agent,
                    coturn=next(iter(_children(agent)), None) if agent is not None else None,
                )
        return found

    async def get(self, path: str) -> Any:
        """Return the JSON at a path of the endpoint."""
        async with aiohttp.ClientSession() as session, session.get(self.url + path) as response:
            return await response.json()

    async def ask(self, **body: object) -> Any:
        """Return an answer of the endpoint: the iceServers, or a problem."""
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.url}/api/get-ice-servers", json=body) as response,
        ):
            return await response.json(content_type=None)

    async def states(self) -> dict[str, str]:
        """Return, by relay, ``ready`` or the reason why it is not offered."""
        regions = (await self.get("/api/regions"))["regions"]
        return {
            relay["name"]: "ready" if relay["usable"] else str(relay["reason"])
            for region in regions
            for relay in region["relays"]
        }

    async def all_ready(self, names: Sequence[str] = (), *, seconds: float = READY_WITHIN) -> None:
        """Wait until just these relays (none given: whichever there are) can be offered."""
        states: dict[str, str] = {}
        try:
            async with asyncio.timeout(seconds):
                while True:
                    states = await self.states()
                    expected = not names or set(states) == set(names)
                    if expected and states and set(states.values()) == {"ready"}:
                        return
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"not ready after {seconds} s: {states}; {self.said()}") from None

    async def hears(self, sentence: str, *, seconds: float = 60.0) -> None:
        """Wait until the log holds a text."""
        try:
            async with asyncio.timeout(seconds):
                while sentence not in self.said():  # noqa: ASYNC110 - another process writes it
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{sentence!r} was not logged: {self.said()}") from None

    def said(self) -> str:
        """Return all that was logged."""
        return self.log.read_text()

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, wait for the end, return the exit code."""
        self.process.send_signal(number)
        async with asyncio.timeout(60):
            return await self.process.wait()

    def left_behind(self) -> tuple[int, ...]:
        """Return the processes that still work in the state folder."""
        return left_behind(self.state)


def left_behind(state: Path) -> tuple[int, ...]:
    """Return the processes that work in a state folder."""
    return tuple(pid for pid in _pids() if str(state) in _command(pid))


@contextlib.asynccontextmanager
async def running(
    folder: Path, *, state: Path, block: int, flags: Sequence[str] = (), ready: bool = True
) -> AsyncIterator[Machine]:
    """Run a folder of manifests on 127.``block``.x.y until the end of the block.

    ``state`` is made if need be; with ``ready=False`` the fleet may still be starting.
    """
    log = _log_in(state)
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "turnfleet", "run", str(folder), "--json"),
            *("--state", str(state), "--block", str(block), "--listen", "127.0.0.1:0", *flags),
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            limit=1 << 20,
        )
    machine = Machine(process, folder=folder, state=state, log=log)
    draining: asyncio.Task[bytes] | None = None
    try:
        machine.greeting = await _greeting(machine)
        assert process.stdout is not None
        draining = asyncio.create_task(process.stdout.read())
        if ready:
            await machine.all_ready()
        yield machine
    finally:
        if process.returncode is None:
            await machine.end()
        if draining is not None:
            await draining


def _log_in(state: Path) -> Path:
    state.mkdir(parents=True, exist_ok=True)
    return state / "log"


async def _greeting(machine: Machine) -> dict[str, Any]:
    """Return the JSON that is printed once the fleet is ready."""
    assert machine.process.stdout is not None
    text = ""
    async with asyncio.timeout(READY_WITHIN):
        while line := await machine.process.stdout.readline():
            text += line.decode()
            if line == b"}\n":
                greeting: dict[str, Any] = json.loads(text)
                return greeting
    raise AssertionError(f"turnfleet run ended: {machine.said()}")


def manifest(name: str, *, file: Path | None = None, **spec: object) -> dict[str, Any]:
    """Return a small region of two relays, and write it to ``file`` as an editor does."""
    document: dict[str, Any] = {
        "apiVersion": "turnfleet.io/v1alpha1",
        "kind": "TurnRegion",
        "metadata": {"name": name},
        "spec": {
            "location": {"latitude": 50.0, "longitude": 8.0},
            "realm": "turn.example.com",
            "listeners": {
                "udp": {"port": 3478},
                "tcp": {"port": 3478},
                "tls": {"port": 5349, "secretName": "turn-tls"},
            },
            "relayPorts": {"min": 50000, "max": 50199},
            "drain": {"timeout": "1s"},
            **spec,
        },
    }
    if file is not None:
        draft = file.with_suffix(".tmp")
        draft.write_text(yaml.safe_dump(document))
        draft.replace(file)
    return document


def _pids() -> tuple[int, ...]:
    return tuple(int(entry) for entry in os.listdir("/proc") if entry.isdecimal())  # noqa: PTH208 - names


def _children(parent: int) -> tuple[int, ...]:
    return tuple(pid for pid in _pids() if _parent(pid) == parent)


def _parent(pid: int) -> int | None:
    try:
        # The name before the last bracket may hold anything; state and parent follow it.
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, ValueError):
        return None


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except (OSError, UnicodeDecodeError):
        return ""


def _option(pid: int, name: str) -> str | None:
    words = _command(pid).split(" ")
    return words[words.index(name) + 1] if name in words[:-1] else None
