"""Watching: what is held is what the API server said last, and each change is told once."""

import asyncio
from pathlib import Path

from tests.support import apiservers, watches

from turnfleet.kube import holding, kinds


async def test_what_is_there_comes_at_once_and_what_changes_later_one_by_one(
    server: apiservers.ApiServer, kubeconfig: Path
) -> None:
    for number in range(3):
        await server.put(kinds.CONFIG_MAP, watches.a_map(f"old-{number}"))

    async with watches.watched(kubeconfig) as seen:
        assert len(seen.batches) == 1
        assert len(seen.batches[0]) == 3
        await server.until(lambda: server.watches == 1)
        await server.put(kinds.CONFIG_MAP, watches.a_map("new"))
        await server.put(kinds.CONFIG_MAP, watches.a_map("new", text="changed"))
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
    await server.put(kinds.CONFIG_MAP, watches.a_map("one"))
    async with watches.watched(kubeconfig) as seen:
        before = seen.watch.objects
        await server.until(lambda: server.watches == 1)
        await server.remove(kinds.CONFIG_MAP, "one", namespace="media")
        await server.until(lambda: not seen.watch.objects)

    assert len(before) == 1


async def test_many_objects_come_in_pages_of_one_list(
    server: apiservers.ApiServer, kubeconfig: Path
) -> None:
    for number in range(1201):
        await server.put(kinds.CONFIG_MAP, watches.a_map(f"map-{number}"))

    async with watches.watched(kubeconfig) as seen:
        assert len(seen.watch.objects) == 1201

    assert server.count("list") == 3
    assert len(seen.batches) == 1


async def test_a_list_whose_pages_expire_is_asked_for_as_one(
    server: apiservers.ApiServer, kubeconfig: Path
) -> None:
    for number in range(600):
        await server.put(kinds.CONFIG_MAP, watches.a_map(f"map-{number}"))
    server.fault = lambda asked: (
        apiservers.status(410, "Expired") if "continue" in asked.query else None
    )

    async with watches.watched(kubeconfig) as seen:
        assert len(seen.watch.objects) == 600


async def test_namespaces_and_selectors_are_the_servers_business(
    server: apiservers.ApiServer, kubeconfig: Path
) -> None:
    await server.put(kinds.CONFIG_MAP, watches.a_map("a", namespace="one", app="x"))
    await server.put(kinds.CONFIG_MAP, watches.a_map("b", namespace="two", app="x"))
    await server.put(kinds.CONFIG_MAP, watches.a_map("c", namespace="two"))
    await server.put(kinds.CONFIG_MAP, watches.a_map("d", namespace="three", app="x"))

    async with watches.watched(kubeconfig, namespaces=("one", "two"), labels="app=x") as seen:
        assert seen.names == {"one/a", "two/b"}
        assert seen.watch.has_listed("one")
        assert not seen.watch.has_listed("three")
    async with watches.watched(kubeconfig, namespaces=("two",), fields="metadata.name=c") as seen:
        assert seen.names == {"two/c"}


async def test_one_forbidden_namespace_keeps_nobody_from_the_others(
    server: apiservers.ApiServer, kubeconfig: Path
) -> None:
    await server.put(kinds.CONFIG_MAP, watches.a_map("a", namespace="one"))
    server.fault = lambda asked: (
        apiservers.status(403, "Forbidden", "no Role") if "/two/" in asked.path else None
    )

    async with watches.watched(kubeconfig, namespaces=("one", "two"), synced=False) as seen:
        await server.until(lambda: seen.names == {"one/a"} and seen.watch.trouble is not None)
        assert "no Role" in str(seen.watch.trouble)
        assert not seen.watch.synced.is_set()
        server.fault = None
        async with asyncio.timeout(60):
            await seen.watch.synced.wait()
        await server.until(lambda: seen.watch.trouble is None)


async def test_what_comes_twice_or_late_changes_nothing(
    server: apiservers.ApiServer, kubeconfig: Path
) -> None:
    async with watches.watched(kubeconfig) as seen:
        await server.until(lambda: server.watches == 1)
        old = await server.put(kinds.CONFIG_MAP, watches.a_map("one", text="old"))
        new = await server.put(kinds.CONFIG_MAP, watches.a_map("one", text="new"))
        gone = await server.put(kinds.CONFIG_MAP, watches.a_map("gone"))
        await server.remove(kinds.CONFIG_MAP, "gone", namespace="media")
        for kind, found in (
            ("MODIFIED", new), ("MODIFIED", old), ("DELETED", old), ("ADDED", gone)
        ):  # fmt: skip
            server.send_raw(apiservers.line(kind, found))
        await server.put(kinds.CONFIG_MAP, watches.a_map("last"))
        await server.until(lambda: "media/last" in seen.names)

    assert seen.watch.objects[holding.Key("media", "one")]["data"] == {"text": "new"}
    assert seen.names == {"media/one", "media/last"}
    assert len(seen.changes) == 5


async def test_who_asks_is_said_with_every_request(
    server: apiservers.ApiServer, kubeconfig: Path
) -> None:
    async with watches.watched(kubeconfig):
        await server.until(lambda: server.watches == 1)

    for asked in server.asked:
        assert asked.headers["User-Agent"] == "tests"
        assert asked.headers["Authorization"] == f"Bearer {apiservers.TOKEN}"
