"""The short way and the generic way are one endpoint to whoever asks."""

import asyncio
import re
import socket

import pytest
from tests.support import endpoints

HEAD = (
    b"POST /api/get-ice-servers HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
)
LAST = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
BODY = b'{"region":"eu-central","user":"bob"}'
RANDOM = re.compile(rb'(?<=X-Turnfleet-Rid: )[\w-]+|(?<=Date: )[^\r]+|(?<="rid":")[^"]+')
GENERIC = b"Upgrade: nothing\r\n"
"""A header that changes only one thing: a request with it is not plain."""


def posted(body: bytes = BODY, more: bytes = b"") -> bytes:
    return HEAD + more + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


async def exchanged(endpoint: endpoints.Running, request: bytes) -> bytes:
    """Return the answer to the first of two requests on one connection, without randomness."""
    answers = await endpoint.raw(request + LAST)
    first, _, last = answers.rpartition(b"HTTP/1.1 ")
    assert last.startswith(b"200 OK")
    assert last.endswith(b"\r\n\r\nok\n")
    return RANDOM.sub(b"*", first)


@pytest.mark.parametrize("origin", [b"", b"Origin: http://127.0.0.1:3000\r\n"])
@pytest.mark.parametrize(
    "body", [BODY, b'{"region":"US","profile":"full","ttl":600,"user":"eve"}', b'{"user":"alice"}']
)
async def test_both_ways_answer_the_same_bytes(
    endpoint: endpoints.Running, body: bytes, origin: bytes
) -> None:
    short = await exchanged(endpoint, posted(body, origin))
    generic = await exchanged(endpoint, posted(body, origin + GENERIC))

    assert short.startswith(b"HTTP/1.1 200 OK\r\n")
    assert short == generic


@pytest.mark.parametrize(
    ("body", "status"),
    [(b'{"ttl":0}', 400), (b"{", 400), (b'{"residency":"mars"}', 404), (b" " * 16_385, 413)],
)
async def test_both_ways_refuse_the_same(
    endpoint: endpoints.Running, body: bytes, status: int
) -> None:
    short = await exchanged(endpoint, posted(body))
    generic = await exchanged(endpoint, posted(body, GENERIC))

    assert short.startswith(b"HTTP/1.1 %d " % status)
    assert sorted(short.splitlines()) == sorted(generic.splitlines())


async def test_a_get_with_a_query_is_the_same_both_ways(endpoint: endpoints.Running) -> None:
    head = (
        b"GET /api/get-ice-servers?region=US&user=bob&format=config HTTP/1.1\r\nHost: localhost\r\n"
    )

    short = await exchanged(endpoint, head + b"\r\n")
    generic = await exchanged(endpoint, head + GENERIC + b"\r\n")

    assert short.startswith(b"HTTP/1.1 200 OK\r\n")
    assert short == generic


async def test_pipelined_requests_are_answered_in_order(endpoint: endpoints.Running) -> None:
    bodies = [b'{"ttl":%d,"user":"bob"}' % ttl for ttl in range(100, 180)]

    answers = await endpoint.raw(b"".join(map(posted, bodies)) + LAST)

    expiries = [int(found) for found in re.findall(rb"X-Turnfleet-Expires: (\d+)", answers)]
    assert expiries == [endpoints.NOW + ttl for ttl in range(100, 180)]


async def test_a_body_in_pieces_is_waited_for(endpoint: endpoints.Running) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", endpoint.port)
    whole = posted()
    for piece in (whole[:20], whole[20:-10], whole[-10:-3], whole[-3:]):
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.02)

    assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")

    writer.close()
    await writer.wait_closed()


async def test_a_chunked_body_is_understood(endpoint: endpoints.Running) -> None:
    sent = HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)

    assert (await exchanged(endpoint, sent)).startswith(b"HTTP/1.1 200 ")


async def test_a_body_that_breaks_its_own_framing_ends_the_connection(
    endpoint: endpoints.Running,
) -> None:
    sent = HEAD + b"Transfer-Encoding: chunked\r\n\r\nnot a size\r\n"

    assert b" 400 Bad Request\r\n" in await endpoint.raw(sent)
    assert (await endpoint.ask()).status == 200


async def test_a_client_that_expects_100_continue_gets_it(endpoint: endpoints.Running) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", endpoint.port)
    writer.write(HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(BODY))
    assert await reader.readline() == b"HTTP/1.1 100 Continue\r\n"
    writer.write(BODY)
    await reader.readline()

    assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")

    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize(
    "head",
    [
        b"GET /api/get-ice-servers HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET /api/get-ice-servers HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
    ],
)
async def test_a_connection_that_is_not_to_be_kept_is_closed(
    endpoint: endpoints.Running, head: bytes
) -> None:
    answer = await endpoint.raw(head)  # returns only when the endpoint closes

    assert b" 200 OK\r\n" in answer
    assert answer.endswith(b"]")


async def test_a_head_has_headers_and_no_body(endpoint: endpoints.Running) -> None:
    reply = await endpoint.send("HEAD", endpoints.SERVERS)

    assert reply.status == 200
    assert reply.body == b""
    assert "X-Turnfleet-Rid" in reply.headers


async def test_a_client_that_reads_nothing_is_not_answered_for_ever(
    endpoint: endpoints.Running,
) -> None:
    asked = 20_000  # some 15 MB of answers: more than the endpoint's side of a socket holds
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.connect(("127.0.0.1", endpoint.port))
    _, writer = await asyncio.open_connection(sock=narrow, limit=1)
    writer.write(posted() * asked)

    answered, before = await _answered(endpoint), -1
    while answered != before:
        await asyncio.sleep(0.3)
        answered, before = await _answered(endpoint), answered

    writer.transport.abort()
    assert 0 < answered < asked


async def _answered(endpoint: endpoints.Running) -> int:
    metrics = (await endpoint.get("/metrics")).body
    return int(float(metrics.partition(b"turnfleet_answer_seconds_count ")[2].split()[0]))


async def test_a_client_that_leaves_early_disturbs_nobody(endpoint: endpoints.Running) -> None:
    for _ in range(20):
        _, writer = await asyncio.open_connection("127.0.0.1", endpoint.port)
        writer.write(posted() * 5)
        writer.transport.abort()

    assert (await endpoint.ask()).status == 200
