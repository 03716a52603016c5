"""The agent's start: what it waits for, what it refuses, what it leaves nowhere."""

import asyncio
import dataclasses
import os
import signal
import socket
import time
from pathlib import Path

import pytest
from tests.support import agents, coturn

from turnrelay import contract


async def test_a_relay_is_ready_soon_and_only_after_an_allocate_of_its_own(tmp_path: Path) -> None:
    async with agents.prepared(tmp_path) as agent:
        began = time.monotonic()
        await agent.start()
        status = await agent.ready()
        took = time.monotonic() - began
        assert took < 25, "it takes under 1.5 s on an idle machine"
        assert status["state"] == "Ready"
        assert (status["region"], status["name"], status["instance"]) == (
            "eu-central",
            "relay-1",
            "one",
        )
        assert status["coturnVersion"].startswith("4.")
        assert status["allocations"] == 0
        assert await agent.refusal() == 0


async def test_the_open_pages_tell_nothing_that_needs_the_key(tmp_path: Path) -> None:
    async with agents.running(tmp_path) as agent:
        assert (await agent.get(contract.PATH_HEALTHZ, key=None))[0] == 200
        assert (await agent.get(contract.PATH_READYZ, key=None))[0] == 200
        for path in (contract.PATH_STATUS, contract.PATH_METRICS):
            for key in (None, "", "wrong", agents.KEY.upper(), "ÿ"):
                assert (await agent.get(path, key=key))[0] == 401
        assert "turnrelay_ready 1.0" in (await agent.get(contract.PATH_METRICS))[1]


async def test_no_secret_is_in_arguments_environment_log_or_configuration(tmp_path: Path) -> None:
    async with agents.prepared(tmp_path) as agent:
        await agent.start("--verbose")
        await agent.ready()
        assert await agent.refusal(secret="a-wrong-secret-of-the-tests", user="mallory") == 401
        shown = [
            *agents.visible(agent.id, agent.coturn()),
            *agents.readable_by_all(tmp_path / "state"),
            agent.log.encode(),
            (await agent.get(contract.PATH_STATUS))[1].encode(),
            (await agent.get(contract.PATH_METRICS))[1].encode(),
        ]  # fmt: skip
        for text in shown:
            assert agents.SECRET.encode() not in text
            assert agents.KEY.encode() not in text
        assert "mallory" not in agent.log


async def test_it_waits_for_its_address_and_its_secret_with_a_sentence(tmp_path: Path) -> None:
    async with agents.prepared(tmp_path) as agent:
        agent.put(contract.ADDRESSES_FILE, "")
        agent.sign("")
        await agent.start()
        status = await agent.until(lambda s: s["reason"] == "NoAddress")
        assert "no public address is known yet" in status["sentence"]
        assert (await agent.get(contract.PATH_READYZ, key=None))[0] == 503
        agent.put(contract.ADDRESSES_FILE, agent.address)
        status = await agent.until(lambda s: s["reason"] == "NoSecret")
        assert "no secret yet" in status["sentence"]
        agent.sign(agents.SECRET)
        await agent.ready()


async def test_tls_waits_for_a_certificate(tmp_path: Path) -> None:
    listeners = {"udp": 3478, "tls": 5349}
    async with agents.prepared(tmp_path, listeners=listeners) as agent:
        await agent.start()
        status = await agent.until(lambda s: s["reason"] == "NoCertificate")
        assert status["state"] == "Starting"
        assert "tls.crt" in status["sentence"]


async def test_a_certificate_that_could_not_be_written_is_tried_again(tmp_path: Path) -> None:
    in_the_way = tmp_path / "state" / "key.pem"
    in_the_way.mkdir(parents=True)
    async with agents.prepared(tmp_path, listeners={"udp": 3478, "tls": 5349}) as agent:
        agent.certify(coturn.authority())
        await agent.start()
        status = await agent.until(lambda s: s["reason"] == "NoCertificate")
        assert "the certificate cannot be written" in status["sentence"]
        in_the_way.rmdir()
        await agent.ready()


async def test_tls_may_have_the_port_of_udp(tmp_path: Path) -> None:
    listeners = {"udp": 5349, "tcp": 3478, "tls": 5349}
    async with agents.prepared(tmp_path, listeners=listeners) as agent:
        agent.certify(coturn.authority())
        await agent.start()
        await agent.ready()
        udp = dataclasses.replace(agent.server("udp"), port=5349)
        for server in (udp, agent.server("tcp"), agent.server("tls")):
            async with agent.allocation(server=server) as allocation:
                assert allocation.relayed.ip == agent.address


async def test_a_taken_port_is_waited_for_and_never_shared(tmp_path: Path) -> None:
    async with agents.prepared(tmp_path) as agent:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as squatter:
            squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            squatter.bind((agent.address, 3478))
            await agent.start()
            status = await agent.until(lambda s: s["reason"] == "PortTaken")
            assert f"udp {agent.address} port 3478" in status["sentence"]
            assert agent.coturn() is None
        await agent.ready()


async def test_a_second_agent_on_the_same_ports_never_starts_a_coturn(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    async with (
        agents.running(tmp_path / "one") as first,
        agents.prepared(tmp_path / "two") as second,
        first.allocation() as allocation,
    ):
        second.address = second.bind = first.address
        second.put(contract.ADDRESSES_FILE, first.address)
        await second.start()
        await agents.eventually(lambda: "another program has udp" in second.log)
        await agents.eventually(lambda: "status cannot be served" in second.log)
        assert second.coturn() is None
        await allocation.refresh(600)


async def test_a_second_agent_on_the_same_state_folder_waits(tmp_path: Path) -> None:
    async with agents.running(tmp_path) as first:
        second = agents.Agent(folder=tmp_path, address=agents.new_address(), bind="")
        second.bind = second.address
        second.put("other-addresses", second.address)
        await second.start("--addresses", str(tmp_path / "other-addresses"))
        try:
            status = await second.until(lambda s: s["reason"] == "StateUnwritable")
            assert "another agent uses the state folder" in status["sentence"]
            assert second.coturn() is None
            assert (await first.status())["ready"]
        finally:
            assert second.process is not None
            second.process.kill()
            await second.process.wait()


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("config.json", "{", "is not JSON"),
        ("config.json", '{"region": "a b"}', "realm: null is not a name"),
        ("config.json", None, "there is no configuration"),
    ],
)
async def test_a_wrong_configuration_ends_the_agent_with_a_sentence(
    tmp_path: Path, name: str, content: str | None, sentence: str
) -> None:
    async with agents.prepared(tmp_path) as agent:
        if content is None:
            (tmp_path / name).unlink()
        else:
            agent.put(name, content)
        await agent.start()
        assert await agent.ended() == 2
        assert sentence in agent.log


@pytest.mark.parametrize(
    ("flag", "sentence"),
    [
        ("/does/not/exist", "there is no program /does/not/exist"),
        ("/bin/true", "prints no version"),
    ],
)
async def test_without_coturn_it_ends_with_a_sentence(
    tmp_path: Path, flag: str, sentence: str
) -> None:
    async with agents.prepared(tmp_path) as agent:
        await agent.start("--turnserver", flag)
        assert await agent.ended() == 2
        assert sentence in agent.log


def script(folder: Path, body: str) -> str:
    """Write a stand-in that says it is coturn, and then does ``body``."""
    path = folder / "turnserver"
    path.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo 4.6.1 && exit\n{body}\n')
    path.chmod(0o755)
    return str(path)


async def test_a_coturn_that_crashes_at_once_is_tried_again_ever_later(tmp_path: Path) -> None:
    async with agents.prepared(tmp_path) as agent:
        await agent.start("--turnserver", script(tmp_path, "echo cannot do that; exit 3"))
        status = await agent.until(lambda s: s["restarts"] >= 2 and s["reason"] == "Crashed")
        assert "exit code 3" in status["sentence"]
        assert "cannot do that" in status["sentence"]
        assert "next start in 0.5 s" in agent.log
        assert "next start in 1.0 s" in agent.log


async def test_a_setting_that_coturn_drops_is_fatal(tmp_path: Path) -> None:
    async with agents.prepared(tmp_path) as agent:
        stand_in = script(tmp_path, "echo 0: : Bad configuration format: no-such-thing; sleep 60")
        await agent.start("--turnserver", stand_in)
        assert await agent.ended() == 2
        assert "coturn does not take its configuration: Bad configuration format" in agent.log


async def test_a_state_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    async with agents.prepared(tmp_path) as agent:
        (tmp_path / "state").write_text("a file in its place")
        await agent.start()
        status = await agent.until(lambda s: s["reason"] == "StateUnwritable")
        assert "cannot be used" in status["sentence"]
        (tmp_path / "state").unlink()
        await agent.ready()


async def test_it_ends_with_its_parent_and_leaves_nothing_behind(tmp_path: Path) -> None:
    async with agents.prepared(tmp_path) as agent:
        await agent.start("--exit-with-parent", stdin=asyncio.subprocess.PIPE)
        await agent.ready()
        relay = agent.coturn()
        assert relay is not None
        assert agent.process is not None
        assert agent.process.stdin is not None
        agent.process.stdin.close()
        assert await agent.ended() == 0
        assert not agents.alive(relay)


async def test_it_ends_where_no_parent_could_hold_its_input_open(tmp_path: Path) -> None:
    async with agents.prepared(tmp_path) as agent:
        await agent.start("--exit-with-parent", stdin=asyncio.subprocess.DEVNULL)
        assert await agent.ended() == 0
        assert "not held open by a parent" in agent.log
        assert "Traceback" not in agent.log


async def test_a_killed_agent_leaves_no_coturn_behind(tmp_path: Path) -> None:
    async with agents.running(tmp_path) as agent:
        relay = agent.coturn()
        assert relay is not None
        os.kill(agent.id, signal.SIGKILL)
        await agent.ended()
        await agents.eventually(lambda: not agents.alive(relay))


async def test_an_interrupt_ends_it_at_once(tmp_path: Path) -> None:
    async with agents.running(tmp_path) as agent, agent.allocation():
        os.kill(agent.id, signal.SIGINT)
        assert await agent.ended() == 0


async def test_who_is_told_to_end_before_there_is_anything_to_end_has_done_so(
    tmp_path: Path,
) -> None:
    """A signal without a handler would do the same here, but nothing at all in a pod."""
    asked = tmp_path / "asked"
    async with agents.prepared(tmp_path) as agent:
        agent.put("turnserver", f"#!/bin/sh\ntouch {asked}\nexec sleep 60\n")
        (tmp_path / "turnserver").chmod(0o755)
        await agent.start("--turnserver", str(tmp_path / "turnserver"))
        await agents.eventually(asked.exists)
        os.kill(agent.id, signal.SIGTERM)
        assert await agent.ended(within=40) == 0
        assert "Traceback" not in agent.log
