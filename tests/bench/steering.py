"""Judges learning by a measured mesh of yours: ``make bench-steering``.

The mesh is no part of the project: it is named on the command line, and only figures of it are
written down. Clients are played by the code of ``turnfleet simulate``.
"""

import argparse
import itertools
import random
import statistics
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple
from unittest import mock

from tests.bench import degrading, mesh, playing, prior, report

from turnfleet.commands import simulating
from turnfleet.steer import estimating, ranking, regret
from turnfleet.steer.backbone import estimating as backbone

_SEEDS: Final = (1, 2, 3, 4, 5)
_FEW: Final = (1, 2)
_PASSES: Final = (1, 3, 10)
_NOISE: Final = 0.1
_LIARS: Final = 0.1
_FOLDS: Final = 4
_SIZES: Final = (4, 12, 20)
_FLEETS: Final = 4

_TEXT: Final = """\
# Learning, measured

Written by `make bench-steering ARGS="FOLDER --write docs/bench-steering.md"`; run that to repeat
it.

Clients of a full mesh of round trips between {sites} hosted servers, of November 2018, which is not
part of the project, are played by the code of `turnfleet simulate`: a pass is a day with one answer
for each client, who measures the regions offered with noise (lognormal, sigma {noise}) and reports.
Regions have one relay each, if not said otherwise, so an answer offers three regions.
Of {liars:.0%} of the sources a third report a tenth of what they measure, a third ten times as
much, a third for each region what another one is. Regret is the round trip to the region that ranks
first, without noise, minus that to the best, in ms; the country mean counts every country the same.

## Twelve regions

{names}.

Medians of {seeds} seeds, each with liars and noise of its own; in brackets the least and the most.

{twelve}

## Clients of countries that learning never saw

The countries are cut into {folds}; of each part in turn nobody reports. After 3 passes of the
others, the clients of the silent countries, all parts taken together:

{unseen}

## Random fleets

{fleets} fleets of each size, out of {metros} metropolitan areas where clouds have regions and the
mesh has a server; one seed each. Mean regret, mean of the fleets.

{random}

## Exploring for free

The fallback of an answer is measured, too. *Explored* is the share of answers whose fallback is not
the next best by estimate, but the one of the next {explored} that would teach most. Twelve regions,
mean regret. A region of two relays has primary and backup, so an answer offers two regions.

{exploring}

## When a region's network gets worse, and when it is mended

{degrading}

Machine: {machine}
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(prog="make bench-steering", description=__doc__)
    parser.add_argument("folder", type=Path, help="with sites.csv and rtt.csv.gz")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the figures here, too")
    args = parser.parse_args(argv)
    text = _document(mesh.read(args.folder))
    sys.stdout.write(text)
    if args.write is not None:
        args.write.write_text(text, encoding="utf-8")
    return 0


def _document(measured: mesh.Mesh) -> str:
    machine = report.machine()
    estimator = backbone.Backbone()
    twelve = playing.scene(measured, measured.twelve(prior.TWELVE))
    return _TEXT.format(
        sites=len(measured.places),
        noise=_NOISE,
        liars=_LIARS,
        names=", ".join(prior.TWELVE),
        seeds=len(_SEEDS),
        twelve=_twelve(twelve, estimator),
        folds=_FOLDS,
        unseen=_unseen(twelve, estimator),
        fleets=_FLEETS,
        metros=len(measured.in_clouds()),
        random=_random(measured, estimator),
        explored=ranking.EXPLORED,
        exploring=_exploring(measured, estimator),
        degrading=degrading.told(twelve, estimator),
        machine=machine,
    )


class _Row(NamedTuple):
    name: str
    found: Sequence[regret.Summary]


def _twelve(scene: simulating.Scene, estimator: estimating.Estimator) -> str:
    rows: list[_Row] = []
    without = playing.Play(passes=_PASSES[-1], noise=_NOISE)
    plain = [playing.play(scene, replace(without, seed=s), estimator, _PASSES) for s in _SEEDS]
    lied = [
        playing.play(scene, replace(without, seed=s, liars=_LIARS), estimator, _PASSES)
        for s in _SEEDS
    ]
    rows.append(_Row("great circle", [playing.judge(scene, estimating.GreatCircle())]))
    rows.append(_Row("prior", [playing.judge(scene, estimator)]))
    for at, passes in enumerate(_PASSES):
        rows.append(_Row(f"learned, {_passes(passes)}", [each[at].every for each in plain]))
    for at, passes in enumerate(_PASSES):
        rows.append(_Row(f"with liars, {_passes(passes)}", [each[at].every for each in lied]))
    for at, passes in enumerate(_PASSES):
        name = f"honest clients beside liars, {_passes(passes)}"
        rows.append(_Row(name, [each[at].honest for each in lied]))
    headings = ("estimates", "clients", "hits", "mean", "p90", "p95", "p99", "country mean")
    return report.table(headings, [_figures(row) for row in rows])


def _figures(row: _Row) -> tuple[str, ...]:
    def told(name: str, *, spread: bool = False) -> str:
        values = [getattr(found, name) for found in row.found]
        middle = f"{statistics.median(values):.2f}"
        wide = spread and len(values) > 1
        return f"{middle} ({min(values):.2f} to {max(values):.2f})" if wide else middle

    return (
        row.name,
        str(row.found[0].clients),
        f"{statistics.median(found.hit_rate for found in row.found):.1%}",
        told("mean", spread=True),
        told("p90"),
        told("p95", spread=True),
        told("p99"),
        told("country_mean"),
    )


def _passes(number: int) -> str:
    return "1 pass" if number == 1 else f"{number} passes"


def _unseen(scene: simulating.Scene, estimator: estimating.Estimator) -> str:
    rows = []
    for liars in (0.0, _LIARS):
        for seed in _FEW:
            outcomes: list[regret.Outcome] = []
            for silent in _folds(scene, seed):
                how = playing.Play(passes=3, noise=_NOISE, liars=liars, seed=seed)
                (state,) = playing.play(scene, how, estimator, (3,), silent=silent)
                outcomes += [state.outcomes[name] for name in sorted(silent)]
            found = regret.summarise(outcomes)
            assert found is not None
            name = f"{'liars' if liars else 'no liars'}, cut {seed}"
            rows.append(_Row(name, [found]))
    everybody = _Row("prior", [playing.judge(scene, estimator)])
    headings = ("reports", "clients", "hits", "mean", "p90", "p95", "p99", "country mean")
    return report.table(headings, [_figures(row) for row in (everybody, *rows)])


def _folds(scene: simulating.Scene, seed: int) -> Iterator[frozenset[str]]:
    countries = sorted({one.client.country for one in scene.placed})
    random.Random(seed).shuffle(countries)  # noqa: S311 - which countries are silent together
    for fold in range(_FOLDS):
        silent = frozenset(countries[fold::_FOLDS])
        yield frozenset(one.client.name for one in scene.placed if one.client.country in silent)


def _random(measured: mesh.Mesh, estimator: estimating.Estimator) -> str:
    rng = random.Random(prior.SEED)  # noqa: S311 - which fleets are tried
    rows = []
    for size in _SIZES:
        scenes = [
            playing.scene(measured, rng.sample(measured.in_clouds(), size)) for _ in range(_FLEETS)
        ]
        cells = [
            _mean(playing.judge(scene, estimating.GreatCircle()) for scene in scenes),
            _mean(playing.judge(scene, estimator) for scene in scenes),
        ]
        for liars in (0.0, _LIARS):
            how = playing.Play(passes=_PASSES[-1], noise=_NOISE, liars=liars, seed=1)
            played = [playing.play(scene, how, estimator, _PASSES) for scene in scenes]
            cells += [_mean(each[at].every for each in played) for at in range(len(_PASSES))]
        rows.append((str(size), *cells))
    passes = [f"{lies}{_passes(number)}" for lies in ("", "liars, ") for number in _PASSES]
    return report.table(("regions", "great circle", "prior", *passes), rows)


def _mean(found: Iterable[regret.Summary]) -> str:
    return f"{statistics.fmean(each.mean for each in found):.2f}"


def _exploring(measured: mesh.Mesh, estimator: estimating.Estimator) -> str:
    ways = (("the one that teaches most", ranking.EXPLORED), ("the next best", 0))
    rows = []
    for relays, (name, among) in itertools.product((1, 2), ways):
        scene = playing.scene(measured, measured.twelve(prior.TWELVE), relays=relays)
        with mock.patch.object(ranking, "EXPLORED", among):
            played = [
                playing.play(
                    scene,
                    playing.Play(passes=_PASSES[-1], noise=_NOISE, seed=seed),
                    estimator,
                    _PASSES,
                )
                for seed in _SEEDS[:3]
            ]
        explored = statistics.fmean(each[-1].explored for each in played)
        means = [
            f"{statistics.median(each[at].every.mean for each in played):.2f}"
            for at in range(len(_PASSES))
        ]
        rows.append((str(relays), name, f"{explored:.0%}", *means))
    headings = ("relays per region", "fallback", "explored", *map(_passes, _PASSES))
    return report.table(headings, rows)


if __name__ == "__main__":
    sys.exit(main())
