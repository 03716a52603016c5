"""Formats: valid JSON in the promised shapes, signed per region, and prepared only once."""

import json
from dataclasses import replace
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import fleets

from turnfleet.ice import credentials, formats, profiles, rid
from turnfleet.model import fleet, geo, region, selection
from turnfleet.steer import choosing, estimating, rendezvous, selecting

ANY = profiles.Connection.ANY
BALANCED = profiles.Profile.BALANCED
EXPIRES = 1_763_730_000
ESTIMATOR = estimating.GreatCircle()
HERE = geo.Place(latitude=50.0, longitude=8.0)

NEAR = fleets.a_region(
    "near",
    fleets.a_member("near-1", of="near", addresses=["192.0.2.1"]),
    fleets.a_member("near-2", of="near", addresses=["192.0.2.2"]),
    secret=b"near secret",
    credential_ttl=600,
)
FAR = fleets.a_region(
    "far",
    fleets.a_member("far-1", of="far", hostname="far.example.com"),
    at=(1.0, 103.0),
    secret=b"far secret",
)
FLEET = fleets.a_fleet(NEAR, FAR)


class Chosen(NamedTuple):
    """Relays, and the marks that templates of them are kept by."""

    marks: selection.Marks
    choices: tuple[selection.Choice, ...]


class Fleets:
    """One fleet after another: what clients are told the same of keeps its mark."""

    def __init__(self) -> None:
        self.selector = selecting.Selector(ESTIMATOR)

    def choose(self, now: fleet.Fleet, client: selection.Client) -> Chosen:
        ranked, slot = self.selector.rank(now, client), rendezvous.slot(client.user)
        return Chosen(choosing.marks(ranked, slot), choosing.choose(ranked, slot))


def choose(now: fleet.Fleet = FLEET, *, after: Fleets | None = None) -> Chosen:
    return (after or Fleets()).choose(now, fleets.a_client(HERE, "alice"))


def template(
    chosen: Chosen | None = None, profile: profiles.Profile = BALANCED
) -> formats.Template:
    return formats.Templates().make(*(chosen or choose()), profile, ANY)


def test_an_array_is_what_a_peer_connection_takes() -> None:
    primary, backup, fallback = json.loads(template().array(user="alice", expires=EXPIRES))
    near = credentials.mint(secret=b"near secret", user="alice", expires=EXPIRES)
    far = credentials.mint(secret=b"far secret", user="alice", expires=EXPIRES)
    assert primary.keys() == {"urls", "username", "credential"}
    assert {primary["username"], backup["username"], fallback["username"]} == {near.username}
    assert primary["credential"] == backup["credential"] == near.password
    assert fallback["credential"] == far.password
    assert fallback["urls"] == ["turns:far.example.com:5349?transport=tcp"]


def test_a_template_knows_the_longest_life_that_every_region_offered_allows() -> None:
    assert template().ttl == 600
    assert template(profile=profiles.Profile.MINIMAL).ttl == 600


def test_a_configuration_says_when_to_come_back_and_why_these_relays() -> None:
    made = template().config(
        user="alice", expires=EXPIRES, ttl=600, token="a-token", why=b'{"rung":"city"}'
    )
    found = json.loads(made)
    assert found.pop("iceServers") == json.loads(template().array(user="alice", expires=EXPIRES))
    assert found == {
        "iceTransportPolicy": "all",
        "ttl": 600,
        "expiresAt": EXPIRES,
        "refreshAfter": 450,
        "selection": {"rung": "city"},
        "rid": "a-token",
    }


def test_the_relay_profile_forbids_anything_but_relaying() -> None:
    made = template(profile=profiles.Profile.RELAY).config(
        user="a", expires=1, ttl=60, token="t", why=b"null"
    )
    assert json.loads(made)["iceTransportPolicy"] == "relay"


def test_uberti_has_only_urls_that_its_one_credential_opens() -> None:
    found = json.loads(template().uberti(user="alice", expires=EXPIRES, ttl=600))
    near = credentials.mint(secret=b"near secret", user="alice", expires=EXPIRES)
    assert found["username"] == near.username
    assert found["password"] == near.password
    assert found["ttl"] == 600
    assert len(found["uris"]) == 3
    assert not any("far.example.com" in uri for uri in found["uris"])


def test_uberti_has_the_urls_of_all_regions_that_share_a_secret() -> None:
    shared = fleets.a_fleet(NEAR, replace(FAR, secret=NEAR.secret))
    found = json.loads(template(choose(shared)).uberti(user="alice", expires=1, ttl=60))
    assert len(found["uris"]) == 4


def test_a_token_names_the_urls_of_the_answer() -> None:
    made = template()
    signer = rid.Signer(b"fleet key")
    token = signer.sign(time=1, nonce=b"0000", source=b"1111", cell=b"x", offered=made.offered)
    said = signer.verify(token, now=1.0)
    assert isinstance(said, rid.Rid)
    assert all(rid.url_id(url) in said.offered for server in made.servers for url in server.urls)
    assert rid.url_id("turn:192.0.2.99:3478?transport=udp") not in said.offered


def test_a_percent_sign_in_a_name_is_only_a_percent_sign() -> None:
    odd = fleets.a_region("odd", fleets.a_member("odd-1", of="odd", hostname="%s%(user)b%"))
    made = template(choose(fleets.a_fleet(odd))).array(user="a", expires=1)
    assert "turn:%s%(user)b%:3478?transport=udp" in json.loads(made)[0]["urls"]


def test_a_template_of_nothing_has_no_servers() -> None:
    made = template(choose(fleets.a_fleet()))
    assert made.servers == ()
    assert made.array(user="a", expires=1) == b"[]"


@pytest.mark.parametrize("profile", [BALANCED, profiles.Profile.MINIMAL])
def test_a_template_is_made_once_and_outlives_a_change_of_load(profile: profiles.Profile) -> None:
    kept, now = formats.Templates(), Fleets()
    first = kept.make(*choose(after=now), profile, ANY)
    busier = replace(
        NEAR,
        members=tuple(replace(m, health=replace(m.health, load=0.02)) for m in NEAR.members),
    )
    again = choose(fleets.a_fleet(busier, FAR), after=now)
    assert again.choices[0].member.health.load == 0.02
    assert kept.kept(again.marks, profile, ANY) is first
    assert kept.kept(again.marks, profiles.Profile.FULL, ANY) is None


def test_a_relay_in_a_role_is_written_once_whatever_stands_beside_it() -> None:
    kept, now = formats.Templates(), Fleets()
    first = kept.make(*choose(after=now), BALANCED, ANY)
    alone = kept.make(*choose(fleets.a_fleet(NEAR), after=now), BALANCED, ANY)
    assert list(map(id, alone.pieces)) == list(map(id, first.pieces[:2]))


@pytest.mark.parametrize(
    "changed",
    [
        replace(NEAR, secret=fleet.Secret(b"rotated")),
        replace(NEAR, spec=replace(NEAR.spec, auth=region.Auth(credential_ttl=61))),
        replace(
            NEAR,
            members=tuple(
                replace(m, health=replace(m.health, working=frozenset({region.Transport.UDP})))
                for m in NEAR.members
            ),
        ),
    ],
)
def test_what_changes_an_answer_changes_its_template(changed: fleet.Region) -> None:
    kept, now = formats.Templates(), Fleets()
    kept.make(*choose(after=now), BALANCED, ANY)
    chosen = choose(fleets.a_fleet(changed, FAR), after=now)
    assert kept.kept(chosen.marks, BALANCED, ANY) is None
    fresh = template(chosen)
    made = kept.make(*chosen, BALANCED, ANY)
    assert made.servers == fresh.servers
    assert made.array(user="a", expires=1) == fresh.array(user="a", expires=1)
    assert made.ttl == fresh.ttl


def test_templates_of_many_fleets_are_not_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit in ("TEMPLATES_KEPT", "PIECES_KEPT", "SIGNERS_KEPT"):
        monkeypatch.setattr(formats, limit, 5)
    kept, now = formats.Templates(), Fleets()
    made = []
    for number in range(20):
        changed = replace(NEAR, secret=fleet.Secret(b"%d" % number))
        chosen = choose(fleets.a_fleet(changed, FAR), after=now)
        found = kept.make(*chosen, BALANCED, ANY)
        assert found.servers[0].secret.value == b"%d" % number
        made.append(chosen.marks)
    assert sum(kept.kept(marks, BALANCED, ANY) is not None for marks in made) <= 5


@fleets.few
@given(
    fleets.fleets(),
    fleets.clients(),
    st.sampled_from(profiles.Profile),
    st.sampled_from(profiles.Connection),
)
def test_every_answer_is_json_that_credentials_open(
    now: fleet.Fleet,
    client: selection.Client,
    profile: profiles.Profile,
    connection: profiles.Connection,
) -> None:
    chosen = Fleets().choose(now, client)
    made = formats.Templates().make(*chosen, profile, connection)
    assert made.servers == profiles.servers(chosen.choices, profile, connection)
    answer = json.loads(made.array(user=client.user, expires=EXPIRES))
    assert [server["urls"] for server in answer] == [list(s.urls) for s in made.servers]
    for server, signed in zip(answer, made.servers, strict=True):
        minted = credentials.mint(secret=signed.secret.value, user=client.user, expires=EXPIRES)
        assert server["username"] == minted.username
        assert server["credential"] == minted.password
