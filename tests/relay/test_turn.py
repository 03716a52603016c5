"""The TURN client against a real coturn."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.support import coturn

from turnrelay import stun, turn

ADDRESS = "127.20.1.1"
TIMEOUT = 3.0

AUTHORITY = coturn.authority()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def relay(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[coturn.Coturn]:
    folder = tmp_path_factory.mktemp("coturn")
    certificate = AUTHORITY.issue(folder, [ADDRESS, "relay.turn.test"])
    options = [
        "--user-quota=3",
        "--denied-peer-ip=127.0.0.0-127.255.255.255",
        f"--allowed-peer-ip={ADDRESS}",
    ]
    async with coturn.running(folder, ADDRESS, certificate=certificate, options=options) as running:
        yield running


def trusting(authority: coturn.Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=authority.pem)


def server(relay: coturn.Coturn, transport: str, **changes: str) -> turn.Server:
    return turn.Server(
        address=relay.address,
        port=(relay.tls if transport == "tls" else relay.tcp) or 0,
        transport=turn.Transport(transport),
        context=trusting(AUTHORITY) if transport == "tls" else None,
        server_name=changes.get("server_name"),
        source=changes.get("source"),
    )


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_a_binding_tells_the_address_we_send_from(
    relay: coturn.Coturn, transport: str
) -> None:
    async with turn.connect(
        server(relay, transport, source="127.20.1.9"), timeout=TIMEOUT
    ) as connection:
        assert (await connection.binding()).ip == "127.20.1.9"


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_two_allocations_exchange_packets(relay: coturn.Coturn, transport: str) -> None:
    username, password = coturn.credential(user=f"pair-{transport}")
    async with (
        turn.connect(server(relay, transport), timeout=TIMEOUT) as one,
        turn.connect(server(relay, "udp"), timeout=TIMEOUT) as other,
    ):
        left = await one.allocate(username=username, password=password)
        right = await other.allocate(username=username, password=password, family="IPv4")
        await left.permit(right.relayed.ip)
        await right.permit(left.relayed.ip)
        await left.send(right.relayed, b"there")
        assert await right.receive(TIMEOUT) == (left.relayed, b"there")
        await right.send(left.relayed, b"and back")
        assert await left.receive(TIMEOUT) == (right.relayed, b"and back")
        await left.release()
        await right.release()


async def test_a_wrong_secret_is_refused_with_401(relay: coturn.Coturn) -> None:
    username, password = coturn.credential(secret=b"another")
    async with turn.connect(server(relay, "udp"), timeout=TIMEOUT) as connection:
        with pytest.raises(turn.Refused) as refused:
            await connection.allocate(username=username, password=password)
    assert refused.value.code == stun.Code.UNAUTHENTICATED


async def test_a_certificate_is_verified_by_name_as_well_as_by_address(
    relay: coturn.Coturn,
) -> None:
    by_name = server(relay, "tls", server_name="relay.turn.test")
    async with turn.connect(by_name, timeout=TIMEOUT) as connection:
        await connection.binding()


@pytest.mark.parametrize("name", ["other.turn.test", "127.20.1.2", ".", "a..b", "x" * 300])
async def test_a_certificate_for_another_name_is_a_mismatch(
    relay: coturn.Coturn, name: str
) -> None:
    with pytest.raises(turn.TlsFailed) as failed:
        async with turn.connect(server(relay, "tls", server_name=name), timeout=TIMEOUT):
            pass
    assert failed.value.mismatch


async def test_a_certificate_of_an_unknown_authority_is_a_mismatch(relay: coturn.Coturn) -> None:
    untrusted = turn.Server(
        address=relay.address, port=relay.tls or 0, transport=turn.Transport.TLS
    )
    with pytest.raises(turn.TlsFailed) as failed:
        async with turn.connect(untrusted, timeout=TIMEOUT):
            pass
    assert failed.value.mismatch


async def test_a_denied_peer_is_refused_with_403(relay: coturn.Coturn) -> None:
    username, password = coturn.credential()
    async with turn.connect(server(relay, "udp"), timeout=TIMEOUT) as connection:
        allocation = await connection.allocate(username=username, password=password)
        with pytest.raises(turn.Refused) as refused:
            await allocation.permit("127.20.66.6")
        assert refused.value.code == stun.Code.FORBIDDEN
        await allocation.release()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_leaving_the_block_releases_the_allocation(
    relay: coturn.Coturn, transport: str
) -> None:
    username, password = coturn.credential(user=f"thrifty-{transport}")
    for _ in range(3):  # as many as the quota has
        async with turn.connect(server(relay, transport), timeout=TIMEOUT) as connection:
            await connection.allocate(username=username, password=password)
    async with asyncio.timeout(60):  # coturn gives quota back within about a second
        while True:
            with contextlib.suppress(turn.Refused):
                async with turn.connect(server(relay, transport), timeout=TIMEOUT) as connection:
                    await connection.allocate(username=username, password=password)
                    return
            await asyncio.sleep(0.1)


async def test_a_quota_that_is_used_up_is_refused_with_486(relay: coturn.Coturn) -> None:
    username, password = coturn.credential(user="greedy")
    async with contextlib.AsyncExitStack() as stack:
        connections = [
            await stack.enter_async_context(turn.connect(server(relay, "udp"), timeout=TIMEOUT))
            for _ in range(4)
        ]
        for connection in connections[:3]:
            await connection.allocate(username=username, password=password)
        with pytest.raises(turn.Refused) as refused:
            await connections[3].allocate(username=username, password=password)
    assert refused.value.code == stun.Code.ALLOCATION_QUOTA_REACHED


async def test_a_lifetime_is_refreshed_as_the_server_grants_it(relay: coturn.Coturn) -> None:
    username, password = coturn.credential(user="patient")
    async with turn.connect(server(relay, "tcp"), timeout=TIMEOUT) as connection:
        allocation = await connection.allocate(username=username, password=password, lifetime=60)
        assert allocation.lifetime == 600  # coturn raises it
        assert await allocation.refresh(700) == 700
        await allocation.release()


async def test_a_stopped_server_is_silent_and_a_dead_one_is_closed(tmp_path: Path) -> None:
    async with coturn.running(tmp_path, "127.20.1.3") as mortal:
        mortal.stop()
        for transport in ("udp", "tcp"):
            with pytest.raises(turn.Silent):
                async with turn.connect(server(mortal, transport), timeout=0.3) as connection:
                    await connection.binding()
        mortal.kill()
        for transport in ("udp", "tcp"):
            with pytest.raises(turn.Closed):
                async with turn.connect(server(mortal, transport), timeout=TIMEOUT) as connection:
                    await connection.binding()
