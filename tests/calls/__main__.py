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
import resource
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
from tests.e2e.cluster import needs, places

_SAMPLE_EVERY: Final = 1.0
_RAMP: Final = 5.0
"""Seconds beyond the shortest call until so many are going as are wanted."""


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
    )
    where = places.read(os.environ)
    if not plan.on_machine and (sentence := needs.lacking() or needs.in_the_way(where)):
        _say(sentence)
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends like Ctrl-C: nothing stays
    began = time.monotonic()
    text, good = uvloop.run(_soaked(plan))
    used = resource.getrusage(resource.RUSAGE_SELF)
    share = (used.ru_utime + used.ru_stime) / (time.monotonic() - began)
    text += f"\nThe clients took {100 * share:.0f} % of a core.\n"
    sys.stdout.write(text)
    if args.write is not None:
        args.write.write_text(f"{report.machine()}.\n\n{text}", encoding="utf-8")
    return 0 if good else 1


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


async def _soaked(plan: Plan) -> tuple[str, bool]:
    told = ledger.Ledger(began=time.monotonic())
    live: list[int] = []
    with tempfile.TemporaryDirectory(prefix="turnfleet-calls-") as folder:
        async with _site(plan, Path(folder)) as site:
            steps = _chosen(site.steps(told), plan.steps)
            async with _calling(plan, site, told), site.watched(told), _sampled(told, live):
                await scenario.play((scenario.baseline(plan.baseline), *steps), told, say=_say)
    wrong = verdict.complaints(told, wanted=plan.live, live=live)
    return verdict.written(told, wanted=plan.live, live=live), not wrong


def _site(plan: Plan, folder: Path) -> contextlib.AbstractAsyncContextManager[scenario.Site]:
    longest = plan.calls[1]
    if plan.on_machine:
        return on_machine.running(folder, longest=longest)
    return on_cluster.running(folder, longest=longest, say=_say)


def _chosen(steps: Sequence[scenario.Step], names: Sequence[str]) -> Sequence[scenario.Step]:
    return [s for s in steps if not names or any(s.name.startswith(name) for name in names)]


@contextlib.asynccontextmanager
async def _calling(plan: Plan, site: scenario.Site, told: ledger.Ledger) -> AsyncIterator[None]:
    """Hold calls for as long as the block lasts; all have hung up at its end."""
    endpoint = walking.Endpoint(site.url, key=site.key)
    scene = call.Scene(endpoint=endpoint, trusted=site.trusted, told=told, every=1 / plan.rate)
    habits = crowd.Habits(calls=plan.live // 2, seconds=plan.calls, places=site.places)
    rng = random.Random(plan.seed)  # noqa: S311 - repeatable
    calling = asyncio.create_task(crowd.keep_calling(scene, habits, rng=rng))
    try:
        await asyncio.sleep(plan.calls[0] / 2 + _RAMP)
        yield
    finally:
        scene.closing.set()
        await calling
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
