"""Judges the backbone by a measured mesh, beside the great circle: ``make bench-prior``.

The mesh is no part of the project: it is named on the command line, and only figures of it are
written down.
"""

import argparse
import dataclasses
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from tests.bench import holding_out, mesh, report

from turnfleet.model import region
from turnfleet.steer import estimating, regret
from turnfleet.steer.backbone import estimating as backbone
from turnfleet.steer.backbone import tuning

TWELVE: Final = (
    "Frankfurt", "London", "Washington", "Portland", "San Jose", "Sao Paulo", "Singapore", "Tokyo",
    "Pune", "Sydney", "Cape Town", "Dubai",
)  # fmt: skip
SEED: Final = 4711
_SIZES: Final = (4, 12, 20)
_FLEETS: Final = 60
_FEWER: Final = 10
"""Fleets of each size that constants are judged by: there are many constants."""

_TEXT: Final = """\
# The prior, measured

Written by `make bench-prior ARGS="FOLDER --write docs/bench-prior.md"`; run that to repeat it.

The prior is `turnfleet.steer.backbone`: hubs, cables and land routes of the world as public maps
show them, and where the networks of each part of it meet. No measured round trip is in it, beside
the constants of `tuning.py`. It is judged by a full mesh of round trips between {sites} hosted
servers, of November 2018, which is not part of the project. A client is every server that has a
round trip to all regions and is none of them. Regret is the round trip to the region chosen minus
that to the best, in ms; the country mean counts every country the same.

## Twelve regions

{names}.

*Shortest path alone* is the map without the cities where networks meet.

{twelve}

Without Dubai, whose server reads badly in this mesh:

{eleven}

## Random fleets

{fleets} fleets of each size, out of {metros} metropolitan areas where clouds have regions
(`turnfleet.geo.clouds`) and the mesh has a server. Figures are mean regrets of fleets.

{random}

## Are the constants fitted?

{few} fleets of each size, drawn anew. For each fifth of the countries the constants are taken that
are best for the clients of the other four fifths, out of the standard and each constant a quarter
lower or higher; then they are judged by the clients of that fifth. Regions in those countries stay
in the fleets. Facts, unlike constants, are not left out: they were written by somebody who had seen
this mesh's residuals.

{held_out}

What moving a constant does, all clients taken together, ms:

{moved}

## How sure it is

Share of pairs whose round trip is within so many deviations of the estimate. A normal distribution
has 68 % and 95 %; round trips have a longer tail, upwards.

{sure}

## What it costs

Processor time, {machine}

{costs}
"""


class Judged(NamedTuple):
    """An estimator by its name, and what it says of the mesh."""

    name: str
    estimates: mesh.Estimates


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(prog="make bench-prior", description=__doc__)
    parser.add_argument("folder", type=Path, help="with sites.csv and rtt.csv.gz")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the figures here, too")
    args = parser.parse_args(argv)
    text = _document(mesh.read(args.folder))
    sys.stdout.write(text)
    if args.write is not None:
        args.write.write_text(text, encoding="utf-8")
    return 0


def _document(measured: mesh.Mesh) -> str:
    great = Judged("great circle", measured.estimates(estimating.GreatCircle()))
    prior = Judged("prior", measured.estimates(backbone.Backbone()))
    alone = dataclasses.replace(tuning.STANDARD, within=0.0, between=0.0)
    shortest = Judged("shortest path alone", measured.estimates(backbone.Backbone(alone)))
    both = (great, prior)
    twelve = measured.twelve(TWELVE)
    rng = random.Random(SEED)  # noqa: S311 - which fleets are tried
    fleets = {size: _draw(measured, size, _FLEETS, rng) for size in _SIZES}
    fewer = [regions for size in _SIZES for regions in _draw(measured, size, _FEWER, rng)]
    verdict = holding_out.judge(measured, fewer, great.estimates)
    return _TEXT.format(
        sites=len(measured.places),
        names=", ".join(TWELVE),
        twelve=_regions(measured, twelve, (great, shortest, prior)),
        eleven=_regions(measured, twelve[:-1], (great, shortest, prior)),
        fleets=_FLEETS,
        metros=len(measured.in_clouds()),
        random=_random(measured, fleets, both),
        few=_FEWER,
        held_out=_held_out(verdict),
        moved=_moved(verdict),
        sure=_sure(measured, both),
        machine=report.machine(),
        costs=_costs(measured, twelve),
    )


def _draw(measured: mesh.Mesh, size: int, number: int, rng: random.Random) -> list[list[str]]:
    metros = measured.in_clouds()
    return [rng.sample(metros, size) for _ in range(number)]


def _regions(measured: mesh.Mesh, regions: Sequence[str], judged: Iterable[Judged]) -> str:
    rows = []
    for each in judged:
        found = regret.summarise(measured.outcomes(regions, each.estimates))
        assert found is not None
        figures = (found.mean, found.p90, found.p95, found.p99, found.country_mean)
        hits = f"{found.hit_rate:.1%}"
        rows.append((each.name, str(found.clients), hits, *(f"{f:.1f}" for f in figures)))
    headings = ("estimates by", "clients", "hits", "mean", "p90", "p95", "p99", "country mean")
    return report.table(headings, rows)


def _random(
    measured: mesh.Mesh, fleets: dict[int, list[list[str]]], both: tuple[Judged, Judged]
) -> str:
    rows = []
    for size, drawn in fleets.items():
        means = [[_mean(measured, regions, each.estimates) for each in both] for regions in drawn]
        great, prior = (statistics.fmean(column) for column in zip(*means, strict=True))
        better = sum(mine < theirs for theirs, mine in means)
        worst = max(mine - theirs for theirs, mine in means)
        rows.append(
            (
                str(size),
                f"{great:.1f}",
                f"{prior:.1f}",
                f"{1 - prior / great:.0%}",
                f"{better} of {len(drawn)}",
                f"{worst:+.1f}",
            )
        )
    headings = ("regions", "great circle", "prior", "less by", "better in", "worst difference")
    return report.table(headings, rows)


def _mean(measured: mesh.Mesh, regions: Sequence[str], estimates: mesh.Estimates) -> float:
    return statistics.fmean(found.regret for found in measured.outcomes(regions, estimates))


def _held_out(verdict: holding_out.Verdict) -> str:
    return report.table(
        ("", "mean regret"),
        [
            ("great circle", f"{verdict.great_circle:.2f}"),
            ("prior, constants as they are", f"{verdict.standard:.2f}"),
            ("prior, constants chosen without the countries", f"{verdict.held_out:.2f}"),
        ],
    )


def _moved(verdict: holding_out.Verdict) -> str:
    countries = list(verdict.settings[0].regrets)
    rows = [(each.name, f"{each.mean(countries):.2f}") for each in verdict.settings]
    return report.table(("constants", "mean regret"), rows)


def _sure(measured: mesh.Mesh, judged: Iterable[Judged]) -> str:
    rows = []
    for each in judged:
        off = [
            abs(rtt - each.estimates[pair].rtt) / each.estimates[pair].deviation
            for pair, rtt in measured.rtts.items()
        ]
        error = statistics.median(
            abs(rtt - each.estimates[pair].rtt) for pair, rtt in measured.rtts.items()
        )
        within = (f"{sum(x <= most for x in off) / len(off):.0%}" for most in (1, 2))
        rows.append((each.name, f"{error:.1f}", *within))
    return report.table(("estimates by", "median error, ms", "within 1", "within 2"), rows)


def _costs(measured: mesh.Mesh, regions: Sequence[str]) -> str:
    specs = [
        region.RegionSpec(
            name=site,
            latitude=measured.places[site].latitude,
            longitude=measured.places[site].longitude,
            realm="x.example",
        )
        for site in regions
    ]
    places = list(measured.places.values())
    estimator = backbone.Backbone()
    compiled = _timed(lambda: [estimator.estimate(places[0], spec) for spec in specs])
    attached = _timed(lambda: [estimator.estimate(place, specs[0]) for place in places])
    known = _timed(lambda: [estimator.estimate(p, spec) for p in places for spec in specs])
    return report.table(
        ("", "µs"),
        [
            ("to compile a region, once", f"{compiled / len(specs):.0f}"),
            ("to attach a client's place, once", f"{attached / len(places):.0f}"),
            ("to look up an estimate", f"{known / len(places) / len(specs):.1f}"),
        ],
    )


def _timed(work: Callable[[], object]) -> float:
    """Return processor time in µs."""
    start = time.process_time_ns()
    work()
    return (time.process_time_ns() - start) / 1000


if __name__ == "__main__":
    sys.exit(main())
