"""Measures the endpoint beside an aiohttp hello-world, in the same run on the same core.

    python -m tests.bench.bench_answers [--rounds N] [--seconds N] [--write FILE]

The server runs on core 0, the load on core 1. Rounds alternate between the contestants, so that a
machine that slows down slows all of them; medians and the median ratio of a round are what counts.
"""

import argparse
import os
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.bench import load, paced, processes, report, selection_time

_PATH = "/api/get-ice-servers"
_SEED_CALL = load.Ask(
    path=_PATH,
    bodies=tuple(
        f'{{"region":"{region}","connectionType":"{connection}"}}'
        for region in ("US", "DE", "IN", "Europe/Paris", "America/Sao_Paulo", "ap-southeast-1")
        for connection in ("wifi", "4g")
    ),
)
_GET = load.Ask(path=_PATH)
_HELLO = load.Ask(path="/")
_LARGE = (100, 100)
"""Regions, and relays in each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One measurement of one contestant."""

    rate: float
    """Answers a second."""
    cost: float
    """Processor time of the server for an answer, µs: the same on a busy machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peaks:
    """What every contestant did, round by round."""

    hello: list[Round]
    post: list[Round]
    get: list[Round]

    def row(self, name: str, rounds: list[Round]) -> tuple[str, ...]:
        """Return a contestant's medians, and median ratios to hello-world's same round."""
        pairs = list(zip(rounds, self.hello, strict=True))
        rates = [one.rate for one in rounds]
        return (
            name,
            *(f"{of(rates):,.0f}" for of in (statistics.median, min, max)),
            f"{statistics.median(one.rate / hello.rate for one, hello in pairs):.2f}",
            f"{statistics.median(one.cost for one in rounds):.1f}",
            f"{statistics.median(hello.cost / one.cost for one, hello in pairs):.2f}",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long to measure, and on which cores."""

    rounds: int
    seconds: float
    server_core: int | None
    load_core: int | None

    def server(self, which: str, *, regions: int = 12, relays: int = 8) -> tuple[str, ...]:
        """Return the arguments of ``processes.server``."""
        size = ("--regions", str(regions), "--relays", str(relays))
        return (which, *size, *(() if self.server_core is None else ("--core", "0")))

    def peak(self, server: processes.Server, ask: load.Ask) -> Round:
        """Run wrk against a server once."""
        before = server.cpu
        peak = load.peak(server.port, ask, seconds=self.seconds, core=self.load_core)
        return Round(rate=peak.rate, cost=1e6 * (server.cpu - before) / peak.answers)


def main() -> int:
    args = _arguments()
    if not load.installed():
        sys.stderr.write("wrk, which makes the load, is not installed: apt install wrk\n")
        return 2
    alone = len(os.sched_getaffinity(0)) < 2
    if alone:
        sys.stderr.write("one core only: server and load share it, so figures are low\n")
    plan = Plan(
        rounds=args.rounds,
        seconds=args.seconds,
        server_core=None if alone else 0,
        load_core=None if alone else 1,
    )
    machine = report.machine()  # before the load: its own would be in the load average
    text = _measured(plan)
    sys.stdout.write(text)
    if args.write is not None:
        document = _DOCUMENT.format(machine=machine, tables=text.rstrip())
        args.write.write_text(document, encoding="utf-8")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.bench.bench_answers", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    parser.add_argument("--write", type=Path, metavar="FILE", help="such as docs/benchmarks.md")
    return parser.parse_args()


def _measured(plan: Plan) -> str:
    with (
        processes.server(*plan.server("hello")) as hello,
        processes.server(*plan.server("endpoint")) as endpoint,
    ):
        peaks = _peaks(plan, hello, endpoint)
        half = statistics.median(one.rate for one in peaks.post) / 2
        latencies = {
            name: paced.measure(
                server.port, ask, rate=half, seconds=2 * plan.seconds, core=plan.load_core
            )
            for name, server, ask in (
                ("hello-world", hello, _HELLO),
                ("POST, the seed call", endpoint, _SEED_CALL),
                ("GET", endpoint, _GET),
            )
        }
    return "\n\n".join((_throughput(peaks), _latency(latencies), _large(plan))) + "\n"


def _peaks(plan: Plan, hello: processes.Server, endpoint: processes.Server) -> Peaks:
    for server, ask in ((hello, _HELLO), (endpoint, _SEED_CALL), (endpoint, _GET)):
        plan.peak(server, ask)  # a server that has served for a while is what counts
    peaks = Peaks(hello=[], post=[], get=[])
    for number in range(plan.rounds):
        peaks.hello.append(plan.peak(hello, _HELLO))
        peaks.post.append(plan.peak(endpoint, _SEED_CALL))
        peaks.get.append(plan.peak(endpoint, _GET))
        sys.stderr.write(
            f"round {number + 1}: "
            + ", ".join(
                f"{name} {rounds[-1].rate:,.0f}/s"
                for name, rounds in (
                    ("hello", peaks.hello),
                    ("POST", peaks.post),
                    ("GET", peaks.get),
                )
            )
            + "\n"
        )
    return peaks


def _throughput(peaks: Peaks) -> str:
    headings = ("one core", "answers/s", "least", "most", "ratio", "CPU µs/answer", "CPU ratio")
    rows = (
        peaks.row("aiohttp hello-world", peaks.hello),
        peaks.row("POST, the seed call", peaks.post),
        peaks.row("GET", peaks.get),
    )
    return report.table(headings, rows)


def _latency(latencies: dict[str, paced.Latency]) -> str:
    rows = [
        (name, f"{found.rate:,.0f}", f"{found.p50:.2f}", f"{found.p99:.2f}")
        for name, found in latencies.items()
    ]
    return report.table(("at half of POST's peak", "requests/s", "p50 ms", "p99 ms"), rows)


def _large(plan: Plan) -> str:
    regions, relays = _LARGE
    with processes.server(*plan.server("endpoint", regions=regions, relays=relays)) as endpoint:
        idle = endpoint.rss
        rate = plan.peak(endpoint, _SEED_CALL).rate
        rss = endpoint.rss
    times = selection_time.measure(regions=regions, relays=relays)
    rows = [
        ("RSS at the start, MB", f"{idle:.0f}"),
        ("RSS after the load, MB", f"{rss:.0f}"),
        ("answers/s while every relay's load changes each second", f"{rate:,.0f}"),
        ("selection, slot known, median µs", f"{times.known:.1f}"),
        ("selection, new slot of users, median µs", f"{times.new_slot:,.1f}"),
        ("selection, new place, median µs", f"{times.new_place:,.0f}"),
        ("selection, new fleet, median µs", f"{times.new_fleet:,.0f}"),
    ]
    return report.table((f"{regions} regions x {relays} relays", "measured"), rows)


_DOCUMENT = """# Benchmarks

Written by `make bench ARGS="--write docs/benchmarks.md"`; run that to repeat it on your machine.

Machine: {machine}.

{tables}

How it is measured:

* Server on core 0, load on core 1, each on uvloop; hello-world is `web.Response(text=...)` behind
  an `Application` and its router. Both without an access log. Rounds alternate between the
  contestants; *ratio* is the median over the rounds of answers/s relative to hello-world's.
  *CPU* is the processor time of the server alone, which tells the same on a busy machine.
* Peaks: wrk, one thread, 64 connections. The POST is what the seed client sends, from a dozen
  regions and connection types; the GET has no parameters. Any answer but 200 spoils a run.
* Before the first round every contestant is loaded once without being measured.
* The fleet is 12 regions of 8 relays. Every second all loads change, as under a prober, so rankings
  are made anew every second.
* Latency: a constant rate, counted from the moment a request was due (no coordinated omission).
* Selection is measured without HTTP, in processor time. *New fleet* includes taking the census of
  all relays, once for each change; *new place* a ranking; *new slot* the choice for one of the
  slots that users are hashed onto, which is remembered while the region's relays stay the same;
  *slot known* is the choice of three relays after that.
"""


if __name__ == "__main__":
    sys.exit(main())
