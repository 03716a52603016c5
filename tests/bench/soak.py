"""Kills relays of a whole ``turnfleet run`` at random for an hour, and watches every answer.

    python -m tests.bench.soak [--duration 3600] [--seed N] [--write FILE]

Holds that no answer names a relay that has been down for over three seconds, that nothing answers
5xx (but for a residency group that is down as a whole), and that the endpoint does not grow. Exit
code 1 if one of these does not hold. Who is down is known from the blows and from STUN requests of
its own, not from the endpoint.
"""

import argparse
import asyncio
import contextlib
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench import asking, ledger, pulse, reaper, report, vitals
from tests.support import machine

_BLOCK = 90
_SAMPLE_EVERY = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do. ``tolerance`` is in seconds; 0.1 shows that the soak can fail."""

    duration: float
    seed: int
    tolerance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Everything that was seen."""

    plan: Plan
    told: ledger.Ledger
    count: asking.Count
    blows: Mapping[reaper.Blow, int]
    growth: tuple[vitals.Growth, ...]
    left_behind: int

    @property
    def complaints(self) -> tuple[str, ...]:
        """Return a sentence for every promise that does not hold."""
        found = [
            f"{g.name} grew from {g.first:.0f} to {g.last:.0f}" for g in self.growth if g.leaks
        ]
        if self.told.violations:
            worst = max(violation.down_for for violation in self.told.violations)
            found.append(
                f"{len(self.told.violations)} answers named a relay that was down for over "
                f"{self.plan.tolerance:g} s, one of them {worst:.1f} s"
            )
        if self.count.server_errors:
            found.append(f"{self.count.server_errors} answers were 5xx")
        if self.count.failures:
            found.append(
                f"{len(self.count.failures)} requests had no good answer, the first: "
                f"{self.count.failures[0][:200]}"
            )
        if self.left_behind:
            found.append(f"{self.left_behind} processes were left behind")
        if not self.told.outages or not self.count.latencies:
            found.append("nothing was struck or nobody asked: this shows nothing")
        return tuple(found)


def main() -> int:
    args = _arguments()
    plan = Plan(duration=args.duration, seed=args.seed, tolerance=args.tolerance)
    with tempfile.TemporaryDirectory(prefix="turnfleet-soak-") as folder:
        state = Path(folder) / "state"
        outcome = asyncio.run(_soaked(plan, state))
        if args.log is not None:
            shutil.copy(state / "log", args.log)
    text = _written(outcome)
    sys.stdout.write(text)
    if args.write is not None:
        args.write.write_text(f"# Soak\n\n{report.machine()}.\n\n{text}", encoding="utf-8")
    return 1 if outcome.complaints else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.bench.soak", description=__doc__)
    parser.add_argument("--duration", type=float, default=3600.0, metavar="SECONDS")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tolerance", type=float, default=3.0, metavar="SECONDS")
    parser.add_argument("--write", type=Path, metavar="FILE", help="a report, as Markdown")
    parser.add_argument("--log", type=Path, metavar="FILE", help="keep what the fleet logged")
    return parser.parse_args()


async def _soaked(plan: Plan, state: Path) -> Outcome:
    told = ledger.Ledger(tolerance=plan.tolerance)
    count = asking.Count()
    samples: list[vitals.Sample] = []
    async with machine.running(machine.EXAMPLE, state=state, block=_BLOCK) as running:
        relays = await running.relays()
        strikes = reaper.Reaper(
            running,
            regions=_by_region(relays),
            told=told,
            rng=random.Random(plan.seed),  # noqa: S311 - repeatable
        )
        servers = {name: (relay.address, relay.listeners["udp"]) for name, relay in relays.items()}
        transport, beat = await pulse.start(servers, told=told)
        crowd = asking.Crowd(
            running.url,
            relays={relay.address: name for name, relay in relays.items()},
            groups=_by_residency(await running.get("/api/regions")),
            told=told,
            count=count,
        )
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(plan.duration), asyncio.TaskGroup() as group:
                group.create_task(beat.run())
                group.create_task(crowd.run())
                group.create_task(strikes.run())
                group.create_task(_sampled(running.process.pid, samples))
        transport.close()
        await running.end()
        left_behind = running.left_behind()
    return Outcome(
        plan=plan,
        told=told,
        count=count,
        blows=strikes.blows,
        growth=vitals.judge(samples),
        left_behind=len(left_behind),
    )


def _by_region(relays: Mapping[str, machine.Relay]) -> tuple[tuple[str, ...], ...]:
    regions = sorted({relay.region for relay in relays.values()})
    return tuple(
        tuple(name for name, relay in relays.items() if relay.region == region)
        for region in regions
    )


def _by_residency(overview: Mapping[str, Any]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for region in overview["regions"]:
        if region["residency"] is not None:
            groups.setdefault(region["residency"], []).extend(r["name"] for r in region["relays"])
    return groups


async def _sampled(pid: int, samples: list[vitals.Sample]) -> None:
    while True:
        samples.append(vitals.sample(pid, at=time.monotonic()))
        await asyncio.sleep(_SAMPLE_EVERY)


def _written(outcome: Outcome) -> str:
    count = outcome.count
    summary = (
        f"{outcome.plan.duration:,.0f} s, seed {outcome.plan.seed}: {len(count.latencies):,} "
        f"answers, statuses {dict(count.statuses)} ({count.excused} of them 503 for a residency "
        f"group that was down as a whole), median "
        f"{1000 * statistics.median(count.latencies or [0]):.1f} ms."
    )
    parts = [
        summary,
        report.table(
            ("blow", "times", "outages", "named at most, s", "median, s", "down, median s"),
            [_row(blow, times, outcome.told) for blow, times in outcome.blows.items()],
        ),
        report.table(
            ("endpoint", "first quarter", "last quarter", "slope of 2nd half, 1/h"),
            [
                (g.name, f"{g.first:.1f}", f"{g.last:.1f}", f"{g.per_hour:+.1f}")
                for g in outcome.growth
            ],
        ),
        "\n".join(f"* FAILED: {c}." for c in outcome.complaints) or "Every promise held.",
    ]
    return "\n\n".join(parts) + "\n"


def _row(blow: reaper.Blow, times: int, told: ledger.Ledger) -> tuple[str, ...]:
    outages = [outage for outage in told.outages if outage.cause == blow]
    if not outages:
        return (blow, str(times), "0", "", "", "")
    named = [outage.named_for for outage in outages]
    down = statistics.median((outage.ended or outage.began) - outage.began for outage in outages)
    worst, usual = max(named), statistics.median(named)
    return (blow, str(times), str(len(outages)), f"{worst:.2f}", f"{usual:.2f}", f"{down:.1f}")


if __name__ == "__main__":
    sys.exit(main())
