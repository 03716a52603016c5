"""Client and watch against a real API server: what our own stand-in may have got wrong."""

import asyncio
import contextlib
import gc
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from tests.support import api_server

from turnfleet.kube import client, failures, holding, kinds, watching

NAMESPACE = "default"


@pytest.fixture(scope="module")
def server(
    programs: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[api_server.ApiServer]:
    with api_server.at(tmp_path_factory.mktemp("api"), kubernetes=programs) as running:
        yield running


@pytest.fixture
async def api(server: api_server.ApiServer) -> AsyncIterator[client.Client]:
    async with client.connected(server.kubeconfig, program="tests") as made:
        yield made


def a_map(name: str, text: str = "", **about: object) -> dict[str, object]:
    return {
        "metadata": {"name": name, "namespace": NAMESPACE, **about},
        "data": {"text": text},
    }


@contextlib.asynccontextmanager
async def watched(
    api: client.Client, batches: list[tuple[holding.Change, ...]], *, fields: str = ""
) -> AsyncIterator[watching.Watch]:
    watch = watching.Watch(
        api,
        kinds.CONFIG_MAP,
        namespaces=(NAMESPACE,),
        fields=fields,
        changed=batches.append,
        clock=time.monotonic,
        rng=random.Random(1),  # noqa: S311 - repeatable on purpose
    )
    running = asyncio.create_task(watch.run())
    try:
        async with asyncio.timeout(30):
            await watch.synced.wait()
        yield watch
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def until(condition: Callable[[], bool], *, within: float = 30) -> None:
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110 - conditions are of any kind
            await asyncio.sleep(0.05)


async def test_what_is_to_be_new_is_made_once_and_never_taken_over(api: client.Client) -> None:
    for kind, more in (
        (kinds.CONFIG_MAP, {"data": {"a": "b"}}),
        (kinds.SECRET, {"data": {"a": "Yg=="}}),
        (kinds.SERVICE_ACCOUNT, {}),
        (kinds.POD_DISRUPTION_BUDGET, {"spec": {"maxUnavailable": 1, "selector": _SELECTOR}}),
        (
            kinds.REPLICA_SET,
            {"spec": {"replicas": 0, "selector": _SELECTOR, "template": _TEMPLATE}},
        ),
        (kinds.DAEMON_SET, {"spec": {"selector": _SELECTOR, "template": _TEMPLATE}}),
    ):
        body = {"metadata": {"name": "new", "namespace": NAMESPACE}, **more}
        await api.apply(kind, body, manager="us", only_new=True)
        with pytest.raises(failures.Conflict):
            await api.apply(kind, body, manager="us", only_new=True)


_SELECTOR = {"matchLabels": {"app": "new"}}
_TEMPLATE = {
    "metadata": {"labels": {"app": "new"}},
    "spec": {"containers": [{"name": "one", "image": "example.com/one"}]},
}


async def test_who_is_terse_is_told_metadata_alone_and_refusals_in_full(api: client.Client) -> None:
    terse = api.terse()
    made = await terse.apply(kinds.CONFIG_MAP, a_map("terse"), manager="us")
    assert "data" not in made
    assert (
        made["metadata"].items()
        <= (await api.get(kinds.CONFIG_MAP, "terse", namespace=NAMESPACE))["metadata"].items()
    )
    with pytest.raises(failures.Conflict):
        await terse.apply(kinds.CONFIG_MAP, a_map("terse"), manager="us", only_new=True)
    with pytest.raises(failures.NotFound):
        await terse.get(kinds.CONFIG_MAP, "absent", namespace=NAMESPACE)


async def test_writes_hold_to_what_was_read(api: client.Client) -> None:
    made = await api.create(kinds.CONFIG_MAP, a_map("held"))
    with pytest.raises(failures.AlreadyExists):
        await api.create(kinds.CONFIG_MAP, a_map("held"))
    with pytest.raises(failures.Conflict):
        await api.merge_patch(
            kinds.CONFIG_MAP, "held", {"data": {}}, namespace=NAMESPACE, resource_version="1"
        )
    with pytest.raises(failures.Conflict):
        await api.delete(kinds.CONFIG_MAP, "held", namespace=NAMESPACE, uid="another")
    with pytest.raises(failures.Invalid):
        await api.create(kinds.CONFIG_MAP, a_map("not a name"))
    uid = made["metadata"]["uid"]
    await api.delete(kinds.CONFIG_MAP, "held", namespace=NAMESPACE, uid=uid)
    with pytest.raises(failures.NotFound):
        await api.get(kinds.CONFIG_MAP, "held", namespace=NAMESPACE)
    with pytest.raises(failures.Conflict):
        await api.apply(kinds.CONFIG_MAP, a_map("held", uid=uid), manager="tests")


# A connection whose TLS handshake the server's death cuts off is left to the garbage collector by
# Python's own asyncio, which then complains of it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_watch_outage_with_a_hundred_changes_is_caught_up_with_just_these(
    server: api_server.ApiServer, api: client.Client, tmp_path: Path
) -> None:
    for number in range(1100):
        await api.create(kinds.CONFIG_MAP, a_map(f"map-{number}"))
    batches: list[tuple[holding.Change, ...]] = []
    async with watched(api, batches) as watch:
        assert len(batches) == 1
        known = len(watch.objects)
        server.kill()
        await until(lambda: watch.trouble is not None)
        with server.neighbour(tmp_path / "neighbour") as other:
            async with client.connected(other.kubeconfig, program="tests") as elsewhere:
                for number in range(100):
                    changed = a_map(f"map-{number}", "changed")
                    await elsewhere.apply(kinds.CONFIG_MAP, changed, manager="tests")
        assert len(watch.objects) == known
        server.start()
        await until(lambda: watch.trouble is None)
        await until(lambda: sum(map(len, batches[1:])) >= 100)
        await asyncio.sleep(1)

    changes = [change for batch in batches[1:] for change in batch]
    assert len(changes) == 100
    assert all(change.before and change.after for change in changes)
    gc.collect()  # complains here, not in a later test


async def test_one_object_can_be_watched_by_its_name(api: client.Client) -> None:
    await api.apply(kinds.CONFIG_MAP, a_map("mine"), manager="tests")
    await api.apply(kinds.CONFIG_MAP, a_map("other"), manager="tests")
    batches: list[tuple[holding.Change, ...]] = []
    async with watched(api, batches, fields="metadata.name=mine") as watch:
        assert [key.name for key in watch.objects] == ["mine"]
        await api.delete(kinds.CONFIG_MAP, "mine", namespace=NAMESPACE)
        await until(lambda: not watch.objects)
        await api.apply(kinds.CONFIG_MAP, a_map("mine", "again"), manager="tests")
        await until(lambda: len(watch.objects) == 1)


async def test_a_version_that_is_compacted_or_from_the_future_is_gone_not_a_hang(
    api: client.Client,
) -> None:
    query = client.Query(kind=kinds.CONFIG_MAP, namespace=NAMESPACE)
    outcomes = []
    for version in ("1", "999999999"):
        try:
            async with asyncio.timeout(20):
                async with api.events(query, since=version, lasting=5, silence=10) as events:
                    async for event in events:
                        if event["type"] == "ERROR":
                            raise failures.of_status("watch", event["object"])
        except failures.Failure as failure:
            outcomes.append(type(failure).__name__)

    assert outcomes == ["Gone"]  # of the other one the server says nothing at all
