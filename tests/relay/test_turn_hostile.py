"""The TURN client against servers that lie, babble or say nothing."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from turnrelay import stun, turn

ADDRESS = "127.20.1.50"
Answer = Callable[[bytes], list[bytes]]
"""What a server sends for each datagram or chunk it gets."""


class Liar(asyncio.DatagramProtocol):
    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.heard: list[bytes] = []
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        self.heard.append(data)
        for answer in self._answer(data):
            assert self._transport
            self._transport.sendto(answer, addr)


@contextlib.asynccontextmanager
async def lying(answer: Answer) -> AsyncIterator[tuple[turn.Server, Liar]]:
    loop = asyncio.get_running_loop()
    transport, liar = await loop.create_datagram_endpoint(
        lambda: Liar(answer), local_addr=(ADDRESS, 0)
    )
    port = transport.get_extra_info("sockname")[1]
    try:
        yield (
            turn.Server(address=ADDRESS, port=port, transport=turn.Transport.UDP),
            liar,
        )
    finally:
        transport.close()


class Babbler(asyncio.Protocol):
    def __init__(self, chunks: Sequence[bytes]) -> None:
        self._chunks = chunks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        for chunk in self._chunks:
            transport.write(chunk)


@contextlib.asynccontextmanager
async def babbling(*chunks: bytes, transport: str = "tcp") -> AsyncIterator[turn.Server]:
    loop = asyncio.get_running_loop()
    serving = await loop.create_server(lambda: Babbler(chunks), ADDRESS, 0)
    port = serving.sockets[0].getsockname()[1]
    async with serving:
        yield turn.Server(address=ADDRESS, port=port, transport=turn.Transport(transport))
        await asyncio.sleep(0.01)


def refusal(request: bytes, code: int, *attributes: tuple[int, bytes]) -> bytes:
    asked = stun.decode(request)
    value = bytes([0, 0, code // 100, code % 100])
    return stun.encode(
        stun.Message(
            method=asked.method,
            kind=stun.Kind.ERROR,
            transaction=asked.transaction,
            attributes=((stun.Attribute.ERROR_CODE, value), *attributes),
        )
    )


def success(request: bytes, *attributes: tuple[int, bytes], key: bytes | None = None) -> bytes:
    asked = stun.decode(request)
    return stun.encode(
        stun.Message(
            method=asked.method,
            kind=stun.Kind.SUCCESS,
            transaction=asked.transaction,
            attributes=attributes,
        ),
        key=key,
    )


REALM = (stun.Attribute.REALM, b"r")
NONCE = (stun.Attribute.NONCE, b"n")


async def allocate(server: turn.Server, *, seconds: float = 10) -> turn.Allocation:
    async with turn.connect(server, timeout=seconds) as connection:
        return await connection.allocate(username="u", password="p")


async def test_a_lost_request_is_sent_again() -> None:
    requests: list[bytes] = []

    def second_time_lucky(request: bytes) -> list[bytes]:
        requests.append(request)
        mapped = stun.pack_address(stun.Address("192.0.2.1", 9), transaction=request[8:20])
        lucky = len(requests) > 1
        return [success(request, (stun.Attribute.XOR_MAPPED_ADDRESS, mapped))] if lucky else []

    async with (
        lying(second_time_lucky) as (server, _),
        turn.connect(server, timeout=10) as connection,
    ):
        assert await connection.binding() == ("192.0.2.1", 9)
    assert requests[0] == requests[1]


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: [],
        lambda _: [b"", b"\0", b"\xff" * 2000],
        lambda request: [request],
        lambda request: [success(b"\0\1\0\0!\x12\xa4B" + bytes(12)), request[:-1]],
        lambda request: [refusal(request, 401)[:-4]],
    ],
    ids=["nothing", "noise", "an echo", "another transaction", "a cut answer"],
)
async def test_a_server_that_makes_no_sense_is_silent(answer: Answer) -> None:
    async with lying(answer) as (server, _):
        with pytest.raises(turn.Silent):
            await allocate(server, seconds=0.2)


@pytest.mark.parametrize(
    ("code", "attributes"), [(401, ()), (401, (REALM,)), (500, (REALM, NONCE)), (300, ())]
)
async def test_a_refusal_that_leads_nowhere_is_final(
    code: int, attributes: tuple[tuple[int, bytes], ...]
) -> None:
    async with lying(lambda request: [refusal(request, code, *attributes)]) as (server, liar):
        with pytest.raises(turn.Refused) as refused:
            await allocate(server)
    assert refused.value.code == code
    assert len(liar.heard) == 1


async def test_a_nonce_that_is_always_stale_ends_as_refused() -> None:
    def stale(request: bytes) -> list[bytes]:
        signed = stun.decode(request).get(stun.Attribute.NONCE) is not None
        return [refusal(request, 438 if signed else 401, REALM, NONCE)]

    async with lying(stale) as (server, liar):
        with pytest.raises(turn.Refused) as refused:
            await allocate(server)
        await asyncio.sleep(0.01)
    assert refused.value.code == stun.Code.STALE_NONCE
    assert len(liar.heard) <= 5


@pytest.mark.parametrize("key", [None, b"not the key"])
async def test_a_success_that_is_not_signed_with_our_key_is_ignored(key: bytes | None) -> None:
    def forge(request: bytes) -> list[bytes]:
        if stun.decode(request).get(stun.Attribute.NONCE) is None:
            return [refusal(request, 401, REALM, NONCE)]
        relayed = stun.pack_address(stun.Address("192.0.2.1", 9), transaction=request[8:20])
        return [success(request, (stun.Attribute.XOR_RELAYED_ADDRESS, relayed), key=key)]

    async with lying(forge) as (server, _):
        with pytest.raises(turn.Silent):
            await allocate(server, seconds=0.2)


async def test_a_signed_success_without_an_address_is_silent() -> None:
    key = stun.long_term_key(username="u", realm="r", password="p")

    def forget(request: bytes) -> list[bytes]:
        if stun.decode(request).get(stun.Attribute.NONCE) is None:
            return [refusal(request, 401, REALM, NONCE)]
        return [success(request, key=key)]

    async with lying(forget) as (server, _):
        with pytest.raises(turn.Silent, match="XOR_RELAYED_ADDRESS"):
            await allocate(server)


@pytest.mark.parametrize(
    "chunk",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\xff\xff\xff\xff",
        b"\x40\0\0\5hello\0\0\0",
        b"\0\1\0\3aaaaaaaaaaaaaaaa",
    ],
)
async def test_a_stream_that_is_not_stun_is_closed(chunk: bytes) -> None:
    async with babbling(chunk) as server, turn.connect(server, timeout=10) as connection:
        with pytest.raises(turn.Closed):
            await connection.binding()


async def test_a_stream_of_unasked_answers_is_read_past() -> None:
    stray = bytes.fromhex("010100002112a442") + bytes(12)
    async with (
        babbling(stray[:7], stray[7:] + stray) as server,
        turn.connect(server, timeout=0.15) as connection,
    ):
        with pytest.raises(turn.Silent, match="no answer"):
            await connection.binding()


async def test_tls_to_a_server_without_tls_fails_as_such() -> None:
    async with babbling(b"\0" * 100, transport="tls") as server:
        with pytest.raises(turn.TlsFailed) as failed:
            async with turn.connect(server, timeout=10):
                pass
    assert not failed.value.mismatch


async def test_tls_to_a_server_that_never_speaks_is_silent() -> None:
    async with babbling(transport="tls") as server:
        with pytest.raises(turn.Failure):
            async with turn.connect(server, timeout=0.15):
                pass


async def test_a_cancelled_request_leaves_neither_task_nor_socket() -> None:
    async with lying(lambda _: []) as (server, _):
        waiting = asyncio.create_task(allocate(server, seconds=30))
        await asyncio.sleep(0.05)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_an_address_of_a_family_this_machine_lacks_is_unroutable() -> None:
    nowhere = turn.Server(address="2001:db8::1", port=3478, transport=turn.Transport.UDP)
    with pytest.raises(turn.Failure):
        async with turn.connect(nowhere, timeout=0.2) as connection:
            await connection.binding()
