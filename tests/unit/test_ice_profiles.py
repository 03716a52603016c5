"""Profiles: for every one of them the URLs of the table, and never a URL a browser would refuse."""

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import fleets

from turnfleet.ice import profiles, urls
from turnfleet.model import fleet, geo, region, selection
from turnfleet.steer import estimating, selecting

Connection = profiles.Connection
Profile = profiles.Profile
Transport = region.Transport

_IPV4 = r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_IPV6 = r"\[(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}\]"
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = rf"(?=[^:]{{1,253}}:){_LABEL}(?:\.{_LABEL})*"
_HOST = rf"(?:{_IPV4}|{_IPV6}|{_NAME})"
VALID = re.compile(
    rf"stun:{_HOST}:\d{{1,5}}|turn:{_HOST}:\d{{1,5}}\?transport=(?:udp|tcp)"
    rf"|turns:{_HOST}:\d{{1,5}}\?transport=tcp"
)
"""RFC 7064 section 3.1 and RFC 7065 section 3.1, with a port always and less freedom."""

PRIMARY, BACKUP, FALLBACK = (("p", "192.0.2.1"), ("b", "192.0.2.2"), ("f", "192.0.2.3"))


def a_selection(*members: fleet.Member) -> selection.Selection:
    """Return members in the roles primary, backup, fallback."""
    home, away = fleets.a_region("home"), fleets.a_region("away", credential_ttl=600)
    regions = (home, home, away)
    return selection.Selection(
        choices=tuple(
            selection.Choice(role=role, region=found, member=member, estimate=1.0)
            for role, found, member in zip(selection.Role, regions, members, strict=False)
        ),
        ranked=(),
        excluded=(),
        located=geo.Located(place=geo.Place(latitude=0, longitude=0), rung=geo.Rung.DEFAULT),
    )


def three(**others: object) -> selection.Selection:
    return a_selection(
        *(
            fleets.a_member(name, addresses=[address], **others)  # type: ignore[arg-type]
            for name, address in (PRIMARY, BACKUP, FALLBACK)
        )
    )


def short(url: str) -> str:
    """Return a URL as role and transport: ``p/udp``."""
    for name, address in (PRIMARY, BACKUP, FALLBACK):
        if address in url:
            scheme, transport = url.partition(":")[0], url.rpartition("=")[2]
            return f"{name}/{transport if scheme == 'turn' else scheme}"
    raise AssertionError(url)


def laid_out(
    chosen: selection.Selection, profile: Profile, connection: Connection = Connection.ANY
) -> str:
    """Return an answer in one line: servers apart by ``|``."""
    found = profiles.servers(chosen.choices, profile, connection)
    return " | ".join(" ".join(map(short, server.urls)) for server in found)


ANY, CELLULAR, TLS_FIRST = Connection


@pytest.mark.parametrize(
    ("profile", "connection", "expected"),
    [
        (Profile.BALANCED, ANY, "p/udp p/turns | b/udp | f/turns"),
        (Profile.BALANCED, CELLULAR, "p/udp | b/udp | f/turns"),
        (Profile.BALANCED, TLS_FIRST, "p/turns p/udp | b/turns | f/turns"),
        (Profile.RELAY, ANY, "p/udp p/turns | b/udp | f/turns"),
        (Profile.RELAY, CELLULAR, "p/udp | b/udp | f/turns"),
        (Profile.RELAY, TLS_FIRST, "p/turns p/udp | b/turns | f/turns"),
        (Profile.MINIMAL, ANY, "p/udp p/turns"),
        (Profile.MINIMAL, CELLULAR, "p/udp p/turns"),
        (Profile.MINIMAL, TLS_FIRST, "p/turns p/udp"),
        (Profile.CASCADE, ANY, "p/stun p/udp | b/stun b/udp | f/udp"),
        (Profile.CASCADE, CELLULAR, "p/udp | b/udp | f/udp"),
        (Profile.CASCADE, TLS_FIRST, "p/turns p/udp | b/turns | f/turns"),
        (Profile.TCP443, ANY, "p/stun p/turns | b/turns | f/turns"),
        (Profile.TCP443, CELLULAR, "p/turns | b/turns | f/turns"),
        (Profile.TCP443, TLS_FIRST, "p/stun p/turns | b/turns | f/turns"),
        (Profile.FULL, ANY, "p/udp p/tcp p/turns | b/udp b/tcp b/turns | f/udp f/turns"),
        (Profile.FULL, CELLULAR, "p/udp p/turns | b/udp | f/turns"),
        (Profile.FULL, TLS_FIRST, "p/turns p/tcp p/udp | b/turns b/tcp b/udp | f/turns f/udp"),
    ],
)
def test_the_table_of_profiles(profile: Profile, connection: Connection, expected: str) -> None:
    assert laid_out(three(), profile, connection) == expected


@pytest.mark.parametrize(
    ("working", "profile", "expected"),
    [
        ([Transport.UDP], Profile.BALANCED, "p/udp | b/udp | f/udp"),
        ([Transport.UDP, Transport.TCP], Profile.BALANCED, "p/udp p/tcp | b/udp | f/udp"),
        ([Transport.TLS], Profile.BALANCED, "p/turns | b/turns | f/turns"),
        ([Transport.TCP], Profile.CASCADE, "p/tcp | b/tcp | f/tcp"),
        ([Transport.UDP], Profile.TCP443, "p/stun p/udp | b/udp | f/udp"),
        ([Transport.UDP, Transport.TCP], Profile.TCP443, "p/stun p/tcp p/udp | b/tcp | f/tcp"),
        ([Transport.TLS], Profile.TCP443, "p/turns | b/turns | f/turns"),
        ([Transport.TCP], Profile.FULL, "p/tcp | b/tcp | f/tcp"),
    ],
)
def test_a_transport_that_is_missing_gives_way_to_the_next_best(
    working: list[Transport], profile: Profile, expected: str
) -> None:
    assert laid_out(three(working=working), profile) == expected


def test_only_what_is_on_and_works_is_offered() -> None:
    chosen = three(
        listeners=region.Listeners(udp=3478, tls=443), working=[Transport.TCP, Transport.TLS]
    )
    assert laid_out(chosen, Profile.FULL) == "p/turns | b/turns | f/turns"


@pytest.mark.parametrize("listeners", [region.Listeners(udp=53), region.Listeners(udp=53, tls=53)])
def test_port_53_is_never_offered(listeners: region.Listeners) -> None:
    assert profiles.servers(three(listeners=listeners).choices, Profile.BALANCED, ANY) == ()


def test_a_name_serves_every_url_and_both_families() -> None:
    member = fleets.a_member("p", addresses=["192.0.2.1", "2001:db8::1"], hostname="p.example.com")
    (server,) = profiles.servers(a_selection(member).choices, Profile.FULL, ANY)
    assert server.urls == (
        "turn:p.example.com:3478?transport=udp",
        "turn:p.example.com:3478?transport=tcp",
        "turns:p.example.com:5349?transport=tcp",
    )


def test_without_a_name_every_role_can_be_reached_by_both_families() -> None:
    member = fleets.a_member("p", addresses=["192.0.2.1", "2001:db8::1"])
    (server,) = profiles.servers(a_selection(member).choices, Profile.BALANCED, ANY)
    assert server.urls == (
        "turn:192.0.2.1:3478?transport=udp",
        "turn:[2001:db8::1]:3478?transport=udp",
        "turns:192.0.2.1:5349?transport=tcp",
    )


def test_an_address_known_to_be_silent_is_not_offered() -> None:
    both = ["192.0.2.1", "2001:db8::1"]
    member = fleets.a_member("p", addresses=both, silent=["192.0.2.1"])
    assert urls.turn(member, Transport.TLS) == ("turns:[2001:db8::1]:5349?transport=tcp",)
    assert urls.stun(member) == ("stun:[2001:db8::1]:3478",)


def test_a_server_knows_what_signs_it_and_for_how_long() -> None:
    primary, _, fallback = profiles.servers(three().choices, Profile.BALANCED, ANY)
    assert (primary.region, primary.relay, primary.ttl) == ("home", "p", 3600)
    assert (fallback.region, fallback.relay, fallback.ttl) == ("away", "f", 600)


def test_nothing_selected_is_no_server() -> None:
    assert profiles.servers(a_selection().choices, Profile.FULL, ANY) == ()


@pytest.mark.parametrize(
    ("text", "connection"),
    [
        ("cellular", CELLULAR),
        ("3G", CELLULAR),
        ("4g", ANY),
        ("wifi", ANY),
        ("Corporate", TLS_FIRST),
        ("udp-blocked", TLS_FIRST),
        ("carrier pigeon", None),
        ("", None),
        (None, None),
    ],
)
def test_connection_types(text: str | None, connection: Connection | None) -> None:
    assert profiles.connection(text) is connection


@fleets.few
@given(
    fleets.fleets(),
    fleets.clients(),
    st.sampled_from(Profile),
    st.sampled_from(Connection),
)
def test_every_answer_is_one_a_browser_takes(
    now: fleet.Fleet, client: selection.Client, profile: Profile, connection: Connection
) -> None:
    chosen = selecting.select(now, client, estimating.GreatCircle())
    servers = profiles.servers(chosen.choices, profile, connection)
    listed = [url for server in servers for url in server.urls]
    assert all(VALID.fullmatch(url) for url in listed)
    assert all(count == 1 for count in Counter(listed).values())
    assert len(listed) <= profiles.URLS_MAX
    assert all(any(url.startswith("turn") for url in server.urls) for server in servers)
    assert not any(":53?" in url or url.endswith(":53") for url in listed)
    roles = [server.role for server in servers]
    assert roles == [role for role in selection.Role if role in roles]


@fleets.few
@given(fleets.fleets(), fleets.clients(), st.sampled_from(Connection))
def test_profiles_lose_no_role_that_has_a_url(
    now: fleet.Fleet, client: selection.Client, connection: Connection
) -> None:
    chosen = selecting.select(now, client, estimating.GreatCircle())
    reachable = [
        choice.role
        for choice in chosen.choices
        if any(urls.turn(choice.member, transport) for transport in Transport)
    ]
    found = [s.role for s in profiles.servers(chosen.choices, Profile.BALANCED, connection)]
    assert found == reachable
