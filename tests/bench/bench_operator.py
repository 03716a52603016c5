"""Measures the operator on a real API server and etcd, without nodes: ``make bench-operator``.

Regions exist when the operator starts, so that "from nothing" means: none of their objects does.
"""

import argparse
import asyncio
import contextlib
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench import bare_loop, operator_scene, report
from tests.support import api_server

from turnfleet.kube import client, fields, kinds

_PORT: Final = 19643
_STILL: Final = 5.0
"""Seconds without a write after which everything counts as settled."""
_LOOK: Final = 0.5
_GIVE_UP: Final = 300.0
_CHANGED: Final = 100
_ONE_BY_ONE: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """How the operator got to rest."""

    seconds: float
    """From the start until the last write."""
    requests: operator_scene.Counts
    """Since then, without those before."""


def main() -> int:
    """Run every part and print, or write, the tables."""
    args = _arguments()
    machine = report.machine()
    with _folder() as folder:
        text = asyncio.run(_measured(args, folder))
    sys.stdout.write(text)
    if args.write is not None:
        document = _DOCUMENT.format(machine=machine, tables=text.rstrip())
        args.write.write_text(document, encoding="utf-8")
    return 0


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """Give a folder that stays, with every program's log, where the block fails."""
    folder = Path(tempfile.mkdtemp(prefix="turnfleet-bench-"))
    try:
        yield folder
    except BaseException:
        _say(f"the logs are in {folder}")
        raise
    shutil.rmtree(folder)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.bench.bench_operator", description=__doc__)
    parser.add_argument("--regions", type=int, default=1000)
    parser.add_argument("--quiet", type=float, default=120.0, help="seconds of the quiet part")
    parser.add_argument("--outage", type=float, default=60.0, help="seconds of the outage")
    parser.add_argument("--write", type=Path, metavar="FILE", help="such as docs/bench-operator.md")
    return parser.parse_args()


async def _measured(args: argparse.Namespace, folder: Path) -> str:
    with api_server.at(folder, kubernetes=api_server.build()) as server:
        async with operator_scene.connected(server) as api:
            await operator_scene.prepare(api)
            await operator_scene.declare(api, range(args.regions))
            _say(f"{args.regions} regions are declared; starting the operator")
            before = await operator_scene.counted_by_server(server)
            with operator_scene.operator(
                server, port=_PORT, log=folder / "operator.log"
            ) as operator:
                settled = await _settle(operator, since=operator.began)
                counted = _less(await operator_scene.counted_by_server(server), before)
                await _verify(api, args.regions)
                start = _start(args.regions, settled, counted, operator)
                _say(start)
                quiet = await _quiet(server, operator, args.quiet)
                _say(quiet)
                bare = _beside(await bare_loop.measure(api, args.regions), settled, args.regions)
                _say(bare)
                outage = await _outage(server, folder, operator, args)
                _say(outage)
    return f"{start}\n\n{bare}\n\n{quiet}\n\n{outage}\n"


async def _settle(
    operator: operator_scene.Operator,
    *,
    since: float,
    base: operator_scene.Counts | None = None,
    least: int = 1,
) -> Settled:
    """Wait until the operator has written and then written nothing for a while."""
    base = base or {}
    last, seen, ready = since, 0, False
    while time.monotonic() - since < _GIVE_UP:
        await asyncio.sleep(_LOOK)
        ready = await asyncio.to_thread(operator.ready)
        if not ready:
            continue
        counts = _less(await asyncio.to_thread(operator.requests), base)
        now, written = time.monotonic(), operator_scene.writes(counts)
        if written != seen:
            last, seen = now, written
        elif seen >= least and now - last > _STILL:
            return Settled(seconds=last - since, requests=counts)
    raise RuntimeError(
        f"the operator was not at rest after {_GIVE_UP:.0f} s: {'' if ready else 'not '}ready, "
        f"{seen} writes, the last one after {last - since:.1f} s"
    )


async def _verify(api: client.Client, regions: int) -> None:
    """Raise unless every region has what it should have."""
    query = client.Query(kind=kinds.TURN_REGION, namespace=operator_scene.NAMESPACE)
    for found in await api.list(query):
        generation = fields.whole(found, "metadata", "generation")
        if fields.whole(found, "status", "observedGeneration") != generation:
            raise RuntimeError(f"{found['metadata']['name']} was left behind")
    sets = await api.list(client.Query(kind=kinds.REPLICA_SET, namespace=operator_scene.NAMESPACE))
    signing = await api.get(kinds.SECRET, "turnfleet-signing", namespace=operator_scene.SYSTEM)
    if len(sets) != regions or len(signing["data"]) != regions + 1:
        raise RuntimeError(f"{len(sets)} ReplicaSets, {len(signing['data'])} keys")


def _start(
    regions: int,
    settled: Settled,
    counted: operator_scene.Counts,
    operator: operator_scene.Operator,
) -> str:
    rows = [
        ("from the operator's start to settled, s", f"{settled.seconds:.1f}"),
        ("RSS then, MB", f"{operator.server.rss:.0f}"),
        ("RSS at its peak, MB", f"{operator.peak:.0f}"),
        ("processor time, s", f"{operator.server.cpu:.1f}"),
    ]
    verbs: dict[str, int] = {}
    for (verb, kind), number in settled.requests.items():
        if kind != "Lease":
            verbs[verb] = verbs.get(verb, 0) + number
    rows += [
        (f"requests per region, {verb}", f"{number / regions:.2f}")
        for verb, number in sorted(verbs.items())
        if number
    ]
    total = sum(number for number in counted.values())
    rows.append(("requests per region as the API server counts them", f"{total / regions:.2f}"))
    return report.table((f"{regions:,} regions from nothing", "measured"), rows)


def _beside(seconds: float, settled: Settled, regions: int) -> str:
    rows = [
        ("the same requests from a bare loop, s", f"{seconds:.1f}"),
        ("the operator takes so many times as long", f"{settled.seconds / seconds:.2f}"),
    ]
    return report.table((f"{regions:,} regions by hand, in the same run", "measured"), rows)


async def _quiet(
    server: api_server.ApiServer, operator: operator_scene.Operator, seconds: float
) -> str:
    before, cpu = await operator_scene.counted_by_server(server), operator.server.cpu
    await asyncio.sleep(seconds)
    changed = _less(await operator_scene.counted_by_server(server), before)
    written = {pair: n for pair, n in changed.items() if pair[0] in _SERVER_WRITES and n}
    rows = [
        ("writes, the lease's renewals left out", str(sum(written.values()))),
        ("lists and gets", str(sum(n for (verb, _), n in changed.items() if verb in _READS))),
        ("processor time, ms/s", f"{1000 * (operator.server.cpu - cpu) / seconds:.1f}"),
        ("RSS, MB", f"{operator.server.rss:.0f}"),
    ]
    return report.table((f"{seconds:.0f} s in which nothing happens", "measured"), rows)


async def _outage(
    server: api_server.ApiServer,
    folder: Path,
    operator: operator_scene.Operator,
    args: argparse.Namespace,
) -> str:
    base = operator.requests()
    changed = min(_CHANGED, args.regions)
    gone = changed // _ONE_BY_ONE
    with _neighbour(server, folder) as other:
        server.kill()
        _say("the operator's API server is down; changing regions through another one")
        async with operator_scene.connected(other) as api:
            await operator_scene.remove(api, range(gone))
            await operator_scene.declare(api, range(gone, changed), weight=50)
        await asyncio.sleep(args.outage)
    await asyncio.to_thread(server.start)
    settled = await _settle(operator, since=time.monotonic(), base=base)
    async with operator_scene.connected(server) as api:
        query = client.Query(kind=kinds.TURN_REGION, namespace=operator_scene.NAMESPACE)
        behind = [
            found["metadata"]["name"]
            for found in await api.list(query)
            if fields.whole(found, "status", "observedGeneration")
            != fields.whole(found, "metadata", "generation")
        ]
        signing = await api.get(kinds.SECRET, "turnfleet-signing", namespace=operator_scene.SYSTEM)
    left = len(signing["data"]) - 1
    rows = [
        ("until caught up, from when it is back, s", f"{settled.seconds:.1f}"),
        ("regions left behind", str(len(behind))),
        (f"signing keys left of {args.regions} after {gone} deletions", str(left)),
        ("writes", str(operator_scene.writes(settled.requests))),
    ]
    title = f"{args.outage:.0f} s without the API server, {changed} changes meanwhile"
    return report.table((title, "measured"), rows)


@contextlib.contextmanager
def _neighbour(server: api_server.ApiServer, folder: Path) -> Iterator[api_server.ApiServer]:
    """Run a second API server on the same etcd."""
    with server.neighbour(folder / "neighbour") as other:
        yield other


_SERVER_WRITES: Final = frozenset({"apply", "patch", "post", "put", "delete"})
_READS: Final = frozenset({"list", "get"})


def _less(counts: operator_scene.Counts, before: operator_scene.Counts) -> operator_scene.Counts:
    return {pair: number - before.get(pair, 0) for pair, number in counts.items()}


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


_DOCUMENT = """# The operator, measured

Written by `make bench-operator ARGS="--write docs/bench-operator.md"`; run that to repeat it.

Machine: {machine}.

{tables}

How it is measured:

* A kube-apiserver and an etcd (without fsync) on the same machine as the operator, no controllers
  and no nodes. All regions are declared before the operator starts; "settled" is its last write,
  after which it writes nothing for five seconds. Then every region is verified.
* The bare loop sends what a new region takes (a read, five applies, a status) through the same
  client, as many regions at a time as the operator, for as many regions in another namespace. It
  decides nothing and watches nothing.
* Requests as the operator counts them, those to its lease left out; and as the API server does for
  the kinds that a region consists of, which includes kopf's lists and watches.
* Outage: the operator's API server is killed (kill -9). A second one on the same etcd takes the
  changes: a tenth of them deletions, the rest edits of `weight`. Then the first one starts again
  and has forgotten the past, so that watches have to list. Writes are counted after that.
"""


if __name__ == "__main__":
    sys.exit(main())
