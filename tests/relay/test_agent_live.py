"""What changes while a relay runs, and what must go on meanwhile."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.support import agents, coturn

from turnrelay import turn

TLS = {"udp": 3478, "tcp": 3478, "tls": 5349}
NEXT_SECRET = "the-second-secret-of-the-tests-002"


async def becomes(agent: agents.Agent, code: int, *, within: float = 60, **who: str) -> None:
    """Wait until an Allocate meets ``code`` (0: it works)."""
    deadline = time.monotonic() + within
    while (found := await agent.refusal(**who)) != code:
        assert time.monotonic() < deadline, f"still {found} instead of {code}"
        await asyncio.sleep(0.1)


async def permitted(allocation: turn.Allocation, peer: str) -> bool:
    return await agents.permission(allocation, peer) == 0


async def test_a_rotation_accepts_both_secrets_until_the_old_one_retires(tmp_path: Path) -> None:
    async with agents.running(tmp_path) as agent, agent.allocation() as allocation:
        retire_after = int(time.time()) + 10
        agent.sign(
            NEXT_SECRET, previous=agents.SECRET, generation=2, retire_after=str(retire_after)
        )
        await becomes(agent, 0, secret=NEXT_SECRET)
        assert await agent.refusal(secret=agents.SECRET) == 0
        status = await agent.until(lambda s: s["generation"] == 2)
        assert status["ready"]
        await becomes(agent, 401, secret=agents.SECRET)
        assert time.time() >= retire_after
        assert await agent.refusal(secret=NEXT_SECRET) == 0
        await allocation.refresh(600)
        assert (await agent.status())["restarts"] == 0


async def test_a_secret_that_is_none_leaves_the_last_good_one_in_force(tmp_path: Path) -> None:
    async with agents.running(tmp_path) as agent:
        for content, sentence in (
            ("", "no secret yet"),
            ("Xq7", "too short"),
            ("x" * 500, "too long"),
            ("with\x00control-characters", "control characters"),
        ):
            agent.sign(content, generation=2)
            status = await agent.until(_complains(sentence))
            assert status["generation"] == 1
            assert await agent.refusal() == 0
        (tmp_path / "auth").rename(tmp_path / "gone")
        await agent.until(_complains("no secret yet"))
        assert await agent.refusal() == 0


async def test_quotas_change_live_and_a_full_relay_says_so(tmp_path: Path) -> None:
    async with agents.running(tmp_path, live_allocationsPerUser=2) as agent:
        async with agent.allocation(user="bob"), agent.allocation(user="bob"):
            assert await agent.refusal(user="bob") == 486
            assert await agent.refusal(user="carol") == 0
            agent.configure(live_allocationsPerUser=3, live_allocationsPerRelay=2)
            status = await agent.until(lambda s: s["reason"] == "Full")
            assert (status["state"], status["ready"]) == ("Closed", False)
            assert status["load"] == 1
            assert await agent.refusal(user="carol") == 486
            agent.configure(live_allocationsPerUser=3, live_allocationsPerRelay=1000)
            status = await agent.until(lambda s: s["ready"])
            assert await agent.refusal(user="bob") == 0
        assert status["restarts"] == 0


async def test_peer_rules_change_live_and_allow_beats_deny(tmp_path: Path) -> None:
    async with agents.running(tmp_path) as agent, agent.allocation() as allocation:
        assert await permitted(allocation, "8.8.8.8")
        assert not await permitted(allocation, "127.0.0.1")
        assert not await permitted(allocation, "10.1.2.3")
        agent.configure(
            live_peers={"deny": ["8.8.8.0/24"], "allow": ["127.30.77.0/24", "10.1.2.3"]}
        )
        for _ in range(80):
            if not await permitted(allocation, "8.8.8.8"):
                break
            await asyncio.sleep(0.1)
        assert not await permitted(allocation, "8.8.8.8")
        assert await permitted(allocation, "8.8.9.8")
        assert await permitted(allocation, "10.1.2.3")
        assert not await permitted(allocation, "10.1.2.4")
        assert await permitted(allocation, "127.30.77.1")
        assert not await permitted(allocation, "127.0.0.53")
        assert (await agent.status())["restarts"] == 0


async def test_a_broken_configuration_changes_nothing(tmp_path: Path) -> None:
    async with agents.running(tmp_path, live_allocationsPerUser=1) as agent:
        for content in (
            "{",
            "[]",
            '{"live": {"peers": {"deny": ["10.0.0.0/8; x"]}}}',
            "x" * 2_000_000,
        ):
            agent.put("config.json", content)
            await agent.until(lambda s: s["complaints"])
            assert (await agent.status())["ready"]
        agent.configure(live_allocationsPerUser=2)
        await agent.until(lambda s: not s["complaints"])


async def test_what_only_a_new_relay_can_follow_is_said_and_not_done(tmp_path: Path) -> None:
    async with agents.running(tmp_path) as agent:
        before = (await agent.status())["configHash"]
        agent.configure(realm="other.example.com", live_closed=True)
        status = await agent.until(lambda s: s["complaints"])
        assert "only a new relay" in status["complaints"][0]
        assert status["configHash"] == before
        assert (status["state"], status["reason"]) == ("Closed", "Closed")
        assert await agent.refusal() == 0
        agent.configure()
        assert (await agent.ready())["complaints"] == []


async def test_another_public_address_closes_the_relay(tmp_path: Path) -> None:
    async with agents.running(tmp_path) as agent, agent.allocation() as allocation:
        agent.put("addresses", "")
        await asyncio.sleep(1)
        assert (await agent.status())["ready"], "an address never falls to nothing"
        agent.put("addresses", "198.51.100.7")
        status = await agent.until(lambda s: s["reason"] == "AddressChanged")
        assert status["state"] == "Closed"
        await allocation.refresh(600)


def _complains(sentence: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda status: any(sentence in each for each in status["complaints"])


def _restarted(times: int) -> Callable[[Mapping[str, Any]], bool]:
    return lambda status: status["ready"] and status["restarts"] == times


async def test_live_allocations_are_counted_exactly_for_every_transport(tmp_path: Path) -> None:
    async with agents.prepared(tmp_path, listeners=TLS) as agent:
        agent.certify(coturn.authority())
        await agent.start()
        await agent.ready()
        async with (
            agent.allocation("udp", user="a"),
            agent.allocation("udp", user="b"),
            agent.allocation("tcp", user="c"),
        ):
            await agent.until(lambda s: s["allocations"] == 3)
            async with agent.allocation("tls", user="d"), agent.allocation("tls", user="e"):
                status = await agent.until(lambda s: s["allocations"] == 5)
                assert status["ports"] == {"used": 5, "available": 848}
                for _ in range(20):
                    assert (await agent.status())["allocations"] == 5, "own probes do not count"
                    await asyncio.sleep(0.2)
        status = await agent.until(lambda s: s["allocations"] == 0)
        assert status["begun"] == 5


async def test_a_killed_coturn_is_started_again(tmp_path: Path) -> None:
    async with agents.running(tmp_path) as agent:
        for restarts in (1, 2):
            relay = agent.coturn()
            assert relay is not None
            os.kill(relay, signal.SIGKILL)
            await agent.until(lambda s: not s["ready"])
            status = await agent.until(_restarted(restarts))
            assert agent.coturn() not in {None, relay}
            assert await agent.refusal() == 0
        assert status["since"] > time.time() - 5
        assert "coturn ended by signal 9" in agent.log


async def test_a_frozen_coturn_is_noticed_and_replaced_after_ten_seconds(tmp_path: Path) -> None:
    async with agents.running(tmp_path) as agent:
        relay = agent.coturn()
        assert relay is not None
        os.kill(relay, signal.SIGSTOP)
        frozen = time.monotonic()
        status = await agent.until(lambda s: not s["ready"])
        assert (status["state"], status["reason"]) == ("Closed", "Silent")
        await asyncio.sleep(2)
        assert (await agent.status())["allocations"] == 0, "the probe's, which it cannot close"
        await agent.until(lambda s: s["restarts"] == 1)
        assert time.monotonic() - frozen > 9
        await agent.ready()
        assert agent.coturn() != relay


async def test_a_drain_refuses_new_clients_and_ends_with_the_last_live_one(tmp_path: Path) -> None:
    async with agents.running(tmp_path) as agent:
        async with agent.allocation() as allocation:
            os.kill(agent.id, signal.SIGTERM)
            status = await agent.until(lambda s: s["state"] == "Draining")
            assert not status["ready"]
            assert await agent.refusal() == 0, "endpoints hear of it before clients are refused"
            await becomes(agent, 486, user="late")
            assert await permitted(allocation, "8.8.8.8")
            await allocation.refresh(600)
            await asyncio.sleep(2)
            assert agent.coturn() is not None
        assert await agent.ended() == 0


async def test_a_drain_ends_at_its_deadline_and_a_second_signal_ends_it_at_once(
    tmp_path: Path,
) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    async with (
        agents.running(tmp_path / "one", drainTimeout=4) as short,
        agents.running(tmp_path / "two") as long,
        short.allocation(),
        long.allocation(),
    ):
        os.kill(short.id, signal.SIGTERM)
        os.kill(long.id, signal.SIGTERM)
        await asyncio.sleep(0.5)
        os.kill(long.id, signal.SIGTERM)
        assert await long.ended() == 0
        assert await short.ended() == 0
        assert "longer than 4 s" in short.log
