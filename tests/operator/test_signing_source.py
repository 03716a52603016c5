"""What an endpoint signs with, from a mounted folder and from the API server: the newest wins."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator
from pathlib import Path

from tests.support import apiservers, replicas

from turnfleet.kube import client, kinds
from turnfleet.sources import signing

NEW = {**replicas.SECRET, "region.eu": "a new secret of the tests"}
NEWER = {**replicas.SECRET, "region.eu": "a newer secret of the tests"}


@contextlib.asynccontextmanager
async def following(
    server: apiservers.ApiServer, tmp_path: Path, folder: Path
) -> AsyncIterator[signing.Signing]:
    async with client.connected(server.kubeconfig(tmp_path), program="tests") as api:
        source = signing.Signing(
            folder=folder,
            api=api,
            secret=("turnfleet", "turnfleet-signing"),
            changed=lambda: None,
            clock=time.monotonic,
            rng=random.Random(1),  # noqa: S311 - repeatable on purpose
            look_every=0.05,
        )
        source.look()
        running = asyncio.create_task(source.run())
        try:
            yield source
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running


def signs_with(source: signing.Signing) -> str | None:
    if source.keys is None or "eu" not in source.keys.regions:
        return None
    return source.keys.regions["eu"].value.decode()


async def test_the_api_server_is_believed_before_a_folder_that_is_late(tmp_path: Path) -> None:
    folder = tmp_path / "signing"
    replicas.write_signing(folder)
    async with apiservers.serving() as server:
        await server.put(kinds.SECRET, replicas.a_secret(NEW))
        async with following(server, tmp_path, folder) as source:
            assert signs_with(source) == replicas.SECRET["region.eu"]
            await server.until(lambda: signs_with(source) == NEW["region.eu"])
            replicas.write_signing(folder, NEWER)
            await asyncio.sleep(0.3)
            assert signs_with(source) == NEW["region.eu"]


async def test_a_folder_that_changes_while_the_api_server_is_away_is_newer(tmp_path: Path) -> None:
    folder = tmp_path / "signing"
    replicas.write_signing(folder)
    async with apiservers.serving() as server:
        await server.put(kinds.SECRET, replicas.a_secret(NEW))
        async with following(server, tmp_path, folder) as source:
            await server.until(lambda: signs_with(source) == NEW["region.eu"])
            server.fault = lambda _: apiservers.status(503, "ServiceUnavailable")
            server.cut()
            await asyncio.sleep(0.3)
            assert signs_with(source) == NEW["region.eu"]
            replicas.write_signing(folder, NEWER)
            await server.until(lambda: signs_with(source) == NEWER["region.eu"])


async def test_an_emptied_or_deleted_secret_takes_nothing_away(tmp_path: Path) -> None:
    folder = tmp_path / "signing"
    folder.mkdir()
    async with apiservers.serving() as server, following(server, tmp_path, folder) as source:
        assert source.keys is None
        await server.until(lambda: server.watches == 1)
        await server.put(kinds.SECRET, replicas.a_secret())
        await server.until(lambda: source.keys is not None)
        await server.put(kinds.SECRET, replicas.a_secret({}))
        await server.until(lambda: bool(source.complaints))
        await server.remove(kinds.SECRET, "turnfleet-signing", namespace="turnfleet")
        await asyncio.sleep(0.2)
        assert signs_with(source) == replicas.SECRET["region.eu"]
        assert "the operator fills it" in source.complaints[0]
