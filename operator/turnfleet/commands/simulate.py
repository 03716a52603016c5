"""``turnfleet simulate``: how a fleet would serve a crowd of clients, without either.

Reads tables of regions and clients, ranks every region for every client by the code that answers
real ones, lets it learn from measured round trips where there are some, and says what its choices
cost against these. No network.
"""

import argparse
import contextlib
import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from turnfleet import settings
from turnfleet.commands import (
    arguments,
    crowds,
    output,
    replaying,
    simulating,
    suggesting,
    tabulating,
)
from turnfleet.geo import atlas
from turnfleet.steer.backbone import estimating as backbone

NAME: Final = "simulate"
HELP: Final = "Rank regions for a table of clients, and compare with measured round trips."

_PASSES_MAX: Final = 10_000
_NOISE_MAX: Final = 2.0
"""Deviation of a logarithm: two of these are a factor of 55."""
_PLACES_MAX: Final = 100


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--regions",
        type=Path,
        required=True,
        metavar="FILE",
        help="a CSV file: region,lat,lon,country",
    )
    parser.add_argument(
        "--clients",
        type=Path,
        required=True,
        metavar="FILE",
        help="a CSV file: client_id,ip,country,lat,lon; each needs lat and lon, or a country, or "
        "an ip and --geo, the rest may be blank",
    )
    parser.add_argument(
        "--rtt",
        type=Path,
        metavar="FILE",
        help="a CSV file of what was measured: client_id,region,rtt_ms",
    )
    parser.add_argument(
        "--passes",
        type=arguments.whole(_PASSES_MAX),
        default=0,
        metavar="N",
        help="days of learning from --rtt, one answer for each client; 0: what is estimated before",
    )
    parser.add_argument(
        "--noise",
        type=arguments.share(_NOISE_MAX),
        default=0.0,
        metavar="SIGMA",
        help="of each value that a client measures: deviation of its logarithm (default 0)",
    )
    parser.add_argument(
        "--liars",
        type=arguments.share(1),
        default=0.0,
        metavar="SHARE",
        help="share of the sources that report a tenth, ten times, or another region's values",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="of all chance: the same one gives the same figures (default 0)",
    )
    parser.add_argument(
        "--suggest",
        type=arguments.whole(_PLACES_MAX),
        default=0,
        metavar="N",
        help="say where the next N regions would help most",
    )
    parser.add_argument(
        "--geo",
        type=Path,
        metavar="DIR",
        help="geo databases (*.mmdb), to place clients by ip whose lat and lon are blank",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="write client_id,region,estimate_ms here: all regions of each client, best first",
    )


def execute(
    args: argparse.Namespace, console: output.Console, environment: settings.Settings
) -> int:
    """Read, play, write and report."""
    del environment
    scene = _read(args, console.complain)
    how = simulating.Play(passes=args.passes, noise=args.noise, liars=args.liars, seed=args.seed)
    prior = backbone.Backbone()
    survey = suggesting.Survey(
        [one.client.name for one in scene.placed] if args.suggest else (),
        measured=scene.measured,
        regions=scene.fleet.regions,
        estimator=prior,
        seed=how.seed,
    )
    with _choices(args.out) as write:
        played = simulating.play(scene, how, prior=prior, write=_both(write, survey.note))
    advice = None
    if args.suggest:
        taken = [row.place for row in scene.rows]
        advice = suggesting.suggest(survey.demands, taken, estimator=prior, number=args.suggest)
    if console.as_json:
        console.json(tabulating.document(scene, how, played, advice))
    else:
        tabulating.show(scene, how, played, console)
        if advice is not None:
            tabulating.advise(advice, console)
    return 0


def _both(one: simulating.Write, other: simulating.Write) -> simulating.Write:
    def write(ranked: replaying.Ranked) -> None:
        one(ranked)
        other(ranked)

    return write


def _read(args: argparse.Namespace, warn: Callable[[str], None]) -> simulating.Scene:
    regions = crowds.regions(args.regions)
    clients = crowds.clients(args.clients)
    measured = crowds.round_trips(args.rtt) if args.rtt is not None else {}
    names = {row.name for row in regions}
    known = {client.name for client in clients}
    kept = {
        client: {region: rtt for region, rtt in row.items() if region in names}
        for client, row in measured.items()
        if client in known
    }
    placed = tuple(_place(args.clients, clients, args.geo, warn))
    return simulating.Scene(
        rows=regions,
        fleet=replaying.fleet_of(regions),
        placed=placed,
        measured={client: row for client, row in kept.items() if row},
        strange=sum(map(len, measured.values())) - sum(map(len, kept.values())),
    )


def _place(
    file: Path, clients: Sequence[crowds.Client], geo: Path | None, warn: Callable[[str], None]
) -> Iterator[replaying.Placed]:
    known = atlas.open(geo, None, warn)
    for client in clients:
        found = replaying.place(client, atlas=known, by_address=geo is not None)
        if isinstance(found, replaying.Unplaceable):
            raise output.Failure(
                f"{file}, line {client.line}: nothing tells where the client is: {found.sentence}."
            )
        yield found


@contextlib.contextmanager
def _choices(file: Path | None) -> Iterator[simulating.Write]:
    """Give what writes a client's ranking into a file, if there is to be one."""
    if file is None:
        yield lambda _: None
        return
    try:
        with file.open("w", encoding="utf-8", newline="") as text:
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(("client_id", "region", "estimate_ms"))

            def write(ranked: replaying.Ranked) -> None:
                name = ranked[0].client.name
                writer.writerows((name, of.region, f"{of.estimate:.3f}") for of in ranked[1])

            yield write
    except OSError as error:
        raise output.Failure(f"{file} cannot be written: {error.strerror}.") from error
