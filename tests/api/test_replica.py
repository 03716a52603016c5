"""``turnfleet api`` beside a cluster: real processes, real relays, and an API server that goes."""

import asyncio
import contextlib
import json
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from tests.support import apiservers, coturn, replicas

from turnfleet import cli
from turnfleet.kube import kinds

ADDRESSES = ("127.40.1.1", "127.40.1.2")
RELAYS = tuple(replicas.a_relay(f"turn-eu-{n}", a) for n, a in enumerate(ADDRESSES, 1))
NAMES = ("turn-eu-1", "turn-eu-2")


@pytest_asyncio.fixture
async def pair(tmp_path: Path) -> AsyncIterator[None]:
    async with contextlib.AsyncExitStack() as stack:
        for address in ADDRESSES:
            await stack.enter_async_context(coturn.running(tmp_path / address, address))
        yield


@pytest.fixture
def place(tmp_path: Path) -> replicas.Place:
    return replicas.a_place(tmp_path / "pod")


@pytest.mark.usefixtures("pair")
async def test_a_replica_is_ready_once_it_has_keys_and_a_fleet_that_it_has_tried(
    server: apiservers.ApiServer, place: replicas.Place
) -> None:
    async with replicas.running(place, server) as replica:
        assert "nothing to sign with" in await replica.until("/readyz", 503)
        await server.put(kinds.SECRET, replicas.a_secret())
        await asyncio.sleep(0.3)
        assert "No region is known" in await replica.until("/readyz", 503)
        await server.put(kinds.TURN_REGION, replicas.a_turnregion("eu", *RELAYS))
        began = time.monotonic()
        await replica.until("/readyz", 200)
        assert time.monotonic() - began < 10
        await replica.until_relays(*NAMES)
        status, answer = await replica.ask()

    assert status == 200
    assert [url for role in answer for url in role["urls"]]


@pytest.mark.usefixtures("pair")
async def test_what_the_operator_writes_is_answered_within_a_moment(
    server: apiservers.ApiServer, place: replicas.Place
) -> None:
    await replicas.publish(server, *RELAYS)
    async with replicas.running(place, server) as replica:
        await replica.until_relays(*NAMES)
        draining = {**RELAYS[0], "state": "Draining"}
        await server.put(kinds.TURN_REGION, replicas.a_turnregion("eu", draining, RELAYS[1]))
        await replica.until_relays("turn-eu-2")
        going = replicas.a_turnregion("eu", *RELAYS, deletionTimestamp="2026-01-01T00:00:00Z")
        await server.put(kinds.TURN_REGION, going)
        await replica.until_relays()
        await server.remove(kinds.TURN_REGION, "eu", namespace="media")
        await server.put(kinds.TURN_REGION, replicas.a_turnregion("eu", *RELAYS))
        await replica.until_relays(*NAMES)


@pytest.mark.usefixtures("pair")
async def test_an_invalid_edit_changes_nothing_but_says_so(
    server: apiservers.ApiServer, place: replicas.Place
) -> None:
    await replicas.publish(server, *RELAYS)
    async with replicas.running(place, server) as replica:
        await replica.until_relays(*NAMES)
        broken = replicas.a_turnregion("eu", *RELAYS, spec={"realm": "not a realm"})
        await server.put(kinds.TURN_REGION, broken)
        await asyncio.sleep(0.5)
        await replica.until_relays(*NAMES)
        assert await replica.metric("turnfleet_source_complaints") == 1

    assert "invalid, so it stays as it was valid last" in place.root.joinpath("log").read_text()


@pytest.mark.usefixtures("pair")
async def test_a_browser_reports_to_a_replica_without_a_key(
    server: apiservers.ApiServer, place: replicas.Place
) -> None:
    await replicas.publish(server, *RELAYS)
    async with replicas.running(place, server) as replica:
        await replica.until_relays(*NAMES)
        _, answer = await replica.ask(format="config")
        body = json.dumps({"rid": answer["rid"], "outcome": "connected"})
        async with (
            aiohttp.ClientSession(f"http://127.0.0.1:{replica.port}") as session,
            session.post("/api/ice-report", data=body) as reply,
        ):
            assert reply.status == 204
        assert await replica.metric("turnfleet_reports_accepted_total") == 1


@pytest.mark.usefixtures("pair")
async def test_without_the_api_server_the_last_known_fleet_is_answered_even_after_a_restart(
    place: replicas.Place,
) -> None:
    async with apiservers.serving() as server:
        await replicas.publish(server, *RELAYS)
        replicas.write_signing(place.signing)
        async with replicas.running(place, server) as replica:
            await replica.until_relays(*NAMES)
            _, before = await replica.ask(user="somebody")
            await asyncio.sleep(0.2)
            remembered = (place.state / "fleet.json").read_text()
            port = int(server.url.rpartition(":")[2])
    stored = server
    async with replicas.running(place, stored) as replica:
        await replica.until("/readyz", 200)
        await replica.until_relays(*NAMES)
        _, after = await replica.ask(user="somebody")
        assert await replica.metric("turnfleet_source_silence_seconds") > 0
        async with apiservers.serving(stored, port=port):
            await stored.put(kinds.TURN_REGION, replicas.a_turnregion("eu", RELAYS[1]))
            await replica.until_relays("turn-eu-2")

    assert [role["urls"] for role in before] == [role["urls"] for role in after]
    for value in replicas.SECRET.values():
        assert value not in remembered
        assert value not in place.root.joinpath("log").read_text()


@pytest.mark.usefixtures("pair")
async def test_replicas_agree_without_talking(server: apiservers.ApiServer, tmp_path: Path) -> None:
    await replicas.publish(server, *RELAYS)
    one, other = (replicas.a_place(tmp_path / name) for name in ("one", "other"))
    async with replicas.running(one, server) as first, replicas.running(other, server) as second:
        for replica in (first, second):
            await replica.until_relays(*NAMES)
        for user in ("ada", "grace", "edsger", "barbara"):
            answers = [(await each.ask(user=user, ttl="600"))[1] for each in (first, second)]
            said = [
                [(role["urls"], role["username"].partition(":")[2]) for role in answer]
                for answer in answers
            ]
            assert said[0] == said[1]


@pytest.mark.usefixtures("pair")
async def test_api_keys_come_and_go_while_it_runs(
    server: apiservers.ApiServer, place: replicas.Place
) -> None:
    await replicas.publish(server, *RELAYS)
    async with replicas.running(place, server) as replica:
        await replica.until_relays(*NAMES)
        assert (await replica.get("/api/get-ice-servers", key=None))[0] == 401
        assert (await replica.get("/api/get-ice-servers", key="wrong"))[0] == 401
        replicas.write_keys(place.keys, first=replicas.KEY, second="the second key")
        await until(lambda: asking(replica, "the second key"), 200)
        assert await asking(replica, replicas.KEY) == 200
        replicas.write_keys(place.keys, second="the second key")
        await until(lambda: asking(replica, replicas.KEY), 401)
        assert await asking(replica, "the second key") == 200


@pytest.mark.usefixtures("pair")
async def test_another_secret_of_a_region_is_signed_with_at_once(
    server: apiservers.ApiServer, place: replicas.Place
) -> None:
    await replicas.publish(server, *RELAYS)
    async with replicas.running(place, server) as replica:
        await replica.until_relays(*NAMES)
        wrong = {**replicas.SECRET, "region.eu": "another secret of the tests"}
        await server.put(kinds.SECRET, replicas.a_secret(wrong))
        await replica.until_relays()
        await server.put(kinds.SECRET, replicas.a_secret())
        await replica.until_relays(*NAMES)
        await server.put(kinds.SECRET, replicas.a_secret({}))
        await asyncio.sleep(0.5)
        await replica.until_relays(*NAMES)


async def test_told_to_end_it_is_unready_at_once_and_goes_on_for_a_while(
    server: apiservers.ApiServer, place: replicas.Place
) -> None:
    async with replicas.running(place, server, delay="5") as replica:
        replica.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        body = ""
        while "ending" not in body:
            _, body = await replica.get("/readyz")
            assert time.monotonic() - began < 4.9
        assert (await replica.get("/healthz"))[0] == 200
        await replica.process.wait()
        assert 4.9 < time.monotonic() - began < 60


async def test_a_second_signal_does_not_wait(
    server: apiservers.ApiServer, place: replicas.Place
) -> None:
    async with replicas.running(place, server, delay="60") as replica:
        replica.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.5)
        replica.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(40):
            await replica.process.wait()


@pytest.mark.usefixtures("pair")
async def test_pages_of_listed_origins_ask_without_a_key_in_open_access(
    server: apiservers.ApiServer, place: replicas.Place
) -> None:
    await replicas.publish(server, *RELAYS)
    flags = ("--access=open", "--origin=https://app.example")
    async with replicas.running(place, server, *flags) as replica:
        await replica.until_relays(*NAMES)
        assert (await replica.get("/api/get-ice-servers", key=None))[0] == 200
        assert (await replica.get("/metrics", key=None))[0] == 404
        assert await replica.metric("turnfleet_requests_from_private_addresses_total") == 1
        assert await replica.metric("turnfleet_requests_without_key_total") == 1


@pytest.mark.usefixtures("pair")
async def test_a_relay_is_named_by_a_certificate_of_the_given_ca(
    server: apiservers.ApiServer, place: replicas.Place, tmp_path: Path
) -> None:
    authority = coturn.authority()
    (tmp_path / "ca.pem").write_text(authority.pem)
    address = "127.40.1.3"
    certificate = authority.issue(tmp_path / address, [address])
    relay = replicas.a_relay("tls", address, ports={"tls": 5349})
    await replicas.publish(server, relay)
    async with (
        coturn.running(tmp_path / address, address, certificate=certificate),
        replicas.running(place, server, f"--ca={tmp_path / 'ca.pem'}") as replica,
    ):
        await replica.until_relays("tls")
        _, answer = await replica.ask()

    assert answer[0]["urls"] == [f"turns:{address}:5349?transport=tcp"]


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (("--namespace=a",), "nothing to sign with"),
        (("--namespace=a", "--signing=x"), "needs --api-keys"),
        (("--namespace=a", "--signing=x", "--access=open"), "--origin URL"),
        (("--namespace=a", "--all-namespaces"), "not allowed with"),
        ((), "required"),
        (("--namespace=A",), "not the name of a namespace"),
        (("--namespace=a", "--origin=https://x/y"), "not like https://app.example.com"),
        (("--namespace=a", "--trusted-proxy=10.0.0.1/8"), "not like 10.0.0.0/8"),
        (("--namespace=a", "--listen=here"), "not like 0.0.0.0:8080"),
        (("--namespace=a", "--signing-secret=x"), "not like turnfleet/turnfleet-signing"),
    ],
)
def test_flags_that_cannot_work_are_refused_with_a_sentence(
    flags: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = cli.main(["api", *flags])
    except SystemExit as ended:
        code = int(ended.code or 0)

    assert code == 2
    assert sentence in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [(("--kubeconfig=x",), "not lead to a clus"), ((), "this pod's service account")],
)
async def test_a_start_without_a_cluster_is_refused_with_a_sentence(
    flags: tuple[str, ...], sentence: str, tmp_path: Path
) -> None:
    process = await asyncio.create_subprocess_exec(
        *replicas.COMMAND, "--namespace=a", "--signing=x", "--api-keys=x", *flags,
        cwd=tmp_path, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, error = await process.communicate()

    assert process.returncode == 2
    assert sentence in " ".join(error.decode().split())


async def asking(replica: replicas.Replica, key: str) -> int:
    return (await replica.get("/api/get-ice-servers", key=key))[0]


async def until(ask: Callable[[], Awaitable[int]], status: int) -> None:
    async with asyncio.timeout(60):
        while await ask() != status:  # noqa: ASYNC110 - another process decides
            await asyncio.sleep(0.1)
