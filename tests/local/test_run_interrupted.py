"""Ctrl-C while ``turnfleet run`` is starting: it ends, with nothing left and nothing to explain."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support import machine

BLOCK = 54


async def loaded(pid: int) -> None:
    """Wait until our code runs: until then, Python itself answers an interrupt as it likes.

    Python's start is over when it catches SIGINT, and our first act is not to. On a busy machine
    nobody may look in between; what is loaded next tells as well.
    """
    caught = False
    while not _has_loaded("/aiohttp/", pid):
        catches = _catches_interrupts(pid)
        if caught and not catches:
            return
        caught = catches
        await asyncio.sleep(0.001)


def _has_loaded(library: str, pid: int) -> bool:
    return library in Path(f"/proc/{pid}/maps").read_text(encoding="utf-8")


def _catches_interrupts(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    (caught,) = (line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught, 16) & 1 << (signal.SIGINT - 1))


@contextlib.asynccontextmanager
async def starting(regions: Path, state: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start a run; one that a failed test leaves would keep its addresses from the next."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "turnfleet", "run", str(regions), "--state", str(state)),
        *("--block", str(BLOCK), "--listen", "127.0.0.1:0"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


@pytest.mark.parametrize("delay", [0.0, 0.1, 0.3, 0.6, 0.9, 1.4])
async def test_an_interrupt_during_the_start_leaves_no_traceback_and_no_process(
    tmp_path: Path, delay: float
) -> None:
    regions, state = tmp_path / "regions", tmp_path / "state"
    regions.mkdir()
    machine.manifest("east", file=regions / "east.yaml")
    async with starting(regions, state) as process:
        async with asyncio.timeout(60):
            await loaded(process.pid)
        await asyncio.sleep(delay)
        # As a terminal does: everything in the foreground is told.
        os.killpg(process.pid, signal.SIGINT)
        async with asyncio.timeout(60):
            said, _ = await process.communicate()
    assert process.returncode in {0, 130, -signal.SIGINT}, said.decode()
    assert b"Traceback" not in said
    assert b"KeyboardInterrupt" not in said
    assert b"never awaited" not in said
    async with asyncio.timeout(60):
        while machine.left_behind(state):  # noqa: ASYNC110 - they are not ours to wait for
            await asyncio.sleep(0.05)
