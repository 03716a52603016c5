"""The TURN client against a real coturn."""

import ssl
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.support import coturn

from turnrelay import turn

ADDRESS = "127.20.1.1"
TIMEOUT = 3.0

AUTHORITY = coturn.authority()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def relay(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[coturn.Coturn]:
    folder = tmp_path_factory.mktemp("coturn")
    certificate = AUTHORITY.issue(folder, [ADDRESS, "relay.turn.test"])
    async with coturn.running(folder, ADDRESS, certificate=certificate) as running:
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
    username, password = coturn.credential()
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
