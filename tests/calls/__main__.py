"""Holds calls through a fleet while everything that an operator does is done to it.

    python -m tests.calls [--on cluster|machine] [--live 200] [--calls 30-180] [--steps NAME ...]

On a cluster of four nodes, which it boots and takes away, or on one machine. Holds that no client
goes without a connection, that no allocation ends early, and that no packet is lost outside the
baseline. Exit code 1 if one of these does not hold.
"""

import argparse
import asyncio
import contextlib
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvloop
from tests.bench import report
from tests.calls import call, crowd, ledger, on_cluster, on_machine, scenario, verdict, walking
from tests.e2e.cluster import making, needs, places

_SAMPLE_EVERY: Final = 1.0
_RAMP: Final = 5.0
"""Seconds beyond half of the shortest call until so many are going as are wanted."""

_REHEARSED: Final = 12
"""Calls at a time before the run begins."""
_REHEARSAL: Final = 240.0
"""Seconds after which a fleet through which not all calls go well is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do. Times are in seconds."""

    live: int
    """Allocations; a call has two."""
    calls: tuple[float, float]
    rate: float
    """Packets a second that each client sends."""
    baseline: float
    steps: Sequence[str]
    """Those to do, by their first words; none: all."""
    seed: int
    on_machine: bool
    report: Path | None


def main() -> int:
    args = _arguments()
    plan = Plan(
        live=args.live,
        calls=args.calls,
        rate=args.rate,
        baseline=args.baseline,
        steps=args.steps,
        seed=args.seed,
        on_machine=args.on == "machine",
        report=args.write,
    )
    where = places.read(os.environ)
    if not plan.on_machine and (sentence := needs.lacking() or needs.in_the_way(where)):
        _say(sentence)
        return 2
    try:
        return 0 if uvloop.run(_soaked(plan)) else 1
    except making.Busy:
        _say("Another run has the cluster.")
        return 2
    except asyncio.CancelledError:
        return 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.calls", description=__doc__)
    parser.add_argument("--on", choices=("cluster", "machine"), default="cluster")
    parser.add_argument("--live", type=int, default=200, metavar="N", help="allocations")
    parser.add_argument(
        "--calls", type=_range, default=(30.0, 180.0), metavar="MIN-MAX", help="seconds of a call"
    )
    parser.add_argument(
        "--rate", type=float, default=10.0, metavar="N", help="packets a second of each client"
    )
    parser.add_argument("--baseline", type=float, default=120.0, metavar="SECONDS")
    parser.add_argument(
        "--steps", nargs="*", default=(), metavar="NAME", help="only steps that begin like this"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", type=Path, metavar="FILE", help="the report, as Markdown")
    return parser.parse_args()


def _range(text: str) -> tuple[float, float]:
    shortest, _, longest = text.partition("-")
    return float(shortest), float(longest or shortest)


async def _soaked(plan: Plan) -> bool:
    """Do it all, report, and return whether every promise held."""
    task = asyncio.current_task()
    assert task is not None
    # Ends like Ctrl-C: nothing stays behind.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    with tempfile.TemporaryDirectory(prefix="turnfleet-calls-") as folder:
        async with _site(plan, Path(folder)) as site:
            await _rehearse(plan, site)
            told, live = ledger.Ledger(began=time.monotonic()), list[int]()
            machine, spent = report.machine(), time.process_time()
            steps = (scenario.baseline(plan.baseline), *_chosen(site.steps(told), plan.steps))
            habits = crowd.Habits(calls=plan.live // 2, seconds=plan.calls, places=site.places)
            async with (
                _calling(plan, site, told, habits),
                site.watched(told),
                _sampled(told, live),
            ):
                await scenario.play(steps, told, say=_say)
            share = (time.process_time() - spent) / (time.monotonic() - told.began)
            # Before the site goes, which may fail.
            _report(
                f"{machine}.\n\n{verdict.written(told, wanted=plan.live, live=live)}\n"
                f"The clients took {100 * share:.0f} % of a core.\n",
                plan.report,
            )
    return not verdict.complaints(told, wanted=plan.live, live=live)


def _report(text: str, file: Path | None) -> None:
    sys.stdout.write(text)
    if file is not None:
        file.write_text(text, encoding="utf-8")


def _site(plan: Plan, folder: Path) -> contextlib.AbstractAsyncContextManager[scenario.Site]:
    longest = plan.calls[1]
    if plan.on_machine:
        return on_machine.running(folder, longest=longest)
    return on_cluster.running(folder, longest=longest, say=_say)


def _chosen(steps: Sequence[scenario.Step], names: Sequence[str]) -> Sequence[scenario.Step]:
    return [s for s in steps if not names or any(s.name.startswith(name) for name in names)]


async def _rehearse(plan: Plan, site: scenario.Site) -> None:
    """Hold short calls until all go well through every relay: a new fleet takes its time."""
    habits = crowd.Habits(calls=_REHEARSED, seconds=(2.0, 3.0), places=site.places)
    async with asyncio.timeout(_REHEARSAL):
        while True:
            told = ledger.Ledger(began=time.monotonic())
            async with _calling(plan, site, told, habits):
                await asyncio.sleep(habits.seconds[1])
            if not told.notes and len(told.emptied) == scenario.RELAYS:
                return


@contextlib.asynccontextmanager
async def _calling(
    plan: Plan, site: scenario.Site, told: ledger.Ledger, habits: crowd.Habits
) -> AsyncIterator[None]:
    """Hold calls for as long as the block lasts; all have hung up at its end."""
    endpoint = walking.Endpoint(site.url, key=site.key)
    scene = call.Scene(endpoint=endpoint, trusted=site.trusted, told=told, every=1 / plan.rate)
    rng = random.Random(plan.seed)  # noqa: S311 - repeatable
    try:
        async with asyncio.TaskGroup() as group:  # a caller that fails ends the run
            group.create_task(crowd.keep_calling(scene, habits, rng=rng))
            try:
                await asyncio.sleep(habits.seconds[0] / 2 + _RAMP)
                yield
            finally:
                scene.closing.set()
    finally:
        await endpoint.close()


@contextlib.asynccontextmanager
async def _sampled(told: ledger.Ledger, live: list[int]) -> AsyncIterator[None]:
    async def look() -> None:
        while True:
            live.append(told.live.total())
            await asyncio.sleep(_SAMPLE_EVERY)

    looking = asyncio.create_task(look())
    try:
        yield
    finally:
        looking.cancel()


def _say(sentence: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {sentence}\n")


if __name__ == "__main__":
    sys.exit(main())
