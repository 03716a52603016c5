"""``turnfleet run`` as a whole, with real coturn: edits, crashes, ends."""

import asyncio
import contextlib
import os
import signal
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.support import machine

from turnrelay import turn

BLOCK = 50
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fleet(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[machine.Machine]:
    """Two regions, east and west, that every test leaves as it found them."""
    folder = tmp_path_factory.mktemp("regions")
    machine.manifest("east", file=folder / "east.yaml")
    machine.manifest("west", file=folder / "west.yaml")
    state = tmp_path_factory.mktemp("state")
    async with machine.running(folder, state=state, block=BLOCK) as running:
        yield running


async def allocate(url: str, server: dict[str, Any], *, authority: Path) -> str:
    """Make an allocation as a browser would; return its relayed address."""
    scheme, _, rest = url.partition(":")
    place, _, query = rest.partition("?")
    address, _, port = place.rpartition(":")
    asked = turn.Server(
        address=address,
        port=int(port),
        transport=turn.Transport("tls" if scheme == "turns" else query.removeprefix("transport=")),
        context=ssl.create_default_context(cafile=str(authority)),
    )
    async with turn.connect(asked, timeout=3) as connection:
        allocation = await connection.allocate(
            username=server["username"], password=server["credential"]
        )
        await allocation.release()
        return str(allocation.relayed[0])


async def test_every_url_of_every_region_takes_an_allocation(fleet: machine.Machine) -> None:
    for region in ("east", "west"):
        answer = await fleet.ask(region=region, profile="full")
        assert [server["urls"] for server in answer]
        for server in answer:
            for url in server["urls"]:
                if url.startswith("turn"):
                    relayed = await allocate(url, server, authority=fleet.authority)
                    assert relayed in url


async def test_a_new_region_serves_and_a_deleted_one_ends_without_touching_others(
    fleet: machine.Machine,
) -> None:
    before = fleet.pids()
    file = fleet.folder / "new.yaml"
    machine.manifest("new", file=file)
    await fleet.all_ready([*before, "new-1", "new-2"])
    answer = await fleet.ask(region="new")
    await allocate(answer[0]["urls"][0], answer[0], authority=fleet.authority)
    file.unlink()
    await fleet.all_ready([*before])
    await until(lambda: fleet.pids() == before)


async def test_a_live_edit_restarts_nothing(fleet: machine.Machine) -> None:
    before = await fleet.relays()
    file = fleet.folder / "east.yaml"
    machine.manifest("east", file=file, limits={"allocationsPerUser": 1})
    answer = await fleet.ask(region="east", user="somebody")
    await until_two_allocations(answer[0], end_in=486)
    machine.manifest("east", file=file)
    await until_two_allocations(answer[0], end_in=None)
    assert await fleet.relays() == before


async def test_a_certificate_that_is_issued_anew_is_served_and_restarts_nothing(
    fleet: machine.Machine,
) -> None:
    before = await fleet.relays()
    context = ssl.create_default_context(cafile=str(fleet.authority))
    addresses = [relay.address for relay in before.values()]
    first = [await shown(address, context) for address in addresses]
    (fleet.state / "tls" / "turn-tls" / "tls.crt").write_text("spoilt")
    deadline = time.monotonic() + 10
    while any([await shown(address, context) in first for address in addresses]):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)
    assert await fleet.relays() == before
    answer = await fleet.ask(region="east", profile="tcp443")
    assert [url for server in answer for url in server["urls"] if url.startswith("turns:")]


async def shown(address: str, context: ssl.SSLContext) -> bytes | None:
    """Return the leaf that a verifying client is shown."""
    _, writer = await asyncio.open_connection(address, 5349, ssl=context)
    held: ssl.SSLObject = writer.get_extra_info("ssl_object")
    leaf = held.getpeercert(binary_form=True)
    writer.close()
    return leaf


async def test_an_edit_of_ports_replaces_one_relay_at_a_time(fleet: machine.Machine) -> None:
    before = fleet.pids()
    file = fleet.folder / "west.yaml"
    machine.manifest("west", file=file, listeners={"udp": {"port": 4478}})
    fewest = 2
    while not all(fleet.pids().get(name, old) != old for name, old in west(before).items()):
        fewest = min(fewest, len(west(fleet.pids())))
        await asyncio.sleep(0.05)
    await fleet.all_ready([*before])
    assert fewest >= 1, "one of the two always runs"
    assert {relay.listeners["udp"] for relay in (await fleet.relays()).values()} == {3478, 4478}
    assert east(fleet.pids()) == east(before)
    moved = fleet.pids()
    machine.manifest("west", file=file)
    await until(lambda: not west(fleet.pids()).items() & west(moved).items())
    await fleet.all_ready([*before])


def west(pids: dict[str, int]) -> dict[str, int]:
    return {name: pid for name, pid in pids.items() if name.startswith("west")}


def east(pids: dict[str, int]) -> dict[str, int]:
    return {name: pid for name, pid in pids.items() if name.startswith("east")}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("spec: [", "east.yaml:2: "),
        ("", "east.yaml holds no TurnRegion"),
    ],
)
async def test_a_broken_file_disturbs_nothing(fleet: machine.Machine, text: str, said: str) -> None:
    before = await fleet.relays()
    (fleet.folder / "east.yaml").write_text(text)
    await fleet.hears(said)
    await asyncio.sleep(1.5)
    assert await fleet.relays() == before
    machine.manifest("east", file=fleet.folder / "east.yaml")
    await fleet.hears(f"No longer so: {said}")
    assert await fleet.relays() == before


@contextlib.contextmanager
def extra(fleet: machine.Machine, name: str, **spec: object) -> Iterator[None]:
    """Put a manifest beside the others for a while."""
    file = fleet.folder / "extra.yaml"
    machine.manifest(name, file=file, **spec)
    try:
        yield
    finally:
        file.unlink()


async def test_a_second_region_of_one_name_is_refused_and_disturbs_nothing(
    fleet: machine.Machine,
) -> None:
    before = await fleet.relays()
    with extra(fleet, "east", weight=1):
        await fleet.hears("NameTaken: extra.yaml declares region east")
        assert await fleet.relays() == before


async def test_a_region_whose_secret_is_missing_waits_for_it(fleet: machine.Machine) -> None:
    before = fleet.pids()
    secret = fleet.state / "secrets" / "mine"
    with extra(fleet, "named", auth={"secretName": "mine"}):
        await fleet.hears(f"there is no file {secret}")
        secret.touch(mode=0o600)
        secret.write_text("a secret of my own\n")
        await fleet.all_ready([*before, "named-1", "named-2"])
        answer = await fleet.ask(region="named")
        await allocate(answer[0]["urls"][0], answer[0], authority=fleet.authority)
    await until(lambda: fleet.pids() == before)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (
            {"listeners": {"tls": {"port": 5349, "secretName": "ca.key"}}},
            ["Region odd gets no certificate: "],
        ),
        (
            {
                "externalRelays": [
                    {
                        "name": "elsewhere",
                        "addresses": ["127.50.200.1"],
                        "listeners": {"udp": {"port": 3478}},
                        "secretName": "theirs",
                    }
                ],
                "addresses": {"hostname": "{node}.turn.example.com"},
            },
            [
                "Region odd declares externalRelays: turnfleet run offers none of them.",
                "Region odd declares addresses.hostname: turnfleet run has no names",
            ],
        ),
    ],
)
async def test_what_one_machine_does_not_do_is_said_once_and_disturbs_nothing(
    fleet: machine.Machine, spec: dict[str, Any], said: list[str]
) -> None:
    before = fleet.pids()
    with extra(fleet, "odd", **spec):
        for sentence in said:
            await fleet.hears(sentence)
        await asyncio.sleep(1.5)
        assert before.items() <= fleet.pids().items()
    for sentence in said:
        await fleet.hears(f"No longer so: {sentence}")
        assert fleet.said().count(sentence) == 2, "once as a warning, once as gone"
    assert "Every relay stays as it is" not in fleet.said()
    await until(lambda: fleet.pids() == before)


async def test_a_relay_whose_port_is_taken_says_so_and_waits(fleet: machine.Machine) -> None:
    before = fleet.pids()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as squatter:
        squatter.bind(("127.50.3.1", 3478))
        with extra(fleet, "late"):
            await fleet.hears("late-1: waiting: another program has udp 127.50.3.1 port 3478")
            squatter.close()
            await fleet.all_ready([*before, "late-1", "late-2"])
    await until(lambda: fleet.pids() == before)


async def test_a_broken_region_still_hears_of_new_relays(fleet: machine.Machine) -> None:
    before = fleet.pids()
    (fleet.folder / "east.yaml").write_text("spec: [")
    config = fleet.state / "relays" / "east-1" / "config.json"
    with extra(fleet, "new"):
        await until(lambda: "127.50.3.1" in config.read_text())
        # They may still be starting: who looked now would take them for gone.
        await until(lambda: {"new-1", "new-2"} <= fleet.pids().keys())
    machine.manifest("east", file=fleet.folder / "east.yaml")
    await until(lambda: fleet.pids() == before)


async def test_a_crashed_relay_leaves_the_answers_and_comes_back(fleet: machine.Machine) -> None:
    before = fleet.pids()
    os.kill(before["east-1"], signal.SIGKILL)
    killed = time.monotonic()
    while "127.50.1.1" in str(await fleet.ask(region="east")):
        assert time.monotonic() - killed < 3, "it was dead for over 3 s and still named"
        await asyncio.sleep(0.05)
    await fleet.hears("east-1 ended (killed by SIGKILL); starting it again in 0.5 s")
    await fleet.all_ready([*before])
    after = fleet.pids()
    assert after.pop("east-1") != before.pop("east-1")
    assert after == before


async def test_a_relay_that_crashes_again_waits_longer(fleet: machine.Machine) -> None:
    for wait in ("0.5", "1.0"):
        await until(lambda: "west-2" in fleet.pids())
        os.kill(fleet.pids()["west-2"], signal.SIGKILL)
        await fleet.hears(f"west-2 ended (killed by SIGKILL); starting it again in {wait} s")
    await fleet.all_ready()


async def until(holds: Callable[[], bool], *, seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - processes come and go without telling
            await asyncio.sleep(0.05)


async def until_two_allocations(server: dict[str, Any], *, end_in: int | None) -> None:
    """Make two allocations of one user until the second ends in an error code, or works."""
    address, _, port = server["urls"][0].removeprefix("turn:").partition("?")[0].partition(":")
    asked = turn.Server(address=address, port=int(port), transport=turn.Transport.UDP)
    async with asyncio.timeout(60):
        while await second_allocation(asked, server) != end_in:  # noqa: ASYNC110 - live within 5 s
            await asyncio.sleep(0.3)


async def second_allocation(asked: turn.Server, server: dict[str, Any]) -> int | None:
    """Return the error code that a user's second allocation meets, ``None`` where it works."""
    login = {"username": server["username"], "password": server["credential"]}
    async with turn.connect(asked, timeout=3) as one, turn.connect(asked, timeout=3) as two:
        try:
            held = [await each.allocate(**login) for each in (one, two)]
        except turn.Refused as refused:
            return refused.code
        for allocation in held:
            await allocation.release()
    return None
