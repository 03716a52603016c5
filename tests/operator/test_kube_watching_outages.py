"""Watching: whatever happens to the API server, nothing that it said is lost."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from tests.support import apiservers, watches

from turnfleet.kube import kinds, watching


async def test_a_watch_is_taken_up_where_it_broke_off(
    server: apiservers.ApiServer, kubeconfig: Path
) -> None:
    await server.put(kinds.CONFIG_MAP, watches.a_map("one"))
    async with watches.watched(kubeconfig) as seen:
        for number in range(10):
            await server.until(lambda: server.watches == 1)
            server.cut()
            await server.put(kinds.CONFIG_MAP, watches.a_map(f"after-{number}"))
        await server.until(lambda: len(seen.watch.objects) == 11)

    assert server.count("list") == 1
    assert len(seen.changes) == 11


async def test_after_an_outage_only_what_changed_in_it_counts_as_changed(
    server: apiservers.ApiServer, kubeconfig: Path
) -> None:
    for number in range(1000):
        await server.put(kinds.CONFIG_MAP, watches.a_map(f"map-{number}"))
    async with watches.watched(kubeconfig) as seen:
        await server.until(lambda: server.watches == 1)
        server.fault = lambda _: apiservers.status(503, "ServiceUnavailable")
        server.cut()
        for number in range(100):
            await server.put(kinds.CONFIG_MAP, watches.a_map(f"map-{number}", text="changed"))
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

    await server.put(kinds.CONFIG_MAP, watches.a_map("one"))
    pace = watching.Pace(first_wait=0.5, longest_wait=10)
    async with watches.watched(kubeconfig, sleep=sleep, pace=pace) as seen:
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
    async with watches.watched(kubeconfig, sleep=sleep, synced=False):
        await server.until(lambda: len(waits) > 3)

    assert min(waits) == 7


async def test_a_connection_that_says_nothing_more_is_left(
    server: apiservers.ApiServer, kubeconfig: Path
) -> None:
    async with watches.watched(kubeconfig) as seen:
        await server.until(lambda: server.watches == 1)
        server.half_open()
        await server.put(kinds.CONFIG_MAP, watches.a_map("unheard"))
        await server.until(lambda: seen.names == {"media/unheard"})


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
    async with watches.watched(kubeconfig) as seen:
        await server.until(lambda: server.watches == 1)
        server.send_raw(sent)
        await asyncio.sleep(0.05)
        server.cut()
        await server.put(kinds.CONFIG_MAP, watches.a_map("after"))
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
    async with watches.watched(kubeconfig) as seen:
        await server.until(lambda: server.watches == 1)
        server.send_raw(json.dumps(event).encode() + b"\n")
        await server.put(kinds.CONFIG_MAP, watches.a_map("after"))
        await server.until(lambda: seen.names == {"media/after"})

    assert server.count("watch") == 1


async def test_a_server_restored_from_a_backup_is_believed(
    server: apiservers.ApiServer, kubeconfig: Path
) -> None:
    await server.put(kinds.CONFIG_MAP, watches.a_map("lost"))
    async with watches.watched(kubeconfig) as seen:
        await server.until(lambda: server.watches == 1)
        await server.remove(kinds.CONFIG_MAP, "lost", namespace="media")
        await server.put(kinds.CONFIG_MAP, watches.a_map("kept"))
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
    await server.put(kinds.CONFIG_MAP, watches.a_map("one"))
    async with watches.watched(kubeconfig) as seen:
        await server.until(lambda: server.watches == 1)
        server.send_raw(apiservers.line("BOOKMARK", {"metadata": {"resourceVersion": "5"}}))
        await server.until(lambda: server.count("list") == 2)
        await server.until(lambda: seen.watch.trouble is None)

    assert len(seen.changes) == 1
