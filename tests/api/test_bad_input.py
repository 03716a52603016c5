"""Requests that are wrong get the right status and a sentence; the endpoint goes on."""

import io
import json
import zlib

import pytest
from tests.support import endpoints

from turnfleet.api import options, requests


def assert_refused(reply: endpoints.Reply, status: int, field: str | None = None) -> None:
    assert reply.status == status
    assert reply.headers["Content-Type"] == "application/problem+json"
    problem = reply.json
    assert problem["status"] == status
    assert problem["detail"].endswith(".")
    assert problem.get("field") == field


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"ttl": -1}, "ttl"),
        ({"ttl": 0}, "ttl"),
        ({"ttl": "x"}, "ttl"),
        ({"ttl": "600"}, "ttl"),
        ({"ttl": True}, "ttl"),
        ({"ttl": 1.5}, "ttl"),
        ({"ttl": [1]}, "ttl"),
        ({"region": 7}, "region"),
        ({"region": ["eu"]}, "region"),
        ({"region": {"name": "eu"}}, "region"),
        ({"region": False}, "region"),
        ({"residency": 1}, "residency"),
        ({"connectionType": 4}, "connectionType"),
        ({"profile": "best"}, "profile"),
        ({"profile": "relay"}, "format"),
        ({"format": "xml"}, "format"),
        ({"user": 12}, "user"),
        ({"user": "x" * 129}, "user"),
        ({"user": "x" * 1000}, "user"),
        ({"user": "a b"}, "user"),
        ({"user": "' OR 1=1 --"}, "user"),
        ({"user": "%s%s%n"}, "user"),
        ({"user": "a\r\nX-Evil: 1"}, "user"),
        ({"user": "\ud800"}, "user"),
        ({"user": "ünïcode"}, "user"),
        ({"user": "\u0661"}, "user"),
        ({"clientIp": "not an address"}, "clientIp"),
        ({"clientIp": 1}, "clientIp"),
        ({"country": "Germany"}, "country"),
        ({"latitude": 91, "longitude": 0}, "latitude"),
        ({"latitude": "50", "longitude": "8"}, "latitude"),
        ({"latitude": True, "longitude": 0}, "latitude"),
        ({"latitude": 1e400, "longitude": 0}, None),
        ({"latitude": 0, "longitude": -180.5}, "longitude"),
    ],
)
async def test_a_wrong_value_is_a_400_that_names_its_field(
    endpoint: endpoints.Running, fields: dict[str, object], field: str | None
) -> None:
    assert_refused(await endpoint.ask(fields), 400, field)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("ttl=0", "ttl"),
        ("ttl=-5", "ttl"),
        ("ttl=x", "ttl"),
        ("ttl=1_000", "ttl"),
        ("ttl=%D9%A1", "ttl"),
        ("latitude=nan&longitude=0", "latitude"),
        ("latitude=inf&longitude=0", "latitude"),
        ("latitude=1e2&longitude=0", "latitude"),
        ("user=%00", "user"),
        ("user=a&user=b", "user"),
        ("region=a&region=", "region"),
        ("format=config&format=array", "format"),
        ("profile=relay", "format"),
    ],
)
async def test_a_wrong_query_is_a_400_that_names_its_field(
    endpoint: endpoints.Running, query: str, field: str
) -> None:
    assert_refused(await endpoint.get(f"{endpoints.SERVERS}?{query}"), 400, field)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"not json",
        b"\xff\xfe",
        b'{"latitude": NaN, "longitude": 0}',
        b'{"latitude": Infinity, "longitude": 0}',
        b"[" * 16_000,
        b'{"ttl": ' + b"9" * 5000 + b"}",
        b"[]",
        b"null",
        b'"region"',
        b"7",
        b"true",
    ],
)
async def test_a_body_that_is_no_json_object_is_a_400(
    endpoint: endpoints.Running, body: bytes
) -> None:
    reply = await endpoint.send(
        "POST", endpoints.SERVERS, data=body, headers={"Content-Type": "application/json"}
    )

    assert_refused(reply, 400)


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
async def test_a_body_of_another_type_is_a_415(
    endpoint: endpoints.Running, content_type: str
) -> None:
    reply = await endpoint.send(
        "POST", endpoints.SERVERS, data=b"{}", headers={"Content-Type": content_type}
    )

    assert_refused(reply, 415)


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON"])
async def test_json_may_be_spelled_as_http_allows(
    endpoint: endpoints.Running, content_type: str
) -> None:
    reply = await endpoint.send(
        "POST", endpoints.SERVERS, data=b"{}", headers={"Content-Type": content_type}
    )

    assert reply.status == 200


async def test_a_body_of_10_mb_is_a_413_and_the_endpoint_goes_on(
    endpoint: endpoints.Running,
) -> None:
    reply = await endpoint.send(
        "POST",
        endpoints.SERVERS,
        data=io.BytesIO(b" " * 10_000_000),
        headers={"Content-Type": "application/json"},
    )

    assert_refused(reply, 413)
    assert (await endpoint.ask()).status == 200


async def test_a_large_body_without_a_length_is_a_413_too(endpoint: endpoints.Running) -> None:
    sent = (
        b"POST /api/get-ice-servers HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
         b"4000\r\n" + b" " * 0x4000 + b"\r\n4000\r\n" + b" " * 0x4000 + b"\r\n0\r\n\r\n"
    )  # fmt: skip

    assert (await endpoint.raw(sent)).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    "sent",
    [
        b"the-evil one\r\n\r\n",
        b"GET /?%b HTTP/1.1\r\nHost: localhost\r\n\r\n" % (b"evil" * 2500),
        b"GET / HTTP/1.1\r\nHost: localhost\r\nCookie: %b\r\n\r\n" % (b"evil" * 15_000),
        b"GET / HTTP/1.1\r\nHost: localhost\r\nEvil: evil\x00\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: evil\r\nHost: evil\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nevil",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nevil!",
    ],
)
async def test_what_is_not_http_is_a_400_that_repeats_nothing(
    endpoint: endpoints.Running, sent: bytes
) -> None:
    head, _, body = (await endpoint.raw(sent)).partition(b"\r\n\r\n")

    assert head.split()[1] == b"400"
    assert b"\r\nServer: turnfleet" in head
    assert b"\r\nContent-Type: application/problem+json" in head
    assert json.loads(body)["detail"].endswith(".")
    for leak in (b"evil", b"aiohttp", b"Python"):
        assert leak not in head + body


async def test_a_packed_body_is_not_unpacked(endpoint: endpoints.Running) -> None:
    packed = zlib.compress(b" " * 16_000_000)
    headers = {"Content-Type": "application/json", "Content-Encoding": "deflate"}

    reply = await endpoint.send("POST", endpoints.SERVERS, data=packed, headers=headers)

    assert len(packed) < 16_384  # so only what is in it could be too large
    assert_refused(reply, 400)


async def test_a_body_just_over_the_limit_is_a_413(endpoint: endpoints.Running) -> None:
    body = b"{" + b" " * (16 * 1024 - 1) + b"}"
    reply = await endpoint.send(
        "POST", endpoints.SERVERS, data=body, headers={"Content-Type": "application/json"}
    )

    assert_refused(reply, 413)


@pytest.mark.parametrize("region", ["Atlantis", "us-west-9", "x" * 10_000, "\ud800", "' OR 1=1"])
async def test_an_unknown_region_is_a_hint(endpoint: endpoints.Running, region: str) -> None:
    reply = await endpoint.ask({"region": region}, query="?format=config")

    assert reply.status == 200
    assert reply.json["selection"]["located"]["ignored"]


@pytest.mark.parametrize("connection", ["carrier-pigeon", "x" * 10_000, "5G+", "\ud800"])
async def test_an_unknown_connection_type_is_a_hint(
    endpoint: endpoints.Running, connection: str
) -> None:
    reply = await endpoint.ask({"connectionType": connection}, query="?format=config")

    (sentence,) = reply.json["selection"]["located"]["ignored"]
    assert sentence.startswith("connectionType ")
    assert len(sentence) < 400


@pytest.mark.parametrize("half", ["latitude", "longitude"])
async def test_half_a_place_is_ignored_and_said_so(endpoint: endpoints.Running, half: str) -> None:
    reply = await endpoint.ask({half: 50}, query="?format=config")

    assert reply.json["selection"]["located"]["rung"] == "default"
    assert half in reply.json["selection"]["located"]["ignored"][0]


async def test_an_unknown_residency_is_a_404(endpoint: endpoints.Running) -> None:
    assert_refused(await endpoint.ask({"residency": "mars"}), 404, "residency")


async def test_null_and_empty_are_as_good_as_absent(endpoint: endpoints.Running) -> None:
    names = (
        "region", "residency", "connectionType", "ttl", "profile", "user", "clientIp", "country",
        "latitude", "longitude", "format",
    )  # fmt: skip

    assert (await endpoint.ask(dict.fromkeys(names))).status == 200
    assert (await endpoint.ask(dict.fromkeys(names, ""))).status == 200
    query = "&".join(f"{name}=" for name in names)
    assert (await endpoint.get(f"{endpoints.SERVERS}?{query}")).status == 200


async def test_a_post_without_a_body_is_an_empty_request(endpoint: endpoints.Running) -> None:
    assert (await endpoint.send("POST", endpoints.SERVERS)).status == 200


async def test_names_nobody_knows_are_ignored(endpoint: endpoints.Running) -> None:
    assert (await endpoint.ask({"colour": "green", "": 1})).status == 200
    assert (await endpoint.ask({"colour": 1}, query="?colour=a&colour=b&=&=")).status == 200
    assert "colour" not in (await endpoint.get("/metrics")).body.decode()


async def test_names_nobody_knows_are_listed(endpoint: endpoints.Running) -> None:
    configured = await endpoint.ask({"colour": "green"}, query="?format=config&conection=lte")
    explained = await endpoint.get("/api/explain?colour=a&colour=b")
    many = await endpoint.ask({f"{n}{'x' * 100}": n for n in range(100)}, query="?format=config")

    assert configured.json["selection"]["located"]["ignored"] == [
        "'conection' is no field of a request",
        "'colour' is no field of a request",
    ]
    assert explained.json["located"]["ignored"] == ["'colour' is no field of a request"]
    listed = many.json["selection"]["located"]["ignored"]
    assert len(listed) == 6
    assert listed[-1] == "95 more names are no fields of a request"
    assert max(len(sentence) for sentence in listed) < 80


async def test_an_address_that_no_database_knows_is_said_so(endpoint: endpoints.Running) -> None:
    reply = await endpoint.get("/api/explain?clientIp=198.51.100.7")

    assert reply.json["located"]["rung"] == "default"
    assert reply.json["located"]["ignored"] == [
        "clientIp is in no geo database or table of networks here"
    ]


def test_of_a_long_name_only_the_beginning_is_kept() -> None:
    body = json.dumps({"region": "r" * 10_000, "residency": "s" * 10_000}).encode()

    asked = requests.read("", body)

    assert isinstance(asked, requests.Asked)
    assert {len(asked.where.region or ""), len(asked.where.residency or "")} == {128}


async def test_a_name_in_body_and_query_is_given_twice(endpoint: endpoints.Running) -> None:
    assert_refused(await endpoint.ask({"ttl": 60}, query="?ttl=61"), 400, "ttl")


async def test_other_methods_are_a_405_that_lists_those_there_are(
    endpoint: endpoints.Running,
) -> None:
    reply = await endpoint.send("DELETE", endpoints.SERVERS)

    assert_refused(reply, 405)
    asked = await endpoint.send("OPTIONS", endpoints.SERVERS)
    assert _listed(reply.headers["Allow"]) == {"GET", "HEAD", "POST", "OPTIONS"}
    assert _listed(asked.headers["Allow"]) == _listed(reply.headers["Allow"])


async def test_an_unknown_path_is_a_404_with_a_sentence(endpoint: endpoints.Running) -> None:
    assert_refused(await endpoint.get("/api/nothing"), 404)


@pytest.mark.parametrize("user", ["UNION.select", "_probe"])
async def test_plain_users_that_relays_refuse_are_a_400(start: endpoints.Start, user: str) -> None:
    async with start(options.Options(access=options.Access.LOCAL, plain_users=True)) as endpoint:
        refused = await endpoint.ask({"user": user})
        plain = await endpoint.ask({"user": "alice"})

    assert_refused(refused, 400, "user")
    assert plain.json[0]["username"].endswith(":alice")


def _listed(header: str) -> set[str]:
    return set(header.replace(" ", "").split(","))
