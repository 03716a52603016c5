"""Watching: whatever happens to the API server, what is held is what it said last."""

import asyncio
import contextlib
import json
import random
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from tests.support import apiservers

from turnfleet.kube import client, holding, kinds, watching

QUICK = watching.Pace(first_wait=0.02, longest_wait=0.1, lasting=30, silence=1.0, least=0.2)


class Seen:
    """A running watch, and what it told."""

    def __init__(self) -> None:
        self.batches: list[tuple[holding.Change, ...]] = []
        self.watch: watching.Watch

    @property
    def names(self) -> set[str]:
        return {str(key) for key in self.watch.objects}

    @property
    def changes(self) -> list[tuple[str, bool, bool]]:
        """Return each change: whose, whether it was there, whether it is there."""
        return [
            (str(change.key), change.before is not None, change.after is not None)
            for batch in self.batches
            for change in batch
        ]


@pytest.fixture
async def server() -> AsyncIterator[apiservers.ApiServer]:
    async with apiservers.serving() as running:
        yield running


@pytest.fixture
def kubeconfig(server: apiservers.ApiServer, tmp_path: Path) -> Path:
    return server.kubeconfig(tmp_path)


@contextlib.asynccontextmanager
async def watched(
    kubeconfig: Path, *, pace: watching.Pace = QUICK, synced: bool = True, **more: Any
) -> AsyncIterator[Seen]:
    """Watch ConfigMaps until the block ends."""
    seen = Seen()
    async with client.connected(kubeconfig, program="tests") as api:
        seen.watch = watching.Watch(
            api,
            kinds.CONFIG_MAP,
            **{"namespaces": None, **more},
            changed=seen.batches.append,
            clock=time.monotonic,
            rng=random.Random(1),  # noqa: S311 - repeatable on purpose
            pace=pace,
        )
        running = asyncio.create_task(seen.watch.run())
        try:
            if synced:
                async with asyncio.timeout(5):
                    await seen.watch.synced.wait()
            yield seen
        finally:
            assert not running.done(), running.exception()
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running


def a_map(name: str, *, namespace: str = "media", text: str = "", **labels: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "data": {"text": text},
    }


async def test_what_is_there_comes_at_once_and_what_changes_later_one_by_one(
    server: apiservers.ApiServer, kubeconfig: Path
) -> None:
    for number in range(3):
        await server.put(kinds.CONFIG_MAP, a_map(f"old-{number}"))

    async with watched(kubeconfig) as seen:
        assert len(seen.batches) == 1
        assert len(seen.batches[0]) == 3
        await server.until(lambda: server.watches == 1)
        await server.put(kinds.CONFIG_MAP, a_map("new"))
        await server.put(kinds.CONFIG_MAP, a_map("new", text="changed"))
        await server.remove(kinds.CONFIG_MAP, "old-1", namespace="media")
        await server.until(lambda: len(seen.batches) == 4)

    assert seen.changes[3:] == [
        ("media/new", False, True),
        ("media/new", True, True),
        ("media/old-1", True, False),
    ]
    assert seen.names == {"media/old-0", "media/old-2", "media/new"}


async def test_a_view_is_not_touched_by_later_changes(
    server: apiservers.ApiServer, kubeconfig: Path
) -> None:
    await server.put(kinds.CONFIG_MAP, a_map("one"))
    async with watched(kubeconfig) as seen:
        before = seen.watch.objects
        await server.until(lambda: server.watches == 1)
        await server.remove(kinds.CONFIG_MAP, "one", namespace="media")
        await server.until(lambda: not seen.watch.objects)

    assert len(before) == 1


async def test_many_objects_come_in_pages_of_one_list(
    server: apiservers.ApiServer, kubeconfig: Path
) -> None:
    for number in range(1201):
        await server.put(kinds.CONFIG_MAP, a_map(f"map-{number}"))

    async with watched(kubeconfig) as seen:
        assert len(seen.watch.objects) == 1201

    assert server.count("list") == 3
    assert len(seen.batches) == 1


async def test_a_list_whose_pages_expire_is_asked_for_as_one(
    server: apiservers.ApiServer, kubeconfig: Path
) -> None:
    for number in range(600):
        await server.put(kinds.CONFIG_MAP, a_map(f"map-{number}"))
    server.fault = lambda asked: (
        apiservers.status(410, "Expired") if "continue" in asked.query else None
    )

    async with watched(kubeconfig) as seen:
        assert len(seen.watch.objects) == 600


async def test_namespaces_and_selectors_are_the_servers_business(
    server: apiservers.ApiServer, kubeconfig: Path
) -> None:
    await server.put(kinds.CONFIG_MAP, a_map("a", namespace="one", app="x"))
    await server.put(kinds.CONFIG_MAP, a_map("b", namespace="two", app="x"))
    await server.put(kinds.CONFIG_MAP, a_map("c", namespace="two"))
    await server.put(kinds.CONFIG_MAP, a_map("d", namespace="three", app="x"))

    async with watched(kubeconfig, namespaces=("one", "two"), labels="app=x") as seen:
        assert seen.names == {"one/a", "two/b"}
        assert seen.watch.has_listed("one")
        assert not seen.watch.has_listed("three")
    async with watched(kubeconfig, namespaces=("two",), fields="metadata.name=c") as seen:
        assert seen.names == {"two/c"}


async def test_one_forbidden_namespace_keeps_nobody_from_the_others(
    server: apiservers.ApiServer, kubeconfig: Path
) -> None:
    await server.put(kinds.CONFIG_MAP, a_map("a", namespace="one"))
    server.fault = lambda asked: (
        apiservers.status(403, "Forbidden", "no Role") if "/two/" in asked.path else None
    )

    async with watched(kubeconfig, namespaces=("one", "two"), synced=False) as seen:
        await server.until(lambda: seen.names == {"one/a"} and seen.watch.trouble is not None)
        assert "no Role" in str(seen.watch.trouble)
        assert not seen.watch.synced.is_set()
        server.fault = None
        async with asyncio.timeout(5):
            await seen.watch.synced.wait()
        await server.until(lambda: seen.watch.trouble is None)


async def test_a_watch_is_taken_up_where_it_broke_off(
    server: apiservers.ApiServer, kubeconfig: Path
) -> None:
    await server.put(kinds.CONFIG_MAP, a_map("one"))
    async with watched(kubeconfig) as seen:
        for number in range(10):
            await server.until(lambda: server.watches == 1)
            server.cut()
            await server.put(kinds.CONFIG_MAP, a_map(f"after-{number}"))
        await server.until(lambda: len(seen.watch.objects) == 11)

    assert server.count("list") == 1
    assert len(seen.changes) == 11


async def test_after_an_outage_only_what_changed_in_it_counts_as_changed(
    server: apiservers.ApiServer, kubeconfig: Path
) -> None:
    for number in range(1000):
        await server.put(kinds.CONFIG_MAP, a_map(f"map-{number}"))
    async with watched(kubeconfig) as seen:
        await server.until(lambda: server.watches == 1)
        server.fault = lambda _: apiservers.status(503, "ServiceUnavailable")
        server.cut()
        for number in range(100):
            await server.put(kinds.CONFIG_MAP, a_map(f"map-{number}", text="changed"))
        server.forget()
        await asyncio.sleep(0.3)
        assert len(seen.watch.objects) == 1000
        assert seen.watch.trouble is not None
        server.fault = None
        await server.until(lambda: seen.watch.trouble is None)

    assert len(seen.changes) == 1100
    assert {change[1:] for change in seen.changes[1000:]} == {(True, True)}


async def test_a_server_that_is_away_for_long_is_asked_ever_less_often(
    server: apiservers.ApiServer, kubeconfig: Path
) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await asyncio.sleep(0)

    await server.put(kinds.CONFIG_MAP, a_map("one"))
    pace = watching.Pace(first_wait=0.5, longest_wait=10)
    async with watched(kubeconfig, sleep=sleep, pace=pace) as seen:
        await server.until(lambda: server.watches == 1)
        server.fault = lambda _: apiservers.status(500, "InternalError")
        server.cut()
        await server.until(lambda: len(waits) > 30)
        assert seen.names == {"media/one"}

    assert waits[0] <= 0.5
    assert all(5 <= wait <= 10 for wait in waits[8:])
    assert len(set(waits)) == len(waits)


async def test_a_server_that_says_when_to_come_again_is_listened_to(
    server: apiservers.ApiServer, kubeconfig: Path
) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await asyncio.sleep(0.01)

    server.fault = lambda _: apiservers.status(429, "TooManyRequests", Retry_After="7")
    async with watched(kubeconfig, sleep=sleep, synced=False):
        await server.until(lambda: len(waits) > 3)

    assert min(waits) == 7


async def test_a_connection_that_says_nothing_more_is_left(
    server: apiservers.ApiServer, kubeconfig: Path
) -> None:
    async with watched(kubeconfig) as seen:
        await server.until(lambda: server.watches == 1)
        server.half_open()
        await server.put(kinds.CONFIG_MAP, a_map("unheard"))
        await server.until(lambda: seen.names == {"media/unheard"}, within=3)


@pytest.mark.parametrize(
    "sent",
    [
        b'{"type": "ADDED", "obj',
        b"not json\n",
        b"[1]\n",
        b"[" * 100_000 + b"\n",
        b'{"type": "ERROR", "object": {"kind": "Status", "code": 500}}\n',
        b'{"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired"}}\n',
        b'{"type": "ERROR", "object": "nonsense"}\n',
    ],
)
async def test_nonsense_ends_a_watch_and_loses_nothing(
    server: apiservers.ApiServer, kubeconfig: Path, sent: bytes
) -> None:
    async with watched(kubeconfig) as seen:
        await server.until(lambda: server.watches == 1)
        server.send_raw(sent)
        await asyncio.sleep(0.05)
        server.cut()
        await server.put(kinds.CONFIG_MAP, a_map("after"))
        await server.until(lambda: seen.names == {"media/after"})


@pytest.mark.parametrize(
    "event",
    [
        {"type": "ADDED"},
        {"type": 3, "object": {}},
        {"type": "ADDED", "object": {"metadata": {"name": ""}}},
        {"type": "ADDED", "object": {"metadata": [1]}},
        {"type": "INVENTED", "object": {"metadata": {"name": "x", "resourceVersion": "1"}}},
        {"type": "ADDED", "object": {"metadata": {"name": 3, "resourceVersion": {}}}},
    ],
)
async def test_events_that_make_no_sense_are_passed_over(
    server: apiservers.ApiServer, kubeconfig: Path, event: dict[str, Any]
) -> None:
    async with watched(kubeconfig) as seen:
        await server.until(lambda: server.watches == 1)
        server.send_raw(json.dumps(event).encode() + b"\n")
        await server.put(kinds.CONFIG_MAP, a_map("after"))
        await server.until(lambda: seen.names == {"media/after"})

    assert server.count("watch") == 1


async def test_what_comes_twice_or_late_changes_nothing(
    server: apiservers.ApiServer, kubeconfig: Path
) -> None:
    async with watched(kubeconfig) as seen:
        await server.until(lambda: server.watches == 1)
        old = await server.put(kinds.CONFIG_MAP, a_map("one", text="old"))
        new = await server.put(kinds.CONFIG_MAP, a_map("one", text="new"))
        gone = await server.put(kinds.CONFIG_MAP, a_map("gone"))
        await server.remove(kinds.CONFIG_MAP, "gone", namespace="media")
        for kind, found in (
            ("MODIFIED", new), ("MODIFIED", old), ("DELETED", old), ("ADDED", gone)
        ):  # fmt: skip
            server.send_raw(apiservers.line(kind, found))
        await server.put(kinds.CONFIG_MAP, a_map("last"))
        await server.until(lambda: "media/last" in seen.names)

    assert seen.watch.objects[holding.Key("media", "one")]["data"] == {"text": "new"}
    assert seen.names == {"media/one", "media/last"}
    assert len(seen.changes) == 5


async def test_a_server_restored_from_a_backup_is_believed(
    server: apiservers.ApiServer, kubeconfig: Path
) -> None:
    await server.put(kinds.CONFIG_MAP, a_map("lost"))
    async with watched(kubeconfig) as seen:
        await server.until(lambda: server.watches == 1)
        await server.remove(kinds.CONFIG_MAP, "lost", namespace="media")
        await server.put(kinds.CONFIG_MAP, a_map("kept"))
        await server.until(lambda: seen.names == {"media/kept"})

        def too_new(asked: apiservers.Asked) -> web.Response | None:
            if asked.verb == "watch" and int(asked.query["resourceVersion"]) > 500:
                return apiservers.status(504, "Timeout", "Too large resource version")
            return None

        server.fault = too_new
        server._version = 400  # noqa: SLF001 - as an older etcd has it
        server.cut()
        await server.until(lambda: server.count("list") == 2)
        server.fault = None
        await server.until(lambda: seen.watch.trouble is None)


async def test_a_server_that_went_back_in_time_is_noticed_by_its_bookmarks(
    server: apiservers.ApiServer, kubeconfig: Path
) -> None:
    await server.put(kinds.CONFIG_MAP, a_map("one"))
    async with watched(kubeconfig) as seen:
        await server.until(lambda: server.watches == 1)
        server.send_raw(apiservers.line("BOOKMARK", {"metadata": {"resourceVersion": "5"}}))
        await server.until(lambda: server.count("list") == 2)
        await server.until(lambda: seen.watch.trouble is None)

    assert len(seen.changes) == 1


async def test_who_asks_is_said_with_every_request(
    server: apiservers.ApiServer, kubeconfig: Path
) -> None:
    async with watched(kubeconfig):
        await server.until(lambda: server.watches == 1)

    for asked in server.asked:
        assert asked.headers["User-Agent"] == "tests"
        assert asked.headers["Authorization"] == f"Bearer {apiservers.TOKEN}"
