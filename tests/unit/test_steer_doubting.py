"""Doubted relays: how many, which, and how many of their users go elsewhere, by real choosing."""

import functools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import fleets, worlds

from turnfleet.api import board
from turnfleet.learn import complaints
from turnfleet.model import fleet, geo, selection
from turnfleet.steer import choosing, doubting, estimating, rendezvous, selecting
from turnrelay import contract

T0 = 1_800_000_000.0
SLOTS = range(rendezvous.SLOTS)
CHANCE = 3.0
"""Deviations: whose patience the users of a relay have is chance, so half of them is about half."""
LYING = {"one source": 1, "100 sources of one /24": 1, "three networks": 3, "a crowd": 40}
"""Voices, as sources count them: a /24 is one, however many addresses speak."""


def names(members: Iterable[fleet.Member]) -> list[str]:
    return [member.relay.name for member in members]


def world(relays: int) -> tuple[board.Board, complaints.Complaints]:
    """Return a board with one region of so many relays and another one, and who may complain."""
    regions = (
        worlds.a_region("here", at=(50, 8), relays=relays, octet=1),
        worlds.a_region("away", at=(38.95, -77.45), relays=4, octet=2),
    )
    current, made = board.Board(), complaints.Complaints()
    current.suspect(made.suspects)
    current.publish_regions(regions)
    current.publish_health(worlds.all_well(regions))
    return current, made


def answers(current: board.Board) -> list[tuple[selection.Choice, ...]]:
    ranked = selecting.Selector(estimating.GreatCircle()).rank(
        current.fleet, fleets.a_client(geo.Place(latitude=50, longitude=8))
    )
    return [choosing.choose(ranked, slot) for slot in SLOTS]


@functools.cache  # Who complains later makes no difference to it.
def undisturbed(relays: int) -> list[tuple[selection.Choice, ...]]:
    """Return the answers while nobody has complained."""
    current, _ = world(relays)
    current.handed_out({}, second=int(T0))
    return answers(current)


def by_role(given_answers: Sequence[tuple[selection.Choice, ...]], role: int) -> list[str]:
    return [choices[role].member.relay.name for choices in given_answers]


def doubted(current: board.Board, name: str = "here") -> set[str]:
    return {member.relay.name for member in current.fleet.regions[name].members if member.doubted}


@given(st.data())
def test_at_most_a_quarter_of_those_that_take_clients_the_most_suspicious_first(
    data: st.DataObject,
) -> None:
    members = data.draw(
        st.lists(
            st.builds(
                fleets.a_member,
                st.uuids().map(str),
                reason=st.sampled_from([None, None, fleet.Reason.UNREACHABLE]),
                state=st.sampled_from([contract.State.READY] * 3 + [contract.State.DRAINING]),
                load=st.sampled_from([0.0, 0.5, 1.0]),
            ),
            max_size=20,
        )
    )
    suspects = data.draw(st.permutations(names(members)))
    found = doubting.doubted(members, suspects)
    usable = {
        member.relay.name
        for member in members
        if member.health.reason is None and member.relay.state is contract.State.READY
    }
    roomy = {member.relay.name for member in members if member.health.load < 1.0} & usable
    taking = roomy or usable

    assert found == set([name for name in suspects if name in taking][: len(taking) // 4])


@pytest.mark.parametrize(("relays", "most"), [(1, 0), (2, 0), (3, 0), (4, 1), (7, 1), (20, 5)])
@pytest.mark.parametrize("voices", LYING.values(), ids=LYING)
def test_whoever_complains_of_every_relay_excludes_none_and_moves_half_of_a_quarter(
    relays: int, most: int, voices: int
) -> None:
    current, made = world(relays)
    before = undisturbed(relays)
    everybody = dict.fromkeys(
        [relay.key for region in current.published for relay in region.relays], 701
    )
    touched: set[str] = set()
    for second in range(30):
        for number in range(voices):
            made.take(everybody, source=number.to_bytes(4, "big"), now=T0 + second)
        current.handed_out({}, second=int(T0) + second)
        touched |= doubted(current)
    after = answers(current)

    assert len(touched) == (most if voices >= complaints.QUORUM else 0)
    assert len(set(by_role(after, 0))) == relays
    assert {choices[0].region.spec.name for choices in after} == {"here"}
    assert_only_theirs_moved(before, after, touched)


def assert_only_theirs_moved(
    before: Sequence[tuple[selection.Choice, ...]],
    after: Sequence[tuple[selection.Choice, ...]],
    touched: set[str],
) -> None:
    """Check that half of the users of each doubted relay moved at most, and nobody else.

    Those whose second candidate is doubted too stay.
    """
    users, left = Counter(by_role(before, 0)), Counter[str]()
    for was, is_now in zip(by_role(before, 0), by_role(after, 0), strict=True):
        if was != is_now:
            left[was] += 1
            assert is_now not in touched
    assert left.keys() <= touched
    for name in touched:
        share, chance = left[name] / users[name], CHANCE * 0.5 / users[name] ** 0.5
        with_choice = 1 - (len(touched) - 1) / (len(users) - 1)
        assert 0.48 * with_choice - chance <= share <= 0.48 + chance


def test_half_of_the_users_of_a_relay_that_several_complain_of_go_and_come_back() -> None:
    current, made = world(8)
    [relay, *_] = current.published[0].relays
    current.handed_out({}, second=int(T0))
    before = answers(current)
    shares: dict[int, float] = {}
    for number in range(3):
        made.take({relay.key: 486}, source=bytes([number]), now=T0)
    for second in (1, 59, 61):
        current.handed_out({}, second=int(T0) + second)
        pairs = zip(by_role(before, 0), by_role(answers(current), 0), strict=True)
        moved = Counter(was for was, is_now in pairs if was != is_now)
        assert moved.keys() <= {relay.name}
        shares[second] = moved[relay.name] / by_role(before, 0).count(relay.name)

    assert 0.4 < shares[1] < 0.55
    assert shares == {1: shares[1], 59: shares[1], 61: 0}


def test_doubt_moves_nobody_to_relays_that_are_as_hard_pressed() -> None:
    current, made = world(4)
    relays = current.published[0].relays
    loads: Mapping[str, float] = {relays[0].name: 0.2}
    current.publish_health(
        {
            relay.key: fleet.Health(
                working=worlds.EVERY_TRANSPORT, reason=None, load=loads.get(relay.name, 0.80)
            )
            for relay in relays
        }
    )
    current.handed_out({}, second=int(T0))
    before = Counter(by_role(answers(current), 0))[relays[0].name]
    for number in range(3):
        made.take({relays[0].key: 701}, source=bytes([number]), now=T0)
    current.handed_out({}, second=int(T0) + 1)

    assert doubted(current) == {relays[0].name}
    assert Counter(by_role(answers(current), 0))[relays[0].name] > 0.5 * before


def test_a_relay_that_a_probe_has_excluded_takes_no_place_of_those_that_are_doubted() -> None:
    current, made = world(9)
    out, suspect, *_ = current.published[0].relays
    for number in range(5):
        made.take({out.key: 701}, source=bytes([number]), now=T0)
    for number in range(3):
        made.take({suspect.key: 701}, source=bytes([number]), now=T0)
    well = worlds.all_well(current.published)
    gone = fleet.Health(reason=fleet.Reason.UNREACHABLE)
    current.publish_health({**well, out.key: gone})
    third = current.published[0].relays[2]
    for number in range(3):
        made.take({third.key: 701}, source=bytes([number]), now=T0)
    current.handed_out({}, second=int(T0) + 1)

    assert doubted(current) == {suspect.name, third.name}
    assert doubted(current, "away") == set()


def test_a_fleet_in_which_nobody_becomes_doubted_or_stops_to_be_stays_the_same() -> None:
    current, made = world(8)
    [relay, *_] = current.published[0].relays
    current.handed_out({}, second=int(T0))
    version, versions = current.fleet.version, set()
    for second in range(1, 30):
        for number in range(20):
            made.take({relay.key: 701}, source=bytes([number]), now=T0 + second)
        current.handed_out({}, second=int(T0) + second)
        versions.add(current.fleet.version - version)

    assert versions == {1}
