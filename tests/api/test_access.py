"""Who may ask, and how often: keys, origins, names, limits."""

import dataclasses

import pytest
from tests.support import endpoints

from turnfleet.api import options

KEYED = options.Options(
    key_hashes=(options.key_hash("old-key"), options.key_hash("new-key")),
    origins=("https://app.example",),
)
OPEN = dataclasses.replace(KEYED, access=options.Access.OPEN)


@pytest.mark.parametrize("key", ["old-key", "new-key"])
async def test_every_valid_key_opens(start: endpoints.Start, key: str) -> None:
    async with start(KEYED) as endpoint:
        assert (await endpoint.ask(Authorization=f"Bearer {key}")).status == 200
        assert (await endpoint.ask(Authorization=f"bearer  {key}")).status == 200


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Bearer wrong", "Basic old-key", "old-key", "Bearer é"],
)
async def test_without_a_valid_key_there_is_a_401(
    start: endpoints.Start, authorization: str
) -> None:
    async with start(KEYED) as endpoint:
        reply = await endpoint.ask(Authorization=authorization)

    assert reply.status == 401
    assert reply.headers["WWW-Authenticate"].startswith("Bearer")
    assert "wrong" not in reply.body.decode()


async def test_a_key_that_is_no_text_is_a_401(start: endpoints.Start) -> None:
    asked = b"GET /api/get-ice-servers HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
    async with start(KEYED) as endpoint:
        answer = await endpoint.raw(asked + b"Authorization: Bearer \xff\xfe\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 401 ")


async def test_open_access_takes_listed_origins_and_refuses_others(start: endpoints.Start) -> None:
    async with start(OPEN) as endpoint:
        listed = await endpoint.ask(Origin="https://app.example")
        other = await endpoint.ask(Origin="https://evil.example")

    assert listed.status == 200
    assert listed.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert {"X-Turnfleet-Rid", "X-Turnfleet-Expires"} <= set(
        listed.headers["Access-Control-Expose-Headers"].split(", ")
    )
    assert listed.headers["Vary"] == "Origin"
    assert other.status == 403
    assert "Access-Control-Allow-Origin" not in other.headers


async def test_in_open_access_a_name_pointed_here_is_not_the_same_origin(
    start: endpoints.Start,
) -> None:
    async with start(OPEN) as endpoint:
        rebound = await endpoint.ask(Origin="http://evil.example", Host="evil.example")

    assert rebound.status == 403
    assert "Access-Control-Allow-Origin" not in rebound.headers


async def test_a_wrong_key_is_refused_in_open_access_too(start: endpoints.Start) -> None:
    async with start(OPEN) as endpoint:
        assert (await endpoint.ask(Authorization="Bearer wrong")).status == 401


async def test_a_preflight_grants_listed_origins_only(start: endpoints.Start) -> None:
    asks = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    async with start(OPEN) as endpoint:
        listed = await endpoint.send(
            "OPTIONS", endpoints.SERVERS, headers={"Origin": "https://app.example", **asks}
        )
        other = await endpoint.send(
            "OPTIONS", endpoints.SERVERS, headers={"Origin": "https://evil.example", **asks}
        )

    assert listed.status == 204
    assert listed.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert "Content-Type" in listed.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Origin" not in other.headers


async def test_errors_can_be_read_by_the_page_that_caused_them(start: endpoints.Start) -> None:
    async with start(OPEN) as endpoint:
        reply = await endpoint.ask({"ttl": 0}, Origin="https://app.example")

    assert reply.status == 400
    assert reply.headers["Access-Control-Allow-Origin"] == "https://app.example"


async def test_a_refused_page_is_told_who_may_ask_in_this_mode(start: endpoints.Start) -> None:
    told = []
    for opts in (OPEN, options.loopback(), options.at_address("192.0.2.1")):
        async with start(opts) as endpoint:
            reply = await endpoint.ask(Origin="https://evil.example")
            told.append((reply.status, reply.json["detail"]))

    assert [status for status, _ in told] == [403, 403, 403]
    assert "operator can list the origin" in told[0][1]
    assert "only pages of this machine" in told[1][1]
    assert "only the page of this endpoint" in told[2][1]


@pytest.mark.parametrize("origin", ["http://localhost:3000", "http://127.0.0.1", "http://[::1]:80"])
async def test_a_developers_own_pages_may_ask_on_one_machine(
    endpoint: endpoints.Running, origin: str
) -> None:
    reply = await endpoint.ask(Origin=origin)

    assert reply.status == 200
    assert reply.headers["Access-Control-Allow-Origin"] == origin


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example", "null", "http://localhost.evil.example", "http://127.0.0.1.evil.ex",
        "http://localhost@evil.example", "file://", "http://", "http://[", "x" * 5000,
    ],
)  # fmt: skip
async def test_pages_from_elsewhere_may_not_ask_on_one_machine(
    endpoint: endpoints.Running, origin: str
) -> None:
    reply = await endpoint.ask(Origin=origin)

    assert reply.status == 403
    assert "Access-Control-Allow-Origin" not in reply.headers


async def test_on_the_local_network_only_the_endpoints_own_page_may_ask(
    start: endpoints.Start,
) -> None:
    async with start(options.at_address("127.0.0.1")) as endpoint:
        own = await endpoint.ask(Origin=f"http://127.0.0.1:{endpoint.port}")
        neighbour = await endpoint.ask(Origin="http://127.0.0.1:3000")

    assert own.status == 200
    assert neighbour.status == 403


@pytest.mark.parametrize(
    "path", ["/", "/api/get-ice-servers", "/api/regions", "/metrics", "/healthz"]
)
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80", "", "[::2]", "[::1"])
async def test_a_name_pointed_here_by_somebody_else_gets_nothing(
    endpoint: endpoints.Running, path: str, host: str
) -> None:
    reply = await endpoint.get(path, Host=host)

    assert reply.status == 403


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8080", "127.0.0.1:1", "[::1]:8080"])
async def test_the_endpoints_own_names_are_known(endpoint: endpoints.Running, host: str) -> None:
    assert (await endpoint.ask(Host=host)).status == 200


async def test_strangers_get_ten_at_once_and_then_thirty_a_minute(start: endpoints.Start) -> None:
    async with start(OPEN) as endpoint:
        at_once = [(await endpoint.ask()).status for _ in range(11)]
        refused = await endpoint.ask()
        keyed = await endpoint.ask(Authorization="Bearer new-key")
        endpoint.clock.now += 2
        later = [(await endpoint.ask()).status for _ in range(2)]

    assert at_once == [200] * 10 + [429]
    assert refused.headers["Retry-After"] == "2"
    assert refused.json["detail"]
    assert keyed.status == 200
    assert later == [200, 429]


async def test_on_the_local_network_neighbours_are_limited_as_strangers_are(
    start: endpoints.Start,
) -> None:
    async with start(options.at_address("127.0.0.1")) as endpoint:
        at_once = [(await endpoint.ask()).status for _ in range(11)]
        endpoint.clock.now += 5  # the page's "every 5 s"
        page = [
            (await endpoint.get("/api/regions")).status,
            (await endpoint.ask(Origin=f"http://127.0.0.1:{endpoint.port}")).status,
            (await endpoint.get("/api/explain")).status,
        ]

    assert at_once == [200] * 10 + [429]
    assert page == [200] * 3


async def test_on_loopback_there_is_no_limit(endpoint: endpoints.Running) -> None:
    assert {(await endpoint.ask()).status for _ in range(50)} == {200}


async def test_a_stranger_may_not_say_where_it_is(start: endpoints.Start) -> None:
    said = {"clientIp": "203.0.113.9", "country": "SG", "latitude": 1.35, "longitude": 103.8}
    async with start(OPEN) as endpoint:
        stranger = await endpoint.ask(said, query="?format=config")
        keyed = await endpoint.ask(said, query="?format=config", Authorization="Bearer new-key")

    assert stranger.rung == "default"
    assert stranger.json["selection"]["located"]["ignored"]
    assert keyed.rung == "request"


async def test_a_stranger_sees_nothing_of_the_fleets_inside(start: endpoints.Start) -> None:
    async with start(OPEN) as endpoint:
        config = await endpoint.ask(query="?format=config")
        regions = await endpoint.get("/api/regions")
        explained = await endpoint.get("/api/explain")
        metrics = await endpoint.get("/metrics")
        keyed = await endpoint.get("/api/regions", Authorization="Bearer new-key")
        wrong = await endpoint.get("/api/regions", Authorization="Bearer wrong")

    assert set(config.json["selection"]) == {"located", "choices", "notes"}
    assert set(regions.json["regions"][0]) == {"name", "residency", "latitude", "longitude"}
    assert explained.status == 401
    assert metrics.status == 404
    assert keyed.json["regions"][0]["relays"]
    assert wrong.status == 401
