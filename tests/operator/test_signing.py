import asyncio
import base64
import random
import time
from collections.abc import Callable
from pathlib import Path

from aiohttp import web
from tests.support import apiservers, writing

from turnfleet.kube import client, kinds, signing


def _signing(
    api: client.Client, *, rng: random.Random, changed: Callable[[str], None] = print
) -> signing.Signing:
    return signing.Signing(
        api,
        namespace="turnfleet",
        name="turnfleet-signing",
        entropy=rng.randbytes,
        clock=time.monotonic,
        rng=rng,
        may_write=lambda: True,
        changed=changed,
        sleep=lambda seconds: asyncio.sleep(min(seconds, 0.02)),
    )


def _held(cluster: writing.Cluster) -> dict[str, str]:
    found = cluster.find(kinds.SECRET, "turnfleet-signing", namespace="turnfleet") or {}
    return {k: base64.b64decode(v).decode() for k, v in found.get("data", {}).items()}


async def test_the_fleet_key_is_made_once_and_survives_an_emptied_secret(
    cluster: writing.Cluster, tmp_path: Path
) -> None:
    empty = {"metadata": {"namespace": "turnfleet", "name": "turnfleet-signing"}}
    await cluster.put(kinds.SECRET, empty)
    rng = random.Random(5)  # noqa: S311 - the same in every run
    async with client.connected(cluster.kubeconfig(tmp_path), program="test") as api:
        kept = _signing(api, rng=rng)
        task = asyncio.create_task(kept.run())
        await asyncio.wait_for(kept.ready.wait(), 60)
        key, agent_key = _held(cluster)["fleet-key"], kept.agent_key
        kept.want("eu", b"the secret of eu")
        await cluster.until(lambda: "region.eu" in _held(cluster))
        await cluster.put(kinds.SECRET, empty)
        await cluster.until(lambda: len(_held(cluster)) == 2)
        task.cancel()
    assert _held(cluster) == {"fleet-key": key, "region.eu": "the secret of eu"}
    assert kept.agent_key == agent_key
    assert key not in repr(kept)


async def test_many_regions_are_few_writes_and_none_without_a_change(
    cluster: writing.Cluster, tmp_path: Path
) -> None:
    rng = random.Random(5)  # noqa: S311 - the same in every run
    async with client.connected(cluster.kubeconfig(tmp_path), program="test") as api:
        kept = _signing(api, rng=rng)
        task = asyncio.create_task(kept.run())
        await asyncio.wait_for(kept.ready.wait(), 60)
        for number in range(200):
            kept.want(f"region-{number}", b"some secret or other")
        await cluster.until(lambda: len(_held(cluster)) == 201)
        assert len(cluster.writes()) <= 3
        kept.keep_only([f"region-{number}" for number in range(100)])
        await cluster.until(lambda: len(_held(cluster)) == 101)
        cluster.asked.clear()
        for number in range(100):
            kept.want(f"region-{number}", b"some secret or other")
        kept.keep_only([f"region-{number}" for number in range(100)])
        await asyncio.sleep(0.2)
        assert cluster.writes() == []
        task.cancel()


async def test_a_write_that_fails_is_made_up_for(cluster: writing.Cluster, tmp_path: Path) -> None:
    refusals = [403, 409, 429, 500]

    def grudging(asked: apiservers.Asked) -> web.Response | None:
        if asked.verb == "get" or asked.verb in {"list", "watch"} or not refusals:
            return None
        return apiservers.status(refusals.pop(0), "No")

    cluster.fault = grudging
    rng = random.Random(5)  # noqa: S311 - the same in every run
    async with client.connected(cluster.kubeconfig(tmp_path), program="test") as api:
        kept = _signing(api, rng=rng)
        kept.want("eu", b"the secret of eu")
        task = asyncio.create_task(kept.run())
        await asyncio.wait_for(kept.ready.wait(), 60)
        await cluster.until(lambda: "region.eu" in _held(cluster))
        task.cancel()
    assert kept.trouble is None


async def test_what_is_signed_otherwise_is_told_once_it_is_written(
    cluster: writing.Cluster, tmp_path: Path
) -> None:
    rng = random.Random(5)  # noqa: S311 - the same in every run
    told: list[tuple[str, bytes | None]] = []
    async with client.connected(cluster.kubeconfig(tmp_path), program="test") as api:
        kept = _signing(api, rng=rng, changed=lambda name: told.append((name, kept.signed(name))))
        task = asyncio.create_task(kept.run())
        await asyncio.wait_for(kept.ready.wait(), 60)
        kept.want("eu", b"the first secret of eu")
        await cluster.until(lambda: kept.signed("eu") is not None)
        assert kept.signed("us") is None
        kept.want("eu", b"the second secret of eu")
        await cluster.until(lambda: bool(told))
        task.cancel()
    assert told == [("eu", b"the second secret of eu")], "the first one is news to nobody"
