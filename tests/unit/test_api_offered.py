"""Which URLs of a token still lead to a relay, and whether its health matters."""

import dataclasses

from tests.support import worlds

from turnfleet.api import board, offered
from turnfleet.ice import rid
from turnfleet.learn import convert
from turnfleet.model import fleet, region

URLS = ("turn:203.0.2.1:3478?transport=udp", "turns:203.0.1.1:5349?transport=tcp")


def token(*urls: str) -> rid.Rid:
    return rid.Rid(
        time=0, nonce=b"", source=b"", cell="", offered=tuple(rid.url_id(url) for url in urls)
    )


def route(name: str, relay: str, transport: region.Transport) -> convert.Route:
    return convert.Route(region=name, name=relay, transport=transport, named=False)


def published(*regions: fleet.Published) -> board.Board:
    current = board.Board()
    current.publish_regions(regions)
    return current


def test_urls_lead_to_their_regions_in_the_order_they_were_offered() -> None:
    current = published(*worlds.three_regions())

    found = offered.Routes().of(token(*URLS), current.fleet)
    assert list(found.items()) == [
        (URLS[0], route("us-east", "us-east-1", region.Transport.UDP)),
        (URLS[1], route("eu-central", "eu-central-1", region.Transport.TLS)),
    ]
    assert found[URLS[0]].relay == fleet.RelayKey("us-east", "us-east-1")


def test_what_was_not_offered_or_is_no_relays_leads_nowhere() -> None:
    current = published(*worlds.three_regions())
    strangers = token("turn:192.0.2.1:3478?transport=udp", "stun:203.0.1.1:3478")

    assert offered.Routes().of(strangers, current.fleet) == {}
    assert offered.Routes().of(token(), current.fleet) == {}


def test_a_sick_relay_is_still_known_and_one_that_left_is_not() -> None:
    regions = worlds.three_regions()
    current, routes = published(*regions), offered.Routes()
    sick = fleet.Health(reason=fleet.Reason.UNREACHABLE, silent=frozenset({"203.0.1.1"}))
    current.publish_health({relay.key: sick for one in regions for relay in one.relays})

    assert len(routes.of(token(*URLS), current.fleet)) == 2
    current.publish_regions(regions[:1])
    assert list(routes.of(token(*URLS), current.fleet)) == [URLS[1]]


def test_a_relay_with_a_name_is_named() -> None:
    [one, *_] = worlds.three_regions()
    named = tuple(dataclasses.replace(relay, hostname="a.example") for relay in one.relays[:1])
    current = published(dataclasses.replace(one, relays=named))
    url = "turn:a.example:3478?transport=udp"

    assert offered.Routes().of(token(url), current.fleet)[url].named


def test_a_url_is_of_ipv6_by_its_address_or_where_its_name_has_no_other() -> None:
    [one, *_] = worlds.three_regions()
    both = ("203.0.1.1", "2001:db8::1")
    found = {}
    for addresses, hostname, url in (
        (both, None, "turn:203.0.1.1:3478?transport=udp"),
        (both, None, "turn:[2001:db8::1]:3478?transport=udp"),
        (both, "a.example", "turn:a.example:3478?transport=udp"),
        (both[1:], "b.example", "turn:b.example:3478?transport=udp"),
    ):
        relay = dataclasses.replace(one.relays[0], addresses=addresses, hostname=hostname)
        current = published(dataclasses.replace(one, relays=(relay,)))
        found[url] = offered.Routes().of(token(url), current.fleet)[url].ipv6

    assert list(found.values()) == [False, True, False, True]
