"""``turnfleet simulate``: how a fleet would serve a crowd of clients, without either.

Reads tables of regions and clients, ranks every region for every client by the code that answers
real ones, and says what that costs against measured round trips where there are some. No network.
"""

import argparse
import csv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from turnfleet import settings
from turnfleet.commands import crowds, output, replaying
from turnfleet.geo import atlas
from turnfleet.model import fleet, selection
from turnfleet.steer import estimating, regret
from turnfleet.steer.backbone import estimating as backbone

NAME: Final = "simulate"
HELP: Final = "Rank regions for a table of clients, and compare with measured round trips."

_PRIOR: Final = "prior"
_GREAT_CIRCLE: Final = "great circle"
_FIGURES: Final = ("mean", "p50", "p90", "p95", "p99", "country_mean")

Ranking = Mapping[str, tuple[selection.Ranked, ...]]
"""All regions by client, best first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """What is simulated."""

    fleet: fleet.Fleet
    placed: tuple[replaying.Placed, ...]
    measured: Mapping[str, Mapping[str, float]]
    """ms by region, by client; regions and clients of the tables alone."""
    strange: int
    """Round trips of clients or regions that are in no table."""


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
        help="a CSV file: client_id,ip,country,lat,lon; ip, lat and lon may be blank",
    )
    parser.add_argument(
        "--rtt",
        type=Path,
        metavar="FILE",
        help="a CSV file of what was measured: client_id,region,rtt_ms",
    )
    parser.add_argument(
        "--passes",
        type=int,
        default=0,
        metavar="N",
        help="days of learning; only 0 for now: what is estimated before anything is learned",
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
    """Rank, write and report."""
    del environment
    if args.passes != 0:
        raise output.Failure("--passes: only 0 is possible for now; nothing learns yet.")
    scene = _read(args, console.complain)
    ranking = _rank(scene, backbone.Backbone())
    if args.out is not None:
        _write(args.out, ranking)
    found = {_PRIOR: _judge(scene, ranking)}
    if scene.measured:
        found[_GREAT_CIRCLE] = _judge(scene, _rank(scene, estimating.GreatCircle()))
    if console.as_json:
        console.json(_document(scene, found))
    else:
        _print(scene, found, console)
    return 0


def _read(args: argparse.Namespace, warn: Callable[[str], None]) -> _Scene:
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
    return _Scene(
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


def _rank(scene: _Scene, estimator: estimating.Estimator) -> Ranking:
    ranked = replaying.rank(scene.fleet, scene.placed, estimator)
    return {one.client.name: regions for one, regions in ranked}


def _judge(scene: _Scene, ranking: Ranking) -> regret.Summary | None:
    return regret.summarise(_outcomes(scene, ranking))


def _outcomes(scene: _Scene, ranking: Ranking) -> Iterator[regret.Outcome]:
    for one in scene.placed:
        measured = scene.measured.get(one.client.name, {})
        order = [found.region for found in ranking[one.client.name]]
        country = one.client.country or one.located.place.country
        if (found := regret.outcome(order, measured, country=country)) is not None:
            yield found


def _write(file: Path, ranking: Ranking) -> None:
    try:
        with file.open("w", encoding="utf-8", newline="") as text:
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(("client_id", "region", "estimate_ms"))
            writer.writerows(_choices(ranking))
    except OSError as error:
        raise output.Failure(f"{file} cannot be written: {error.strerror}.") from error


def _choices(ranking: Ranking) -> Iterable[tuple[str, str, str]]:
    for client, regions in ranking.items():
        for found in regions:
            yield client, found.region, f"{found.estimate:.3f}"


def _document(scene: _Scene, found: Mapping[str, regret.Summary | None]) -> dict[str, object]:
    return {
        "regions": len(scene.fleet.regions),
        "clients": len(scene.placed),
        "located": _rungs(scene),
        "passes": 0,
        "ignored_rtts": scene.strange,
        "results": {name: asdict(each) for name, each in found.items() if each is not None},
    }


def _print(
    scene: _Scene, found: Mapping[str, regret.Summary | None], console: output.Console
) -> None:
    rungs = ", ".join(f"{count} by {rung}" for rung, count in _rungs(scene).items())
    console.say(
        f"{len(scene.placed)} clients ({rungs}), {len(scene.fleet.regions)} regions, no passes"
    )
    if scene.strange:
        sentence = f"{scene.strange} round trips are of clients or regions that are not listed"
        console.say(console.tone(sentence, output.Tone.DOUBT))
    rows = [(name, each) for name, each in found.items() if each is not None]
    if not rows:
        console.say("without measured round trips there is nothing to compare with (--rtt)")
        return
    console.say(f"regret in ms, of {rows[0][1].clients} clients with a measured round trip")
    console.say()
    console.table(
        ("estimates", "hits", *(name.replace("_", " ") for name in _FIGURES)),
        [
            (name, f"{each.hit_rate:.1%}", *(f"{getattr(each, figure):.1f}" for figure in _FIGURES))
            for name, each in rows
        ],
    )


def _rungs(scene: _Scene) -> dict[str, int]:
    return dict(Counter(str(one.located.rung) for one in scene.placed).most_common())
