"""Drafts: each for one client, of its second and its ranking, and few that nobody takes."""

import itertools
import json
import random

import pytest
from tests.support import fleets

from turnfleet.api import drafts
from turnfleet.ice import profiles
from turnfleet.model import fleet, geo
from turnfleet.steer import estimating, ranking, selecting

NOW = 1_763_730_000
HERE = geo.Place(latitude=50.0, longitude=8.0)
BALANCED = profiles.Profile.BALANCED
ANY = profiles.Connection.ANY


def a_ranking(*, busy: str = "") -> ranking.Ranking:
    members = (
        fleets.a_member(name, hostname=f"{name}.example.com", load=1.0 if name == busy else 0.0)
        for name in ("a", "b")
    )
    return ranked(fleets.a_region("here", *members, credential_ttl=600))


def ranked(*regions: fleet.Region) -> ranking.Ranking:
    selector = selecting.Selector(estimating.GreatCircle())
    return selector.rank(fleets.a_fleet(*regions), fleets.a_client(HERE))


class Entropy:
    """Random bytes that repeat from run to run, and how many were drawn."""

    def __init__(self) -> None:
        self.drawn = 0
        self._rng = random.Random(7)  # noqa: S311 - a test that repeats

    def __call__(self, size: int) -> bytes:
        self.drawn += size
        return self._rng.randbytes(size)


@pytest.fixture
def desk() -> drafts.Drafts:
    return drafts.Drafts(Entropy())


def usernames(draft: drafts.Draft) -> set[str]:
    return {server["username"] for server in json.loads(draft[3])}


def test_no_two_clients_get_one_draft(desk: drafts.Drafts) -> None:
    here = a_ranking()
    taken = [desk.take(here, BALANCED, ANY, NOW) for _ in range(1000)]
    assert all(len(usernames(draft)) == 1 for draft in taken)
    assert len(set(itertools.chain(*map(usernames, taken)))) == 1000
    assert len({nonce for _, nonce, _, _ in taken}) == 1000


def test_a_draft_is_of_the_second_it_is_taken_in(desk: drafts.Drafts) -> None:
    here = a_ranking()
    for now in [NOW] * 20 + [NOW + 1] * 3 + [NOW - 5] * 3:
        draft = desk.take(here, BALANCED, ANY, now)
        assert draft[2] == now + 600
        assert all(name.startswith(f"{now + 600}:") for name in usernames(draft))


def test_drafts_follow_loads_at_once(desk: drafts.Drafts) -> None:
    for busy, idle in (("a", "b"), ("b", "a"), ("a", "b")):
        now = a_ranking(busy=busy)
        for _ in range(20):
            template, *_ = desk.take(now, BALANCED, ANY, NOW)
            assert [server.relay for server in template.servers] == [idle]


def test_a_draft_is_what_its_profile_and_connection_ask_for(desk: drafts.Drafts) -> None:
    here = a_ranking()
    kinds = list(itertools.product(profiles.Profile, profiles.Connection)) * 3
    for profile, connection in kinds:
        template, *_, body = desk.take(here, profile, connection, NOW)
        urls = [server["urls"] for server in json.loads(body)]
        assert urls == [list(server.urls) for server in template.servers]
        slots = range(64)
        known = [desk.template(here, slot, profile, connection).servers for slot in slots]
        assert template.servers in known


def test_where_nothing_can_be_offered_a_draft_is_empty(desk: drafts.Drafts) -> None:
    template, *_, body = desk.take(ranked(), BALANCED, ANY, NOW)
    assert template.servers == ()
    assert body == b"[]"


@pytest.mark.parametrize("clients", [1, 100, 1000])
def test_at_most_as_many_are_made_for_nobody_as_were_taken(clients: int) -> None:
    entropy = Entropy()
    desk, here = drafts.Drafts(entropy), a_ranking()
    for _ in range(clients):
        desk.take(here, BALANCED, ANY, NOW)
    made = entropy.drawn / (9 + 2 + 4)
    assert clients <= made < 2 * clients + 256  # drawn for 256 at once


def test_strangers_share_relays_evenly(desk: drafts.Drafts) -> None:
    here = a_ranking()
    firsts = [desk.take(here, BALANCED, ANY, NOW)[0].servers[0].relay for _ in range(4000)]
    assert 1800 < firsts.count("a") < 2200
