"""A relay agent as its owner runs it: a real process in a folder of its own, with a real coturn."""

import asyncio
import contextlib
import itertools
import json
import os
import ssl
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from tests.support import allocating, coturn

from turnrelay import auth, contract, stun, turn

SECRET = "the-first-secret-of-the-tests-0001"
KEY = "0123456789abcdef0123456789abcdef"
_NUMBERS = itertools.count(1)


def new_address() -> str:
    """Return a loopback address that no other test uses."""
    return f"127.30.{os.getpid() % 250 + 1}.{next(_NUMBERS)}"


def document(**changes: object) -> dict[str, Any]:
    """Return a configuration as the fleet renders it; ``live_x`` changes ``live.x``."""
    live: dict[str, object] = {
        "allocationsPerUser": 100,
        "allocationsPerRelay": 1000,
        "bandwidthPerRelay": None,
        "peers": {"deny": [], "allow": []},
    }
    live |= {key[5:]: value for key, value in changes.items() if key.startswith("live_")}
    lasting = {key: value for key, value in changes.items() if not key.startswith("live_")}
    return {
        "region": "eu-central",
        "realm": "turn.example.com",
        "listeners": {"udp": 3478, "tcp": 3478},
        "relayPorts": {"min": 49152, "max": 49999},
        "families": ["IPv4"],
        "agentPort": 9641,
        "drainTimeout": 60,
        **lasting,
        "live": live,
    }


@dataclass(slots=True, kw_only=True)
class Agent:
    """An agent's files, and its process once it runs."""

    folder: Path
    address: str
    bind: str
    process: asyncio.subprocess.Process | None = None

    @property
    def id(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def log(self) -> str:
        """Return all that the agent has printed so far."""
        return (self.folder / "log").read_text()

    def configure(self, **changes: object) -> None:
        """Write the configuration, atomically as the fleet does."""
        self.put(contract.CONFIG_FILE, json.dumps(document(**changes)))

    def put(self, name: str, content: str) -> None:
        """Replace one of the files below the folder."""
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        draft = path.with_name(f".{path.name}.new")
        draft.write_text(content)
        draft.replace(path)

    def sign(self, current: str, *, previous: str = "", generation: int = 1, **more: str) -> None:
        """Fill the auth folder."""
        self.put(f"auth/{contract.AUTH_PREVIOUS}", previous)
        self.put(f"auth/{contract.AUTH_RETIRE_AFTER}", more.get("retire_after", ""))
        self.put(f"auth/{contract.AUTH_CURRENT}", current)
        self.put(f"auth/{contract.AUTH_GENERATION}", str(generation))
        self.put(f"auth/{contract.AGENT_KEY}", KEY)

    def certify(self, authority: coturn.Authority) -> None:
        """Put a new certificate into the TLS folder."""
        folder = self.folder / "tls"
        folder.mkdir(exist_ok=True)
        certificate, key = authority.issue(folder, [self.address])
        self.put(f"tls/{contract.TLS_KEY}", key.read_text())
        self.put(f"tls/{contract.TLS_CERTIFICATE}", certificate.read_text())

    async def start(
        self, *flags: str, stdin: int = asyncio.subprocess.DEVNULL, group: int | None = None
    ) -> None:
        """Start the agent, in a group if one is given; its output goes to ``log``."""
        with (self.folder / "log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "turnrelay"),
                *("--config", str(self.folder / contract.CONFIG_FILE)),
                *("--auth", str(self.folder / "auth")),
                *("--tls", str(self.folder / "tls")),
                *("--addresses", str(self.folder / contract.ADDRESSES_FILE)),
                *("--state", str(self.folder / "state")),
                *("--bind", self.bind),
                *("--agent-address", self.address),
                *("--instance", "one", "--name", "relay-1"),
                *flags,
                stdin=stdin,
                stdout=log,
                stderr=log,
                group=group,
            )

    async def ended(self, *, within: float = 60) -> int:
        """Wait for the end of the agent and return its exit code."""
        assert self.process is not None
        return await asyncio.wait_for(self.process.wait(), timeout=within)

    async def status(self) -> dict[str, Any]:
        """Return /status, empty while nobody answers."""
        status, body = await self.get(contract.PATH_STATUS)
        return json.loads(body) if status == 200 else {}

    async def get(self, path: str, *, key: str | None = KEY) -> tuple[int, str]:
        """Ask for a page; status 0 is no answer."""
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session,
                session.get(f"http://{self.address}:9641{path}", headers=headers) as answer,
            ):
                return answer.status, await answer.text()
        return 0, ""

    async def until(
        self, fits: Callable[[Mapping[str, Any]], object], *, within: float = 60
    ) -> dict[str, Any]:
        """Wait until /status fits, and return it."""
        deadline = time.monotonic() + within
        seen: dict[str, Any] = {}
        while time.monotonic() < deadline:
            seen = await self.status()
            if seen and fits(seen):
                return seen
            await asyncio.sleep(0.1)
        raise AssertionError(f"not within {within} s; last status {seen}; log:\n{self.log}")

    async def ready(self) -> dict[str, Any]:
        """Wait until new clients may come."""
        return await self.until(lambda status: status["ready"])

    def coturn(self) -> int | None:
        """Return the process id of the agent's coturn, if it has one."""
        task = Path(f"/proc/{self.id}/task/{self.id}/children")
        for child in task.read_text().split():
            with contextlib.suppress(OSError):
                if Path(f"/proc/{child}/comm").read_text().strip() == "turnserver":
                    return int(child)
        return None

    def server(self, transport: str = "udp", *, address: str | None = None) -> turn.Server:
        """Return one of the relay's listeners."""
        return turn.Server(
            address=address or self.address,
            port=5349 if transport == "tls" else 3478,
            transport=turn.Transport(transport),
            context=_unverified() if transport == "tls" else None,
        )

    @contextlib.asynccontextmanager
    async def allocation(
        self,
        transport: str = "udp",
        *,
        secret: str = SECRET,
        user: str = "alice",
        server: turn.Server | None = None,
        family: str = "IPv4",
    ) -> AsyncIterator[turn.Allocation]:
        """Hold an allocation; it is released with the block."""
        username, password = auth.credential(
            secret=secret, user=user, expires=int(time.time()) + 600
        )
        async with contextlib.AsyncExitStack() as holding:
            allocation = await allocating.allocate(
                holding,
                server or self.server(transport),
                username=username,
                password=password,
                timeout=2,
                family="IPv6" if family == "IPv6" else "IPv4",
            )
            yield allocation
            with contextlib.suppress(turn.Failure):
                await allocation.release()

    async def refusal(self, *, secret: str = SECRET, user: str = "alice") -> int:
        """Return the error code that an Allocate meets, 0 when it works."""
        try:
            async with self.allocation(secret=secret, user=user):
                return 0
        except turn.Refused as refused:
            return refused.code


async def permission(allocation: turn.Allocation, peer: str) -> int:
    """Return the error code that a CreatePermission meets, 0 when it works."""
    try:
        await allocation.permit(peer)
    except turn.Refused as refused:
        return refused.code
    return 0


async def channel(allocation: turn.Allocation, number: int, peer: str) -> int:
    """Return the error code that a ChannelBind meets, 0 when it works."""
    attributes = [(stun.Attribute.CHANNEL_NUMBER, (number << 16).to_bytes(4, "big"))]
    connection = allocation._connection  # noqa: SLF001 - the client has no use for channels
    try:
        await connection._exchange(  # noqa: SLF001 - see above
            stun.Method.CHANNEL_BIND, attributes, peer=stun.Address(peer, 4000)
        )
    except turn.Refused as refused:
        return refused.code
    return 0


async def eventually(holds: Callable[[], object], *, within: float = 60) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(within):
        while not holds():  # noqa: ASYNC110 - what is waited for happens in another process
            await asyncio.sleep(0.05)


def visible(*processes: int | None) -> tuple[bytes, ...]:
    """Return what every user of the host can see of processes: arguments, and the environment."""
    return tuple(
        Path(f"/proc/{process}/{file}").read_bytes()
        for process in processes
        for file in ("cmdline", "environ")
    )


def readable_by_all(state: Path) -> tuple[bytes, ...]:
    """Return what must be free of secrets in a state folder, having checked who can read it."""
    assert state.stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o077 == 0 for path in state.iterdir())
    return ((state / "turnserver.conf").read_bytes(),)


def alive(process: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@contextlib.asynccontextmanager
async def prepared(
    folder: Path, *, bind: str | None = None, **config: object
) -> AsyncIterator[Agent]:
    """Give an agent with all of its files, not yet started; ended with the block."""
    address = new_address()
    own = address if bind is None else f"{address},{bind}"
    agent = Agent(folder=folder, address=address, bind=own)
    agent.configure(**config)
    agent.sign(SECRET)
    agent.put(contract.ADDRESSES_FILE, agent.bind)
    try:
        yield agent
    finally:
        if agent.process is not None:
            with contextlib.suppress(ProcessLookupError):
                agent.process.kill()
            await agent.process.wait()


@contextlib.asynccontextmanager
async def running(
    folder: Path, *, bind: str | None = None, **config: object
) -> AsyncIterator[Agent]:
    """Give an agent that is ready."""
    async with prepared(folder, bind=bind, **config) as agent:
        await agent.start()
        await agent.ready()
        yield agent
