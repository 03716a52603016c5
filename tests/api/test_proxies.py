"""What proxies say of a client: believed of the trusted, whatever others write."""

import dataclasses
import ipaddress

import pytest
from tests.support import atlas, endpoints

from turnfleet.api import options

OPEN = options.Options(access=options.Access.OPEN)
BEHIND_A_PROXY = dataclasses.replace(
    OPEN,
    trusted_proxies=(ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("10.0.0.0/8")),
)


async def test_forwarded_headers_of_an_untrusted_peer_do_not_count(start: endpoints.Start) -> None:
    known = atlas.WrittenAtlas(countries={"198.51.100.0/24": atlas.SINGAPORE})
    forged = {"X_Forwarded_For": "198.51.100.7", "CF_IPCountry": "SG"}
    async with start(OPEN, known=known) as endpoint:
        reply = await endpoint.ask(query="?format=config", **forged)

    assert reply.rung == "default"


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        ("198.51.100.7", "country"),
        ("192.0.2.1, 198.51.100.7", "country"),  # what is left of it was written by the client
        ("198.51.100.7, 10.1.2.3", "country"),  # a trusted hop on the way
        ("198.51.100.7, 192.0.2.1", "default"),
        ("::ffff:198.51.100.7", "country"),
        ("[::ffff:198.51.100.7]:4711", "country"),
        ("198.51.100.7:4711", "country"),
        ("198.51.100.7, unknown", "default"),
        ("junk", "default"),
        (", ,", "default"),
        ("", "default"),
    ],
)
async def test_a_trusted_proxys_list_is_walked_from_the_right(
    start: endpoints.Start, forwarded: str, expected: str
) -> None:
    known = atlas.WrittenAtlas(countries={"198.51.100.0/24": atlas.SINGAPORE})
    async with start(BEHIND_A_PROXY, known=known) as endpoint:
        reply = await endpoint.ask(query="?format=config", X_Forwarded_For=forwarded)

    assert reply.rung == expected


@pytest.mark.parametrize(
    "headers",
    [
        {"CF_IPCountry": "sg"},
        {"CF_IPCountry": "SG", "CF_IPLatitude": "1.35", "CF_IPLongitude": "103.8"},
        {"CloudFront_Viewer_Country": "SG"},
        {"CloudFront_Viewer_Latitude": "1.35", "CloudFront_Viewer_Longitude": "103.8"},
        {"X_AppEngine_Country": "ZZ", "X_AppEngine_CityLatLong": "1.352083,103.819836"},
        {"X_Vercel_IP_Country": "SG"},
        {"X_Vercel_IP_Latitude": "1.35", "X_Vercel_IP_Longitude": "103.8"},
    ],
)
async def test_geo_headers_of_a_trusted_proxy_count(
    start: endpoints.Start, headers: dict[str, str]
) -> None:
    async with start(BEHIND_A_PROXY) as endpoint:
        reply = await endpoint.ask(query="?format=config", **headers)

    assert reply.rung == "header"
    assert reply.json["selection"]["choices"][0]["region"] == "ap-southeast"


@pytest.mark.parametrize(
    "headers",
    [
        {"CF_IPCountry": "XX"},
        {"CF_IPCountry": "T1"},
        {"CF_IPCountry": "DROP TABLE"},
        {"X_AppEngine_CityLatLong": "0.000000,0.000000"},
        {"X_AppEngine_CityLatLong": "nan,nan"},
        {"X_Vercel_IP_Latitude": "91", "X_Vercel_IP_Longitude": "0"},
        {"X_Vercel_IP_Latitude": "1"},
    ],
)
async def test_geo_headers_that_say_nothing_are_a_lower_rung(
    start: endpoints.Start, headers: dict[str, str]
) -> None:
    async with start(BEHIND_A_PROXY) as endpoint:
        reply = await endpoint.ask(query="?format=config", **headers)

    assert reply.rung == "default"


async def test_each_client_behind_a_proxy_has_a_limit_of_its_own(start: endpoints.Start) -> None:
    async with start(BEHIND_A_PROXY) as endpoint:
        for _ in range(10):
            await endpoint.ask(X_Forwarded_For="2001:db8::1")
        neighbour = await endpoint.ask(X_Forwarded_For="2001:db8::ffff")
        stranger = await endpoint.ask(X_Forwarded_For="2001:db8:0:1::1")

    assert neighbour.status == 429
    assert stranger.status == 200
