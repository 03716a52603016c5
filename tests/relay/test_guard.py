"""The guard of a node with a real kernel and a real coturn: what relayed packets still reach."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import hypothesis
import pytest
from tests.support import agents, cluster_clients, fences, guarded

from turnrelay import contract, fencing, turn

pytestmark = pytest.mark.skipif(bool(guarded.lacking()), reason=guarded.lacking() or "fit")

_LOW, _HIGH = guarded.RELAY_PORTS
_HERE, _THERE = (guarded.ADDRESS, guarded.SERVICE), (guarded.NEIGHBOUR, guarded.SERVICE)
_RELAY_THERE = (guarded.NEIGHBOUR, _HIGH)
"""A port of the neighbour that a relay could have."""
_SOON = 1.0
"""Seconds for a packet between two namespaces of one machine."""


@contextlib.asynccontextmanager
async def _relay(folder: Path) -> AsyncIterator[agents.Agent]:
    """Give a relay of the group, on the node's own address, whose peers are both nodes."""
    ports = {"min": _LOW, "max": _HIGH}
    peers = {"allow": [guarded.ADDRESS, guarded.NEIGHBOUR]}
    async with agents.prepared(folder, relayPorts=ports, live_peers=peers) as relay:
        relay.address = relay.bind = guarded.ADDRESS
        relay.put(contract.ADDRESSES_FILE, guarded.ADDRESS)
        await relay.start(group=contract.RELAY_GROUP)
        await relay.ready()
        yield relay


async def _reaches(allocation: turn.Allocation, *peers: tuple[str, int]) -> tuple[bool, ...]:
    """Return of each peer whether a relayed packet gets there: all of them answer."""
    found = []
    for host, port in peers:
        await allocation.permit(host)
        await allocation.send((host, port), b"%d" % port)
        try:
            found.append(await allocation.receive(_SOON) == ((host, port), b"%d" % port))
        except turn.Silent:
            found.append(False)
    return tuple(found)


def _played(scene: Callable[[], Awaitable[None]]) -> None:
    guarded.on_a_node(scene)


def test_relayed_packets_reach_relays_and_no_other_port_of_any_node(tmp_path: Path) -> None:
    async def scene() -> None:
        async with (
            guarded.answering(*_HERE),
            _relay(tmp_path) as relay,
            relay.allocation() as near,
            relay.allocation("tcp", user="bob") as far,
        ):
            assert await _reaches(near, _HERE, _THERE, _RELAY_THERE) == (True, True, True)
            async with guarded.guarding(tmp_path) as guard:
                assert await _reaches(near, _HERE, _THERE, _RELAY_THERE) == (False, False, True)
                assert await cluster_clients.passes(near, far)
                assert await guard.end() == 0
            assert await _reaches(near, _HERE, _THERE) == (True, True)

    _played(scene)


def test_a_guarded_relay_proves_itself_and_serves_clients_of_its_own_node(tmp_path: Path) -> None:
    async def scene() -> None:
        async with guarded.guarding(tmp_path), _relay(tmp_path) as relay, relay.allocation():
            status = await relay.status()
            assert (status["ready"], status["restarts"]) == (True, 0)

    _played(scene)


def test_other_programs_of_the_node_are_not_looked_at(tmp_path: Path) -> None:
    async def scene() -> None:
        async with guarded.guarding(tmp_path):
            assert await asyncio.to_thread(guarded.answers, *_THERE)

    _played(scene)


def test_ipv6_is_guarded_alike(tmp_path: Path) -> None:
    ports = (guarded.SERVICE, _LOW, 3478)

    async def arrived(group: int) -> tuple[bool, ...]:
        return tuple(
            [await asyncio.to_thread(guarded.arrives, port, group=group) for port in ports]
        )

    async def scene() -> None:
        async with guarded.guarding(tmp_path):
            assert await arrived(contract.RELAY_GROUP) == (False, True, True)
            assert await arrived(contract.RELAY_GROUP + 1) == (True, True, True)

    _played(scene)


def test_a_media_server_that_is_named_stays_open_and_the_node_itself_does_not(
    tmp_path: Path,
) -> None:
    async def scene() -> None:
        async with (
            guarded.answering(*_HERE),
            _relay(tmp_path) as relay,
            relay.allocation() as call,
            guarded.guarding(tmp_path, "--allow=10.9.0.0/24"),
        ):
            assert await _reaches(call, _HERE, _THERE) == (False, True)

    _played(scene)


def test_a_guard_that_is_killed_leaves_the_rules_to_the_next(tmp_path: Path) -> None:
    async def scene() -> None:
        async with guarded.guarding(tmp_path) as guard:
            await guard.end(signal.SIGKILL)
        assert "guard one" in guarded.rules()
        async with guarded.guarding(tmp_path, instance="two") as successor:
            assert "guard two" in guarded.rules()
            assert "guard one" not in guarded.rules()
            assert await successor.end() == 0
        assert guarded.rules() == ""

    _played(scene)


def test_a_guard_that_ends_leaves_the_rules_of_its_successor(tmp_path: Path) -> None:
    async def scene() -> None:
        async with (
            guarded.guarding(tmp_path) as guard,
            guarded.guarding(tmp_path, instance="two"),
        ):
            before = guarded.rules()
            assert await guard.end() == 0
            assert guarded.rules() == before
            assert "guard two" in before

    _played(scene)


def test_rules_that_somebody_took_away_come_back(tmp_path: Path) -> None:
    async def scene() -> None:
        async with guarded.guarding(tmp_path) as guard:
            before = guarded.rules()
            guarded.flush()
            assert guarded.rules() == ""
            await agents.eventually(lambda: guarded.rules() == before)
            assert "the rules were taken away: applied again" in guard.log

    _played(scene)


def test_a_guard_without_the_right_to_it_says_so_and_ends(tmp_path: Path) -> None:
    async def scene() -> None:
        ready = tmp_path / "ready"
        process = await asyncio.create_subprocess_exec(
            "setpriv", "--reuid=65534", "--clear-groups", *guarded.command(f"--ready={ready}"),
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, said = await process.communicate()
        assert process.returncode == 2
        assert b"Operation not permitted" in said
        assert not ready.exists()

    _played(scene)


def test_nft_takes_whatever_ports_and_networks_are_given() -> None:
    @hypothesis.settings(max_examples=40)
    @hypothesis.given(fences.FENCES)
    def taken(fence: fencing.Fence) -> None:
        assert guarded.refusal(fencing.text(fence)) == ""

    async def scene() -> None:
        taken()
        assert guarded.refusal("table inet turnfleet { chain relayed { udp dport } }") != ""

    _played(scene)
