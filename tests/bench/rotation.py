"""Measures a rotation at many relays, from the command to the last: ``make bench-rotation``.

The operator, the API server and etcd are real; kubelets and agents are simulated: files follow a
nudge after as long as a kubelet was measured to take, and agents tell what is in them over HTTP.
"""

import argparse
import asyncio
import base64
import contextlib
import io
import json
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.bench import operator_scene, report
from tests.support import api_server, simulated

from turnfleet import names
from turnfleet.commands import output, rotating
from turnfleet.kube import client, fields, holding, kinds, watching
from turnfleet.plan.cluster import rotation

_PORT: Final = 19645
_REGION: Final = "region-0000"
_QUIET: Final = 20.0
"""Seconds after the rotation in which nothing more may be written."""
_STILL: Final = 5.0
_WITHIN: Final = 120.0


@dataclass(slots=True, kw_only=True)
class Scene:
    """What is seen of the region while it is rotated."""

    relays: simulated.Relays
    operator: operator_scene.Operator
    secret: simulated.Object = field(default_factory=dict)
    configuration: simulated.Object = field(default_factory=dict)
    signed: str = ""
    refused: int = 0
    """Looks at which endpoints signed with what some relay refused."""
    looks: int = 0

    def look(self) -> None:
        """Count the relays that refuse what endpoints sign with."""
        self.looks += 1
        accepting = (relay.accepts() for relay in self.relays.by_address.values())
        self.refused += any(self.signed not in accepted for accepted in accepting)

    def through(self, generation: int) -> bool:
        """Return whether every relay accepts the secret of a generation."""
        return all(each.generation == generation for each in self.relays.by_address.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One rotation. Times are seconds from the command."""

    accepted: float
    """Until the last relay accepts the new secret."""
    told: float
    """Until the command says so, and endpoints sign with it."""
    refused: int
    looks: int
    writes: int


def main() -> int:
    """Rotate, and print or write the table."""
    parser = argparse.ArgumentParser(prog="tests.bench.rotation", description=__doc__)
    parser.add_argument("--relays", type=int, default=200)
    parser.add_argument("--write", type=Path, metavar="FILE", help="such as docs/bench-rotation.md")
    args = parser.parse_args()
    machine = report.machine()
    with tempfile.TemporaryDirectory(prefix="turnfleet-bench-") as folder:
        text = asyncio.run(_measured(args.relays, Path(folder)))
    sys.stdout.write(text)
    if args.write is not None:
        document = _DOCUMENT.format(machine=machine, table=text.rstrip())
        args.write.write_text(document, encoding="utf-8")
    return 0


async def _measured(count: int, folder: Path) -> str:
    with api_server.at(folder, kubernetes=api_server.build()) as server:
        async with operator_scene.connected(server) as api:
            await operator_scene.prepare(api)
            with operator_scene.operator(server, port=_PORT, log=folder / "log") as operator:
                async with _scene(api, operator, count) as scene:
                    plain = await _rotated(scene, server, now=False, generation=2)
                    quiet = operator_scene.writes(operator.requests())
                    await asyncio.sleep(_QUIET)
                    quiet = operator_scene.writes(operator.requests()) - quiet
                    at_once = await _rotated(scene, server, now=True, generation=3)
    rows = [
        ("until the last relay accepts the new secret, s", _seconds(plain, at_once, "accepted")),
        (
            "until endpoints sign with it and the command says so, s",
            _seconds(plain, at_once, "told"),
        ),
        ("looks at which a relay refused what endpoints sign with", _looks(plain, at_once)),
        ("writes to the API server", (str(plain.writes), str(at_once.writes))),
        (f"writes in the {_QUIET:.0f} s after it", (str(quiet), "")),
    ]
    headings = (f"{count} relays", "rotate", "rotate --now")
    return report.table(headings, [(name, *cells) for name, cells in rows]) + "\n"


def _seconds(plain: Measured, at_once: Measured, what: str) -> tuple[str, str]:
    return f"{getattr(plain, what):.2f}", f"{getattr(at_once, what):.2f}"


def _looks(plain: Measured, at_once: Measured) -> tuple[str, str]:
    return f"{plain.refused} of {plain.looks}", f"{at_once.refused} of {at_once.looks}"


async def _rotated(
    scene: Scene, server: api_server.ApiServer, *, now: bool, generation: int
) -> Measured:
    out = io.StringIO()
    scene.refused = scene.looks = 0
    before = operator_scene.writes(scene.operator.requests())
    began = time.monotonic()
    command = asyncio.create_task(
        rotating.run(
            _REGION,
            rotation.Request(id=f"bench-{generation}", now=now),
            kubeconfig=server.kubeconfig,
            namespaces=(operator_scene.NAMESPACE,),
            within=_WITHIN,
            console=output.Console(out=out, err=sys.stderr, as_json=True, color=False),
        )
    )
    accepted = None
    while not command.done():
        scene.look()
        if accepted is None and scene.through(generation):
            accepted = time.monotonic() - began
        await asyncio.sleep(0.02)
    if await command or accepted is None:
        raise RuntimeError(f"the rotation is not through: {out.getvalue()}")
    await asyncio.sleep(3.0)
    return Measured(
        accepted=accepted,
        told=json.loads(out.getvalue())["seconds"],
        refused=scene.refused,
        looks=scene.looks,
        writes=operator_scene.writes(scene.operator.requests()) - before,
    )


@contextlib.asynccontextmanager
async def _scene(
    api: client.Client, operator: operator_scene.Operator, count: int
) -> AsyncIterator[Scene]:
    """Yield a settled region of so many relays."""
    scene: Scene
    relays = simulated.Relays(read=lambda: (scene.secret, scene.configuration))
    scene = Scene(relays=relays, operator=operator)
    async with simulated.serving(relays), asyncio.TaskGroup() as group:
        follower = group.create_task(_follow(api, scene, group))
        await _declare(api, relays.port, count)
        workload = await _until(api, kinds.REPLICA_SET, f"turn-{_REGION}")
        for number in range(count):
            await _run(api, simulated.pod(workload, number, _address(number)))
        while not await _settled(api, count) or relays.asked < count:  # noqa: ASYNC110 - afar
            await asyncio.sleep(0.5)
        await _still(operator)
        yield scene
        follower.cancel()


async def _still(operator: operator_scene.Operator) -> None:
    """Wait until the operator writes nothing any more."""
    seen = -1
    while (now := operator_scene.writes(operator.requests())) != seen:
        seen = now
        await asyncio.sleep(_STILL)


async def _declare(api: client.Client, port: int, count: int) -> None:
    for number in range(count):
        made = await api.create(kinds.NODE, _typed(kinds.NODE, simulated.node(number)))
        status = simulated.node(number)["status"]
        await api.merge_patch(
            kinds.NODE, made["metadata"]["name"], {"status": status}, subresource="status"
        )
    body = operator_scene.region(0, weight=100)
    more = {"agent": {"port": port}, "relays": {"replicas": count}}
    await api.apply(kinds.TURN_REGION, {**body, "spec": body["spec"] | more}, manager="bench")


async def _run(api: client.Client, pod: dict[str, Any]) -> None:
    status = pod.pop("status")
    made = await api.create(kinds.POD, _typed(kinds.POD, pod))
    await api.merge_patch(
        kinds.POD,
        made["metadata"]["name"],
        {"status": status},
        namespace=made["metadata"]["namespace"],
        subresource="status",
    )


async def _until(api: client.Client, kind: kinds.Kind, name: str) -> client.Object:
    while True:
        for found in await api.list(client.Query(kind=kind, namespace=operator_scene.NAMESPACE)):
            if fields.text(found, "metadata", "name") == name:
                return found
        await asyncio.sleep(0.2)


async def _settled(api: client.Client, count: int) -> bool:
    found = await api.get(kinds.TURN_REGION, _REGION, namespace=operator_scene.NAMESPACE)
    return fields.whole(found, "status", "readyReplicas") == count


async def _follow(api: client.Client, scene: Scene, group: asyncio.TaskGroup) -> None:
    """Be every kubelet and every endpoint."""

    def pods(changes: tuple[holding.Change, ...]) -> None:
        for change in changes:
            found = change.after
            if found is not None and fields.text(found, "status", "podIP"):
                group.create_task(scene.relays.told(fields.text(found, "status", "podIP"), found))

    def secrets(changes: tuple[holding.Change, ...]) -> None:
        for change in changes:
            if change.key.name == f"{_REGION}-auth" and change.after is not None:
                scene.secret = change.after

    def configurations(changes: tuple[holding.Change, ...]) -> None:
        scene.configuration = next(
            (one.after for one in changes if one.after is not None), scene.configuration
        )

    def signing(changes: tuple[holding.Change, ...]) -> None:
        for change in changes:
            data = fields.texts(change.after or {}, "data")
            scene.signed = base64.b64decode(data.get(f"region.{_REGION}", "")).decode()

    chance = random.Random(3)  # noqa: S311 - spreads retries
    watches = [
        watching.Watch(
            api,
            kind,
            namespaces=(namespace,),
            labels=names.LABEL_REGION if namespace == operator_scene.NAMESPACE else "",
            changed=changed,
            clock=time.monotonic,
            rng=chance,
        )
        for kind, namespace, changed in (
            (kinds.SECRET, operator_scene.NAMESPACE, secrets),
            (kinds.CONFIG_MAP, operator_scene.NAMESPACE, configurations),
            (kinds.POD, operator_scene.NAMESPACE, pods),
            (kinds.SECRET, operator_scene.SYSTEM, signing),
        )
    ]
    await asyncio.gather(*(watch.run() for watch in watches))


def _typed(kind: kinds.Kind, found: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": kind.api_version, "kind": kind.name, **found}


def _address(number: int) -> str:
    return f"127.21.{number // 250}.{number % 250 + 1}"


_DOCUMENT: Final = """# A rotation, measured

Written by `make bench-rotation ARGS="--write docs/bench-rotation.md"`; run that to repeat it.

Machine: {machine}.

{table}

How it is measured:

* One region. kube-apiserver, etcd (without fsync) and `turnfleet operator` are real and on the same
  machine; the command is `turnfleet rotate --wait`. Kubelets and agents are simulated in the
  process that measures: the files of a pod follow its annotation after 0.3 s, as a real kubelet was
  measured to take, and its agent answers /status over HTTP with what is in them.
* Every 20 ms it is looked whether what endpoints sign with is accepted by every relay. With `--now`
  the old secret is dropped before relays have the new one, so that for a moment it is not.
"""


if __name__ == "__main__":
    sys.exit(main())
