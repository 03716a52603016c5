"""Two nodes of which one is guarded: network namespaces of their own, gone with the block.

The first one is that of a thread, so that a test's own sockets and programs are on it; the second
one is its neighbour on a cable, and answers every datagram that reaches it. Takes root.
"""

import asyncio
import concurrent.futures
import contextlib
import ctypes
import functools
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, cast

ADDRESS: Final = "10.9.0.1"
NEIGHBOUR: Final = "10.9.0.2"
SERVICE: Final = 5353
"""A UDP port of either node where something answers that is no relay."""
RELAY_PORTS: Final = (49152, 49999)
_NEIGHBOURS: Final = (SERVICE, RELAY_PORTS[1])
_PATH: Final = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
_NEW_NETWORK: Final = 0x40000000
"""CLONE_NEWNET of <linux/sched.h>; Python knows it from 3.12 on."""
_SENDING: Final = """
import socket, sys
socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b"hello", ("::1", int(sys.argv[1])))
"""
_ANSWERING: Final = """
import selectors, socket, sys
chosen = selectors.DefaultSelector()
for port in map(int, sys.argv[1:]):
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind(("0.0.0.0", port))
    chosen.register(one, selectors.EVENT_READ)
print("there", flush=True)
while True:
    for key, _ in chosen.select():
        data, sender = key.fileobj.recvfrom(2048)
        key.fileobj.sendto(data, sender)
"""


@functools.cache
def lacking() -> str:
    """Return a sentence about what is missing here; empty if nothing is."""
    if os.geteuid() != 0:
        return "network namespaces of one's own take root"
    missing = [name for name in ("ip", "nft", "nsenter", "unshare") if not _program(name)]
    if missing:
        return f"there is no {missing[0]} here: scripts/setup test installs what it may"
    probe = ("unshare", "--net", _program("nft"), "list", "tables")
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        return "this kernel has no network namespaces with nftables"
    return ""


def on_a_node(scene: Callable[[], Awaitable[None]]) -> None:
    """Run a scene on a node of its own, with a neighbour."""

    async def played() -> None:
        with _cabled():
            await scene()

    with concurrent.futures.ThreadPoolExecutor(1, initializer=_unshare) as apart:
        apart.submit(asyncio.run, played()).result()


class Guard:
    """A guard of the node, as its pod runs it."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self.process = process
        self._log = log

    @property
    def log(self) -> str:
        """Return all that it has printed so far."""
        return self._log.read_text()

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        async with asyncio.timeout(60):
            return await self.process.wait()


def command(*flags: str, instance: str = "one") -> tuple[str, ...]:
    """Return the command line of a guard of these nodes."""
    return (
        *(sys.executable, "-m", "turnrelay", "guard", f"--instance={instance}"),
        *("--listener=3478", "--relay-ports={}-{}".format(*RELAY_PORTS)),
        *(f"--nft={_program('nft')}", *flags),
    )


@contextlib.asynccontextmanager
async def guarding(folder: Path, *flags: str, instance: str = "one") -> AsyncIterator[Guard]:
    """Give a guard whose rules stand; killed with the block, if it has not ended."""
    log, ready = folder / f"guard-{instance}.log", folder / f"ready-{instance}"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command(f"--ready={ready}", *flags, instance=instance), stdout=output, stderr=output
        )
    try:
        async with asyncio.timeout(60):
            while not ready.exists():
                assert process.returncode is None, log.read_text()
                await asyncio.sleep(0.05)
        yield Guard(process, log)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def rules() -> str:
    """Return the rules that stand on the node."""
    return _run("nft", "--stateless", "list", "ruleset")


def refusal(text: str) -> str:
    """Return why nft does not take a text on this node; empty if it does. Nothing is applied."""
    return subprocess.run(
        [_program("nft"), "--check", "--file", "-"], input=text, capture_output=True, check=False,
        text=True,
    ).stderr  # fmt: skip


def flush() -> None:
    """Take every rule away, as the reload of a firewall does."""
    _run("nft", "flush", "ruleset")


@contextlib.asynccontextmanager
async def answering(address: str, port: int) -> AsyncIterator[None]:
    """Answer every datagram to a port of this node."""
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        _Answering, local_addr=(address, port)
    )
    try:
        yield
    finally:
        transport.close()


def answers(address: str, port: int) -> bool:
    """Return whether a program of the node that is no relay's gets an answer from the neighbour."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.settimeout(2)
        # From a relay's port, which any program of the node may happen to have as well.
        own.bind((ADDRESS, RELAY_PORTS[0] + 1))
        own.sendto(b"hello", (address, port))
        with contextlib.suppress(TimeoutError):
            return own.recv(100) == b"hello"
    return False


def arrives(port: int, *, group: int) -> bool:
    """Return whether what a program of a group sends to its own node gets there, by IPv6."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as there:
        there.bind(("::1", port))
        there.settimeout(1)
        as_member = ("setpriv", f"--regid={group}", "--clear-groups")
        _run(*as_member, sys.executable, "-c", _SENDING, f"{port}")
        with contextlib.suppress(TimeoutError):
            return there.recv(100) == b"hello"
    return False


class _Answering(asyncio.DatagramProtocol):
    _transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not by isinstance: the transport of sockets only behaves like one.
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert self._transport is not None
        self._transport.sendto(data, addr)


def _unshare() -> None:
    """Give this thread, and what it starts, a network that has nothing on it."""
    library = ctypes.CDLL(None, use_errno=True)
    if library.unshare(_NEW_NETWORK):
        raise OSError(ctypes.get_errno(), "no network namespace of one's own")


@contextlib.contextmanager
def _cabled() -> Iterator[None]:
    neighbour = subprocess.Popen(
        ["unshare", "--net", sys.executable, "-c", _ANSWERING, *map(str, _NEIGHBOURS)],
        stdout=subprocess.PIPE,
    )
    try:
        assert neighbour.stdout is not None
        assert neighbour.stdout.readline() == b"there\n"
        there = ("nsenter", f"--target={neighbour.pid}", "--net")
        _run("ip", "link", "set", "lo", "up")
        _run(
            "ip", "link", "add", "near", "type", "veth", "peer", "far", "netns", f"{neighbour.pid}"
        )
        _plug((), "near", ADDRESS)
        _plug(there, "far", NEIGHBOUR)
        yield
    finally:
        neighbour.kill()
        neighbour.communicate()


def _plug(where: Sequence[str], link: str, address: str) -> None:
    _run(*where, "ip", "addr", "add", f"{address}/24", "dev", link)
    _run(*where, "ip", "link", "set", link, "up")


def _run(program: str, *words: str) -> str:
    return subprocess.run(
        [program, *words], env={**os.environ, "PATH": _PATH}, check=True, stdout=subprocess.PIPE,
        text=True,
    ).stdout  # fmt: skip


def _program(name: str) -> str:
    return shutil.which(name, path=_PATH) or ""
