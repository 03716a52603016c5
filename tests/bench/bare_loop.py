"""The requests that a new region takes, sent by a loop that decides and watches nothing.

What the operator is compared with, in the same run: the API server and the client alone take so
long on this machine.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tests.bench import operator_scene

from turnfleet import names
from turnfleet.handlers import operating
from turnfleet.kube import client, failures, kinds

_NAMESPACE: Final = "bare"
_MANAGER: Final = "bare"
_KINDS: Final = (
    kinds.SERVICE_ACCOUNT,
    kinds.CONFIG_MAP,
    kinds.SECRET,
    kinds.POD_DISRUPTION_BUDGET,
    kinds.REPLICA_SET,
)
_OF_SERVERS: Final = frozenset(
    {"creationTimestamp", "generation", "managedFields", "ownerReferences", "resourceVersion",
     "uid"}
)  # fmt: skip


async def measure(api: client.Client, regions: int) -> float:
    """Return the seconds for ``regions`` regions like the first one, which is settled."""
    model = operator_scene.name(0)
    made = [await _read(api, kind, model) for kind in _KINDS]
    settled = await api.get(kinds.TURN_REGION, model, namespace=operator_scene.NAMESPACE)
    with contextlib.suppress(failures.AlreadyExists):
        await api.create(kinds.NAMESPACE, {"metadata": {"name": _NAMESPACE}})
    called = [f"bare-{number:04}" for number in range(regions)]
    region = {"metadata": settled["metadata"], "spec": settled["spec"]}
    slots = asyncio.Semaphore(operating.WORKERS)
    terse = api.terse()  # as the operator executes its plans

    async def declare(name: str) -> None:
        async with slots:
            await api.apply(kinds.TURN_REGION, _as(region, name), manager=_MANAGER)

    async def reconcile(name: str) -> None:
        async with slots:
            await terse.get(kinds.TURN_REGION, name, namespace=_NAMESPACE)
            for kind, found in zip(_KINDS, made, strict=True):
                await terse.apply(kind, _as(found, name), manager=_MANAGER)
            status = {"metadata": settled["metadata"], "status": settled["status"]}
            await terse.apply(
                kinds.TURN_REGION, _as(status, name), manager=_MANAGER, subresource="status"
            )

    await asyncio.gather(*map(declare, called))
    began = time.monotonic()
    await asyncio.gather(*map(reconcile, called))
    return time.monotonic() - began


async def _read(api: client.Client, kind: kinds.Kind, region: str) -> Mapping[str, Any]:
    labelled = f"{names.LABEL_REGION}={region}"
    query = client.Query(kind=kind, namespace=operator_scene.NAMESPACE, labels=labelled)
    found: Sequence[Mapping[str, Any]] = await api.list(query)
    return {part: value for part, value in found[0].items() if part != "status"}


def _as(found: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the manifest of an object as it would be for a region of another name."""
    about = {part: value for part, value in found["metadata"].items() if part not in _OF_SERVERS}
    manifest = {**found, "metadata": {**about, "namespace": _NAMESPACE}}
    renamed: dict[str, Any] = json.loads(json.dumps(manifest).replace(operator_scene.name(0), name))
    return renamed
