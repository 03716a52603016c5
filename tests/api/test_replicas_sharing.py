"""Two processes of ``turnfleet api``: what clients taught one is on its disk and with the other."""

import asyncio
import contextlib
import json
import time
from pathlib import Path

import aiohttp
from tests.support import apiservers, coturn, replicas, sharers

from turnfleet.kube import kinds
from turnfleet.learned import store

KNOWN = 300


def taught(place: replicas.Place) -> replicas.Place:
    """Have a replica's disk hold what clients taught it before."""
    kept = store.Store(place.state, fleet_key=bytes.fromhex(replicas.FLEET_KEY))
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


async def test_what_a_client_reports_to_one_replica_is_estimated_by_all(
    server: apiservers.ApiServer, tmp_path: Path
) -> None:
    relays = [replicas.a_relay(f"turn-eu-{n}", f"127.41.1.{n}") for n in (1, 2)]
    await replicas.publish(server, *relays)
    first, second = (replicas.a_place(tmp_path / name) for name in ("one", "two"))
    async with contextlib.AsyncExitStack() as stack:
        for relay in relays:
            [address] = relay["addresses"]
            await stack.enter_async_context(coturn.running(tmp_path / address, address))
        one = await stack.enter_async_context(replicas.running(first, server))
        peers = f"--peers=127.0.0.1:{one.metrics_port}"
        await one.until_relays("turn-eu-1", "turn-eu-2")
        _, answer = await one.ask(format="config", clientIp="81.2.69.160", country="DE")
        url = answer["iceServers"][0]["urls"][0]
        body = json.dumps({"rid": answer["rid"], "times": [{"url": url, "ms": 90}], "start": 1})
        async with (
            aiohttp.ClientSession(f"http://127.0.0.1:{one.port}") as session,
            session.post("/api/ice-report", data=body) as reply,
        ):
            assert reply.status == 204
        await until_known(one, 1)
        # Rounds are half a minute apart, but a replica's first one comes at its start.
        two = await stack.enter_async_context(replicas.running(second, server, peers))
        await two.until_relays("turn-eu-1", "turn-eu-2")
        await until_known(two, 1)
        explained = [
            (await replica.get("/api/explain?clientIp=81.2.69.160&country=DE"))[1]["regions"]
            for replica in (one, two)
        ]
        assert explained[0][0]["samples"] == 1
        assert explained[0][0]["estimate"] == explained[1][0]["estimate"]


async def test_what_clients_taught_last_outlives_the_replica_they_taught(
    server: apiservers.ApiServer, tmp_path: Path
) -> None:
    ends, stays = (replicas.a_place(tmp_path / name) for name in ("one", "two"))
    for place in (ends, stays):
        replicas.write_signing(place.signing)
    # Who stays asks nobody: what it comes to know it was told.
    async with replicas.running(stays, server) as two:
        peers = f"--peers=127.0.0.1:{two.metrics_port}"
        async with replicas.running(taught(ends), server, peers) as one:
            await until_known(one, KNOWN)
            assert await two.metric("turnfleet_learned_sources") == 0
        assert await two.metric("turnfleet_learned_sources") == KNOWN
        assert await two.metric("turnfleet_learned_left_total") == KNOWN


async def test_what_was_learned_under_another_fleet_key_is_forgotten(
    server: apiservers.ApiServer, tmp_path: Path
) -> None:
    place = replicas.a_place(tmp_path / "one")
    await replicas.publish(server)
    async with replicas.running(taught(place), server) as one:
        await until_known(one, KNOWN)
        await server.put(
            kinds.SECRET, replicas.a_secret({**replicas.SECRET, "fleet-key": "cd" * 32})
        )
        await until_known(one, 0)
    async with replicas.running(place, server) as again:
        await asyncio.sleep(1)
        assert await again.metric("turnfleet_learned_sources") == 0


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
    replicas.write_signing(place.signing)
    async with replicas.running(place, server) as one:
        async with asyncio.timeout(20):
            while await one.metric("turnfleet_learned_file_in_use"):  # noqa: ASYNC110 - a process
                await asyncio.sleep(0.05)
    assert one.log.read_text().count("kept in memory alone") == 1
