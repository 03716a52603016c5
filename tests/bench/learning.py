"""Measures what learning costs: a report, an answer, memory, disk, merging.

    python -m tests.bench.learning [--sources N] [--write FILE]

Time is only counted, so nothing waits; each figure of memory is of a process of its own.
"""

import argparse
import functools
import gc
import itertools
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from tests.bench import report

from turnfleet.learn import facts, page, posterior, sites, sources, spent, telling
from turnfleet.learned import merging, store
from turnfleet.model import estimate, geo

_NOW: Final = 1_763_730_000.0
_PAUSE: Final = 0.01
"""Seconds between two reports."""
_LOOKED_UP: Final = 2000
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_US: Final = 1e6
_MS: Final = 1e3


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.bench.learning", description=__doc__)
    parser.add_argument("--sources", type=int, default=1_000_000)
    parser.add_argument("--write", type=Path, metavar="FILE", help="such as docs/bench-learning.md")
    parser.add_argument("--play", metavar="KIND", help="measure one kind, and print JSON")
    args = parser.parse_args()
    if args.play is not None:
        sys.stdout.write(json.dumps(_KINDS[args.play](args.sources)))
        return 0
    machine = report.machine()
    rows = [row for kind in _KINDS for row in _apart(kind, args.sources)]
    text = report.table(["", "measured"], rows) + "\n"
    sys.stdout.write(text)
    if args.write is not None:
        document = _DOCUMENT.format(machine=machine, table=text.rstrip(), sources=args.sources)
        args.write.write_text(document, encoding="utf-8")
    return 0


def _apart(kind: str, count: int) -> list[list[str]]:
    command = [sys.executable, "-m", "tests.bench.learning", "--play", kind]
    done = subprocess.run([*command, "--sources", str(count)], check=True, stdout=subprocess.PIPE)
    rows: list[list[str]] = json.loads(done.stdout)
    return rows


def _prior(regions: int) -> posterior.Prior:
    def prior(place: geo.Place) -> Sequence[estimate.Estimate]:
        near = 20 + abs(place.latitude)
        return tuple(estimate.Estimate(rtt=near + 9 * n, deviation=9 + n) for n in range(regions))

    return prior


def _sites(regions: int) -> tuple[sites.Site, ...]:
    return tuple(sites.Site(f"region-{number}", 50.0, 8.0) for number in range(regions))


def _numbers(regions: int) -> tuple[int, ...]:
    return tuple(map(sites.number, _sites(regions)))


def _flood(rng: random.Random, count: int) -> Iterator[tuple[bytes, sources.Record, float]]:
    """Yield reports of a source and a cell of their own each: the worst there is for memory."""
    numbers = _numbers(12)
    for number in range(count):
        now = _NOW + _PAUSE * number
        country = rng.choice(_LETTERS) + rng.choice(_LETTERS)
        square = f"{2 * rng.randrange(-40, 40)}/{2 * rng.randrange(-85, 85)}"
        cell = f"{country}/{square}/{rng.randrange(400_000)}"
        yield rng.randbytes(4), _record(rng, cell, numbers, now), now


def _record(
    rng: random.Random, cell: str, numbers: Sequence[int], now: float, *, answers: int = 1
) -> sources.Record:
    told = [
        facts.fact(
            time=int(now) - 86_400 * number,
            nonce=rng.randbytes(4),
            region=region,
            rtt=rng.uniform(20, 200),
        )
        for number in range(answers)
        for region in rng.sample(numbers, 2)
    ]
    return sources.Record(cell=cell, facts=facts.pack(told))


def _crowd(rng: random.Random, count: int) -> dict[bytes, sources.Record]:
    """Return sources as a service has them: in a few hundred squares, with five answers each."""
    cells = [
        f"{rng.choice(_LETTERS)}X/{2 * rng.randrange(-30, 35)}/{2 * rng.randrange(-60, 80)}"
        for _ in range(400)
    ]
    numbers = _numbers(12)
    return {
        rng.randbytes(4): _record(rng, rng.choice(cells), numbers, _NOW, answers=5)
        for _ in range(count)
    }


def _memory(count: int) -> list[list[str]]:
    rng = random.Random(1)  # noqa: S311 - repeatable on purpose
    known, before, longest = sources.Sources(), _resident(), 0.0
    spare = time.perf_counter()
    for source, record, now in _flood(rng, count):
        begun = time.perf_counter()
        known.merge({source: record}, now=now)
        longest = max(longest, time.perf_counter() - begun)
    whole = (time.perf_counter() - spare) / count
    grown = _resident() - before
    with tempfile.TemporaryDirectory() as folder:
        kept = store.Store(Path(folder), fleet_key=b"k" * 32)
        begun = time.perf_counter()
        kept.save(dict(known.items()))
        saved = time.perf_counter() - begun
        kept.close()
        size = (Path(folder) / store.FILE).stat().st_size
        begun = time.perf_counter()
        kept.load()
        loaded = time.perf_counter() - begun
        kept.close()
    return [
        [f"memory after {count:,} sources, each in cells of its own, MB", f"{grown:.0f}"],
        ["sources kept of them", f"{len(known):,}"],
        ["processor time of one of these reports, making it included, µs", f"{whole * _US:.0f}"],
        ["the longest of them, ms", f"{longest * _MS:.0f}"],
        ["size on disk, MB", f"{size / 1e6:.1f}"],
        ["to save all of it at once, in its own thread, s", f"{saved:.2f}"],
        ["to load it, s", f"{loaded:.2f}"],
    ]


def _tokens(count: int) -> list[list[str]]:
    before = _resident()
    used = spent.Spent(life=3720)
    for number in range(count):
        used.spend(number.to_bytes(16, "big"), now=_NOW + _PAUSE * number)
    grown = _resident() - before
    return [[f"memory after {count:,} tokens used once, MB", f"{grown:.0f}"]]


def _looking(_: int) -> list[list[str]]:
    rng = random.Random(1)  # noqa: S311 - repeatable on purpose
    known = sources.Sources()
    known.merge(_crowd(rng, 20_000), now=_NOW)
    rows = []
    for regions in (12, 40):
        told = posterior.Posterior(sources=known, regions=_sites(regions), prior=_prior(regions))
        some = rng.sample([source for source, _ in known.items()], _LOOKED_UP)
        first = {known[source].cell: source for source in some}.values()
        for what, asked, stranger in (
            ("the first of its cell", first, True),
            ("of an unknown source", some, True),
            ("of a known source", some, False),
        ):
            times = [_look_up(told, known, source, stranger=stranger) for source in asked]
            label = f"estimates of {regions} regions for an answer, {what}, median µs"
            rows.append([label, f"{statistics.median(times) * _US:.0f}"])
    return rows


def _look_up(
    told: posterior.Posterior, known: sources.Sources, source: bytes, *, stranger: bool
) -> float:
    place = geo.Place(latitude=50.0, longitude=8.0)
    cell, asker = known[source].cell, b"none" if stranger else source
    begun = time.perf_counter()
    told.estimates(expected=told.expected(place), cell=cell, source=asker, now=_NOW)
    return time.perf_counter() - begun


def _merging(_: int) -> list[list[str]]:
    rng = random.Random(1)  # noqa: S311 - repeatable on purpose
    one, other = sources.Sources(), sources.Sources()
    one.merge(_crowd(rng, 8_000), now=_NOW)
    theirs = _crowd(rng, 8_000)
    other.merge(theirs, now=_NOW)
    rows = []
    for what in ("new to it", "known to it"):
        begun = time.perf_counter()
        one.merge(theirs, now=_NOW)
        taken = time.perf_counter() - begun
        label = f"to merge 8,000 sources of five answers that are {what}, ms"
        rows.append([label, f"{taken * _MS:.0f}"])
    return rows


def _sharing(_: int) -> list[list[str]]:
    """Tell another replica, page by page, as many sources as there are in a full one."""
    count = sources.MOST // 10
    theirs, ours = sources.Sources(), sources.Sources()
    theirs.merge(_crowd(random.Random(1), count), now=_NOW)  # noqa: S311 - repeatable on purpose
    teller = telling.Teller(theirs, epoch=b"replica1")
    numbered = _timed(teller.hear)[0]
    packing, reading, pieces = list[float](), list[float](), list[float]()
    size, cursor, more = 0, 0, True
    while more:
        taken, body = _timed(functools.partial(_packed, teller, cursor))
        packing.append(taken)
        size += len(body)
        taken, told = _timed(functools.partial(page.unpack, body))
        reading.append(taken)
        cursor, more = told.cursor, told.more
        waiting = iter(told.records.items())
        while piece := dict(itertools.islice(waiting, merging.PIECE)):
            pieces.append(_timed(functools.partial(ours.merge, piece, now=_NOW))[0])
    assert len(ours) == count
    what = f"of {count:,} sources of five answers"
    return [
        [f"to note that all changed, {what}, ms", f"{numbered * _MS:.0f}"],
        [f"pages {what}", f"{len(packing)}"],
        [f"what these are, MB, {what}", f"{size / 1e6:.1f}"],
        ["to find and write a page, median ms", f"{statistics.median(packing) * _MS:.1f}"],
        ["to read a page, median ms", f"{statistics.median(reading) * _MS:.1f}"],
        [f"to merge {merging.PIECE} of them, median ms", f"{statistics.median(pieces) * _MS:.1f}"],
    ]


def _packed(teller: telling.Teller, cursor: int) -> bytes:
    return page.pack(teller.tell({teller.epoch: cursor}))


def _timed(act: Callable[[], Any]) -> tuple[float, Any]:
    begun = time.perf_counter()
    result = act()
    return time.perf_counter() - begun, result


def _resident() -> float:
    gc.collect()
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("this system does not tell how much memory a process has")


_KINDS: Final[dict[str, Callable[[int], list[list[str]]]]] = {
    "memory": _memory,
    "tokens": _tokens,
    "looking": _looking,
    "merging": _merging,
    "sharing": _sharing,
}

_DOCUMENT: Final = """\
# What learning costs

Written by `make bench-learning ARGS="--write docs/bench-learning.md"`; run that to repeat it.

Machine: {machine}.

{table}

How it is measured:

* Memory: {sources:,} reports of two regions, each of a source, square and network of its own, which
  is the worst for memory; 200,000 facts is the bound (`operator/turnfleet/learn/sources.py`). What
  a process has resident, before and after. Time includes the making of the reports.
* Estimates: 20,000 sources with five answers each, in 400 squares of 26 countries. *First in its
  cell*: the crowds of square and country are heard, 100 sources of each at most; later
  answers from that cell find what they said, until an eighth of a crowd has news.
* Merging: another replica's sources, as if all of them came in one message. Between
  pages, and between pieces of a page, whoever else waits goes first.
"""


if __name__ == "__main__":
    sys.exit(main())
