"""What a client gets: roles, profiles, formats, credentials, headers."""

import base64
import hmac
import re

import pytest
from tests.support import endpoints, worlds

from turnfleet.api import board, options
from turnfleet.ice import rid
from turnfleet.steer import loading

RELAY_URL = re.compile(
    r"(turn:[0-9.]+:\d+\?transport=(udp|tcp)|turns:[0-9.]+:\d+\?transport=tcp|stun:[0-9.]+:\d+)"
)


async def test_the_seed_clients_call_gets_an_array_for_rtcpeerconnection(
    endpoint: endpoints.Running,
) -> None:
    reply = await endpoint.ask({"region": "US", "connectionType": "wifi"})

    assert reply.status == 200
    assert reply.headers["Content-Type"] == "application/json"
    assert [set(server) for server in reply.json] == [{"urls", "username", "credential"}] * 3
    assert all(isinstance(server["urls"], list) for server in reply.json)
    assert reply.json[0]["urls"][0].startswith("turn:203.0.2.")
    assert reply.json[1]["urls"][0].startswith("turn:203.0.2.")
    assert not reply.json[2]["urls"][0].startswith("turns:203.0.2.")


async def test_a_get_without_anything_is_answered_too(endpoint: endpoints.Running) -> None:
    reply = await endpoint.get(endpoints.SERVERS)

    assert reply.status == 200
    assert reply.json[0]["urls"][0].startswith("turn:203.0.1.")  # the default place is Frankfurt


async def test_credentials_are_signed_as_coturn_checks_them(endpoint: endpoints.Running) -> None:
    first, *_ = (await endpoint.ask({"region": "eu-central", "ttl": 600})).json

    assert first["username"].startswith(f"{endpoints.NOW + 600}:")
    expected = hmac.digest(b"eu-central:region-secret", first["username"].encode(), "sha1")
    assert base64.b64decode(first["credential"]) == expected


async def test_strangers_get_a_new_name_of_twelve_characters_each_time(
    endpoint: endpoints.Running,
) -> None:
    replies = [await endpoint.ask() for _ in range(3)]

    names = [reply.json[0]["username"].partition(":")[2] for reply in replies]
    assert len(set(names)) == 3
    assert {len(name) for name in names} == {12}


async def test_a_given_user_keeps_one_name_that_is_not_theirs(endpoint: endpoints.Running) -> None:
    replies = [await endpoint.ask({"user": "alice@example.com"}) for _ in range(2)]

    names = {reply.json[0]["username"].partition(":")[2] for reply in replies}
    assert len(names) == 1
    assert re.fullmatch("[A-Z2-7]{16}", names.pop())


@pytest.mark.parametrize(
    ("asked", "granted"), [(None, 3600), (1, 60), (600, 600), (10**9, 3600), (7200.0, 3600)]
)
async def test_a_ttl_is_clamped_and_the_effective_one_returned(
    endpoint: endpoints.Running, asked: int | None, granted: int
) -> None:
    reply = await endpoint.ask({"ttl": asked}, query="?format=config")

    assert reply.json["ttl"] == granted
    assert reply.json["expiresAt"] == endpoints.NOW + granted
    assert int(reply.headers["X-Turnfleet-Expires"]) == endpoints.NOW + granted


@pytest.mark.parametrize("profile", ["minimal", "balanced", "cascade", "tcp443", "full"])
async def test_every_profile_gives_urls_that_a_browser_accepts(
    endpoint: endpoints.Running, profile: str
) -> None:
    reply = await endpoint.ask({"profile": profile})

    urls = [url for server in reply.json for url in server["urls"]]
    assert urls
    assert all(RELAY_URL.fullmatch(url) for url in urls)
    assert len(urls) <= 8


async def test_the_relay_profile_says_so_in_a_configuration(endpoint: endpoints.Running) -> None:
    reply = await endpoint.ask({"profile": "relay"}, query="?format=config")

    assert reply.json["iceTransportPolicy"] == "relay"


async def test_a_configuration_explains_itself(endpoint: endpoints.Running) -> None:
    reply = await endpoint.ask({"region": "eu-central"}, query="?format=config")

    assert set(reply.json) == {
        "iceServers",
        "iceTransportPolicy",
        "ttl",
        "expiresAt",
        "refreshAfter",
        "selection",
        "rid",
    }
    assert reply.json["rid"] == reply.headers["X-Turnfleet-Rid"]
    selection = reply.json["selection"]
    assert selection["located"]["rung"] == "pinned"
    roles = [choice["role"] for choice in selection["choices"]]
    assert roles == ["primary", "backup"]
    assert {e["region"]: e["reason"] for e in selection["excluded"]} == {
        "us-east": "OtherResidency",
        "ap-southeast": "OtherResidency",
    }


async def test_the_uberti_format_has_one_credential(endpoint: endpoints.Running) -> None:
    reply = await endpoint.get(f"{endpoints.SERVERS}?format=uberti&region=US")

    assert set(reply.json) == {"username", "password", "ttl", "uris"}
    assert all("203.0.2." in uri for uri in reply.json["uris"])


async def test_udp_blocked_clients_get_tls_first(endpoint: endpoints.Running) -> None:
    reply = await endpoint.ask({"connectionType": "udp-blocked"})

    assert reply.json[0]["urls"][0].startswith("turns:")


async def test_an_answers_id_proves_what_was_offered(endpoint: endpoints.Running) -> None:
    reply = await endpoint.ask()

    said = rid.Signer(endpoints.FLEET_KEY).verify(
        reply.headers["X-Turnfleet-Rid"], now=endpoints.NOW
    )
    assert isinstance(said, rid.Rid)
    assert all(rid.url_id(url) in said.offered for server in reply.json for url in server["urls"])


async def test_no_answer_is_stored_by_a_cache(endpoint: endpoints.Running) -> None:
    assert (await endpoint.ask()).headers["Cache-Control"] == "no-store"
    assert (await endpoint.ask({"ttl": 0})).headers["Cache-Control"] == "no-store"


async def test_a_pin_without_a_group_keeps_the_primary_at_home(endpoint: endpoints.Running) -> None:
    reply = await endpoint.ask({"region": "ap-southeast"}, query="?format=config")

    regions = {c["role"]: c["region"] for c in reply.json["selection"]["choices"]}
    assert regions["primary"] == regions["backup"] == "ap-southeast"
    assert regions["fallback"] != "ap-southeast"


async def test_a_group_with_no_usable_relay_is_named_and_nobody_leaves_it(
    endpoint: endpoints.Running, current: board.Board
) -> None:
    regions = worlds.three_regions()
    health = {
        key: well for key, well in worlds.all_well(regions).items() if key.region != "eu-central"
    }
    current.publish_health(health)

    reply = await endpoint.ask({"residency": "eu"})

    assert reply.status == 503
    assert reply.json["residency"] == "eu"
    assert "eu" in reply.json["detail"]
    assert int(reply.headers["Retry-After"]) > 0


async def test_an_empty_fleet_is_a_503_and_not_an_empty_array() -> None:
    async with endpoints.running(board.Board(), options.loopback()) as endpoint:
        reply = await endpoint.ask()

    assert reply.status == 503
    assert reply.headers["Content-Type"] == "application/problem+json"


async def test_a_dead_relay_is_not_in_the_next_answer(
    endpoint: endpoints.Running, current: board.Board
) -> None:
    regions = worlds.three_regions()
    await endpoint.ask({"region": "eu-central"})
    health = {
        key: well for key, well in worlds.all_well(regions).items() if key.relay != "eu-central-1"
    }
    current.publish_health(health)

    replies = [await endpoint.ask({"region": "eu-central"}) for _ in range(20)]

    assert all(reply.status == 200 for reply in replies)
    assert not any(b"203.0.1.1:" in reply.body for reply in replies)


async def test_the_last_fleet_is_answered_from_for_as_long_as_nothing_new_comes(
    endpoint: endpoints.Running,
) -> None:
    await endpoint.ask()
    endpoint.clock.now += 86_400

    reply = await endpoint.ask()

    assert reply.status == 200
    assert int(reply.headers["X-Turnfleet-Expires"]) == endpoints.NOW + 86_400 + 3600


async def test_turn_urls_handed_out_are_load_from_the_next_second_each_of_them_once(
    endpoint: endpoints.Running, current: board.Board
) -> None:
    def pending() -> float:
        return sum(
            m.occupancy.pending * loading.capacity(region.spec, m.relay)
            for region in current.fleet.regions.values()
            for m in region.members
            if m.occupancy is not None
        )

    replies = [await endpoint.ask({"region": "eu-central"}) for _ in range(300)]
    urls = [url for reply in replies for server in reply.json for url in server["urls"]]
    assert pending() == 0
    for _ in range(3):
        endpoint.clock.now += 1
        await endpoint.ask({"region": "eu-central"})
        expected = sum(url.startswith("turn") for url in urls)
        assert pending() == pytest.approx(expected, rel=0.1)
