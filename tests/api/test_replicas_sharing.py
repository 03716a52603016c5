"""Two processes of ``turnfleet api``: what clients taught one is on its disk and with the other."""

import asyncio
import time
from pathlib import Path

from tests.support import apiservers, replicas, sharers

from turnfleet.learned import store

KNOWN = 300


def taught(place: replicas.Place) -> replicas.Place:
    """Have a replica's disk hold what clients taught it before."""
    kept = store.Store(place.state)
    kept.save(sharers.records(KNOWN))
    kept.close()
    return place


async def until_known(replica: replicas.Replica, count: int) -> None:
    began = time.monotonic()
    while await replica.metric("turnfleet_learned_sources") != count:
        assert time.monotonic() - began < 20, replica.log.read_text()
        await asyncio.sleep(0.05)


async def test_what_one_replica_knows_reaches_another_and_its_disk(
    server: apiservers.ApiServer, tmp_path: Path
) -> None:
    first, second = (replicas.a_place(tmp_path / name) for name in ("one", "two"))
    for place in (first, second):
        replicas.write_signing(place.signing)
    async with replicas.running(taught(first), server) as one:
        peers = f"--peers=127.0.0.1:{one.metrics_port}"
        async with replicas.running(second, server, peers) as two:
            await until_known(two, KNOWN)
            assert await two.metric("turnfleet_learned_facts") == 2 * KNOWN
            assert await two.metric("turnfleet_learned_peers") == 1
            # The port of clients tells nobody, since no other cluster is named.
            assert (await one.get("/api/learned"))[0] == 404
            assert (await one.get("/api/learned", port=one.metrics_port))[0] == 401
    async with replicas.running(second, server) as again:
        await until_known(again, KNOWN)
        assert await again.metric("turnfleet_learned_file_in_use") == 1


async def test_another_cluster_is_told_at_the_port_of_clients(
    server: apiservers.ApiServer, tmp_path: Path
) -> None:
    place = replicas.a_place(tmp_path / "one")
    async with replicas.running(place, server, "--peers=https://127.0.0.1:1") as one:
        status, told = await one.get("/api/learned")
        assert status == 503
        assert "no fleet key yet" in told["detail"]


async def test_without_a_disk_it_goes_on_and_says_so_once(
    server: apiservers.ApiServer, tmp_path: Path
) -> None:
    place = replicas.a_place(tmp_path / "one")
    place.state.touch()
    async with replicas.running(place, server) as one:
        await one.until("/healthz", 200)
        assert await one.metric("turnfleet_learned_file_in_use") == 0
    assert one.log.read_text().count("kept in memory alone") == 1
