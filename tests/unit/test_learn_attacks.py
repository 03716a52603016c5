"""Attacks: nobody moves the answers of others, whatever one network says however often.

Each attack is told beside the honest crowd that does move them, so that a test which measured
nothing would fail.
"""

import itertools
from collections.abc import Iterable

import pytest
from tests.support import learning as world

from turnfleet.ice import rid
from turnfleet.learn import learning, sources

OTHERS = [f"203.0.{third}.9" for third in range(50)]
"""Clients in Jordan who have said nothing, of a network each."""


def moved(learner: learning.Learner, now: float) -> float:
    """Return the share of the others who are no longer sent to where the prior sends them."""
    before = world.learner()
    chosen = [
        (
            world.best(before, other, place=world.AMMAN, now=now),
            world.best(learner, other, place=world.AMMAN, now=now),
        )
        for other in OTHERS
    ]
    return sum(old != new for old, new in chosen) / len(chosen)


def report_all(learner: learning.Learner, addresses: Iterable[str], *, rounds: int = 1) -> float:
    """Let clients in Jordan report what is so, one a minute, and return the time after it."""
    minute = itertools.count()
    now = world.NOW
    for address, _ in itertools.product(addresses, range(rounds)):
        number = next(minute)
        now = world.NOW + 60 * number
        world.measure(learner, address, world.CABLES, place=world.AMMAN, now=now, nonce=number)
    return now


@pytest.fixture
def learner() -> learning.Learner:
    return world.learner()


def test_an_honest_crowd_moves_its_neighbours(learner: learning.Learner) -> None:
    now = report_all(learner, [f"198.51.{third}.7" for third in range(12)])
    assert moved(learner, now) == 1


def test_one_source_moves_its_own_answers_at_once_and_nobody_elses(
    learner: learning.Learner,
) -> None:
    assert world.best(learner, "198.51.100.7", place=world.AMMAN, now=world.NOW) == "dubai"
    now = report_all(learner, ["198.51.100.7"])
    assert world.best(learner, "198.51.100.7", place=world.AMMAN, now=now) == "frankfurt"
    now = report_all(learner, ["198.51.100.7"], rounds=1000)
    assert moved(learner, now) == 0


def test_a_hundred_addresses_of_one_network_are_one_source(learner: learning.Learner) -> None:
    now = report_all(learner, [f"198.51.100.{last}" for last in range(100)], rounds=3)
    assert len(learner.sources) == 1
    assert moved(learner, now) == 0


def test_a_hundred_networks_of_one_ipv6_customer_are_one_source(
    learner: learning.Learner,
) -> None:
    now = report_all(learner, [f"2001:db8:7:{last:x}::1" for last in range(100)])
    assert len(learner.sources) == 1
    assert moved(learner, now) == 0


def test_two_networks_are_not_a_crowd(learner: learning.Learner) -> None:
    now = report_all(learner, ["198.51.100.7", "198.51.101.7"], rounds=50)
    assert moved(learner, now) == 0


def test_one_source_that_goes_from_country_to_country_has_one_voice(
    learner: learning.Learner,
) -> None:
    places = [world.AMMAN, world.OSLO, world.MUSCAT, world.AQABA]
    for number, place in enumerate(itertools.islice(itertools.cycle(places), 400)):
        now = world.NOW + number
        world.measure(learner, "198.51.100.7", world.CABLES, place=place, now=now, nonce=number)
    assert sum(len(learner.sources.members(country)) for country in ("JO", "NO", "OM")) == 1
    assert moved(learner, world.NOW + 400) == 0


def test_the_same_token_counts_once_in_one_replica_and_in_all(learner: learning.Learner) -> None:
    def replay(to: learning.Learner, rtt: float) -> learning.Taken:
        return world.measure(to, "198.51.100.7", {"dubai": rtt}, place=world.AMMAN, now=world.NOW)

    assert replay(learner, 100).news
    for rtt in (90, 200, 100):
        replay(learner, rtt)
    other = world.learner()
    assert replay(other, 120).news
    learner.sources.merge(dict(other.sources.items()), now=world.NOW)
    known = learner.sources[world.source("198.51.100.7")]
    assert len(known.facts) == 14


def test_a_forged_token_says_nothing_that_could_be_taken() -> None:
    theirs = rid.Signer(b"another key").sign(
        time=int(world.NOW),
        nonce=b"nonc",
        source=world.source("198.51.100.7"),
        cell=rid.cell_of(world.AMMAN),
        offered=rid.ids(list(world.ROUTES)),
    )
    assert world.SIGNER.verify(theirs, now=world.NOW) is rid.Flaw.FORGED


@pytest.mark.parametrize("factor", [0, 1e-9, 0.01, 0.1, 15, 1e3, 1e6])
def test_absurd_values_teach_nobody_anything(learner: learning.Learner, factor: float) -> None:
    expected = dict(zip(world.NAMES, world.prior(world.AMMAN), strict=True))
    for number in range(50):
        absurd = {name: factor * found.rtt for name, found in expected.items()}
        taken = world.measure(
            learner,
            f"198.51.{number}.7",
            absurd,
            place=world.AMMAN,
            now=world.NOW + number,
            nonce=number,
        )
        assert not taken.news
    assert len(learner.sources) == 0
    assert moved(learner, world.NOW + 60) == 0


def test_a_third_of_liars_among_honest_sources_moves_nobody_back(
    learner: learning.Learner,
) -> None:
    lies = {"frankfurt": 200.0, "dubai": 20.0, "pune": 40.0}
    for number in range(30):
        rtts = lies if number % 3 == 0 else world.CABLES
        world.measure(
            learner,
            f"198.51.{number}.7",
            rtts,
            place=world.AMMAN,
            now=world.NOW + number,
            nonce=number,
        )
    now = world.NOW + 60
    assert moved(learner, now) == 1


def test_a_flood_of_networks_stays_within_the_bound() -> None:
    kept = sources.Sources(most=300)
    learner = learning.Learner(regions=world.SITES, prior=world.prior, sources=kept)
    for number in range(600):
        address = f"10.{number // 256}.{number % 256}.1"
        world.measure(
            learner,
            address,
            world.CABLES,
            place=world.AMMAN,
            now=world.NOW + number,
            nonce=number,
        )
        assert len(kept) <= 100
    last = f"10.{599 // 256}.{599 % 256}.1"
    assert kept.get(world.source(last)) is not None
