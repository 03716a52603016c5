"""Breaks a relay in every way it has to survive, and measures how soon it is told and mended.

    python -m tests.bench.faults [--rounds 5] [--seed 1] [--write FILE]

Each fault is done to a real agent with a real coturn that holds a call. Exit code 1 if one is not
noticed within 6 s, is not mended, or ends a call that it need not. Takes root.
"""

import argparse
import asyncio
import contextlib
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.bench import report
from tests.support import agents, clocks, faults, memory_groups

_NETWORK: Final = {"deny": [], "allow": ["127.30.0.0/16"]}
_WITHIN: Final = 6.0
_SILENCE: Final = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What was seen of one fault; ``told`` and ``mended`` in seconds."""

    name: str
    says: str
    told: list[float] = field(default_factory=list)
    mended: list[float] = field(default_factory=list)
    calls: set[str] = field(default_factory=set)

    @property
    def fate(self) -> str:
        """Return what became of live calls."""
        return ", ".join(sorted(self.calls)) or "not done here"

    def cells(self) -> tuple[str, ...]:
        """Return the row as it is printed."""
        return (self.name, self.says, *_times(self.told), *_times(self.mended), self.fate)


def _times(seconds: list[float]) -> tuple[str, str]:
    if not seconds:
        return "", ""
    return f"{statistics.median(seconds):.2f}", f"{max(seconds):.2f}"


async def _one(relay: agents.Agent, fault: faults.Fault, row: Row) -> None:
    async with faults.call(relay) as call:
        with fault.inflict(relay):
            row.told.append(await faults.noticed(relay, fault.reason, within=_WITHIN))
        row.mended.append(await faults.ready_again(relay, within=_SILENCE))
        kept = await call.carries() and await call.renewed()
    if not (kept or fault.ends_coturn):
        raise AssertionError(f"{fault.name} has ended a call")
    row.calls.add("go on" if kept else "ended with coturn")


async def _hangs_for_good(relay: agents.Agent, row: Row) -> None:
    began = time.monotonic()
    os.kill(faults.coturn(relay), signal.SIGSTOP)
    row.told.append(await faults.noticed(relay, "Silent", within=_WITHIN))
    await faults.ready_again(relay, within=_SILENCE)
    row.mended.append(time.monotonic() - began)
    row.calls.add("ended with coturn")


async def _database_damaged(relay: agents.Agent, row: Row) -> None:
    async with faults.call(relay) as call:
        began = time.monotonic()
        faults.damage_database(relay)
        await agents.eventually(
            lambda: faults.stored_secrets(relay) == {agents.SECRET}, within=_WITHIN
        )
        row.mended.append(time.monotonic() - began)
        if not (await call.carries() and await call.renewed()):
            raise AssertionError("a damaged database has ended a call")
        row.calls.add("go on")


async def _agent_killed(relay: agents.Agent, row: Row) -> None:
    orphan, began = faults.coturn(relay), time.monotonic()
    os.kill(relay.id, signal.SIGKILL)
    await agents.eventually(lambda: not agents.alive(orphan), within=_WITHIN)
    row.told.append(time.monotonic() - began)
    await relay.ended()
    began = time.monotonic()
    await relay.start()
    await faults.ready_again(relay, within=_SILENCE)
    row.mended.append(time.monotonic() - began)
    row.calls.add("ended with coturn")


@contextlib.asynccontextmanager
async def _relay() -> AsyncIterator[agents.Agent]:
    with tempfile.TemporaryDirectory() as folder:
        async with agents.prepared(Path(folder), live_peers=_NETWORK) as relay:
            with faults.small_disk(relay):
                await relay.start()
                await relay.ready()
                yield relay


async def _on_one_relay(rounds: int, chance: random.Random) -> list[Row]:
    rows = [Row(name=fault.name, says=fault.reason) for fault in faults.FAULTS]
    more: tuple[tuple[Row, Callable[[agents.Agent, Row], Awaitable[None]]], ...] = (
        (Row(name="coturn hangs for good", says="Silent, restarted after 10 s"), _hangs_for_good),
        (Row(name="database damaged", says="mended in place"), _database_damaged),
        (Row(name="agent killed (SIGKILL)", says="coturn ends with it"), _agent_killed),
    )
    for _ in range(rounds):
        async with _relay() as relay:
            for fault, row in zip(faults.FAULTS, rows, strict=True):
                await _any_moment(chance)
                await _one(relay, fault, row)
        for row, cause in more:
            async with _relay() as relay:
                await _any_moment(chance)
                await cause(relay, row)
    return [*rows, *(row for row, _ in more)]


async def _any_moment(chance: random.Random) -> None:
    # An agent looks every second, and allocates every three: a blow may come at any time of these.
    await asyncio.sleep(chance.uniform(0, 3))


async def _out_of_memory(rounds: int, chance: random.Random) -> Row:
    row = Row(name="memory runs out", says="OutOfMemory")
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            async with agents.prepared(Path(folder)) as relay:
                with memory_groups.entered() as group:
                    await relay.start()
                if group is None:
                    return row
                await relay.ready()
                await _any_moment(chance)
                with group.exhausted(victim=faults.coturn(relay)):
                    row.told.append(await faults.noticed(relay, "OutOfMemory", within=_WITHIN))
                row.mended.append(await faults.ready_again(relay, within=_SILENCE))
            memory_groups.removed(group)
    row.calls.add("ended with coturn")
    return row


async def _clock_jumps(rounds: int, chance: random.Random) -> Row:
    row = Row(name="clock jumps 2 h forward, and back", says="ClockJumped")
    for _ in range(rounds):
        clock = clocks.Clock()
        with tempfile.TemporaryDirectory() as folder:
            async with clocks.on(clock, Path(folder)) as relay, relay.allocation() as allocation:
                await _any_moment(chance)
                clock.jumped = 7200
                row.told.append(await faults.noticed(relay, "ClockJumped", within=_WITHIN))
                clock.jumped = 0
                row.mended.append(await faults.ready_again(relay, within=_SILENCE))
                await allocation.refresh(600)
                row.calls.add("go on")
    return row


async def _measure(rounds: int, chance: random.Random) -> list[Row]:
    return [
        *await _on_one_relay(rounds, chance),
        await _out_of_memory(rounds, chance),
        await _clock_jumps(rounds, chance),
    ]


def main() -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="times that each is done")
    parser.add_argument("--seed", type=int, default=1, help="of the moments in which it is done")
    parser.add_argument("--write", type=Path, help="put the table between the marks of this file")
    args = parser.parse_args()
    if not faults.ROOT:
        sys.stderr.write("make faults: a small disk of one's own takes root\n")
        return 2
    machine = report.machine()
    try:
        chance = random.Random(args.seed)  # noqa: S311 - repeatable on purpose
        rows = asyncio.run(_measure(args.rounds, chance))
    except AssertionError as error:
        sys.stderr.write(f"make faults: {error}\n")
        return 1
    headings = (
        "fault",
        "/readyz says",
        "told, median s",
        "max",
        "mended, median s",
        "max",
        "calls",
    )
    table = report.table(headings, [row.cells() for row in rows])
    text = f"{table}\n\n{args.rounds} times each, at moments of seed {args.seed}; {machine}.\n"
    sys.stdout.write(text)
    if args.write is not None:
        page = args.write.read_text(encoding="utf-8")
        head, mark, _ = page.partition("<!-- measured -->\n")
        args.write.write_text(f"{head}{mark}\n{text}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
