"""Plays a scene through the code that answers real clients, and judges it by what was measured.

Three estimators: the great circle, the prior, and the prior with what passes taught. Clients are
taken one after another, so a scene may be large.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from turnfleet.commands import crowds, passing, replaying, telling
from turnfleet.model import fleet
from turnfleet.steer import estimating, regret

GREAT_CIRCLE: Final = "great circle"
PRIOR: Final = "prior"
LEARNED: Final = "learned"
HONEST: Final = "learned, honest"

RoundTrips = Mapping[str, Mapping[str, float]]
"""ms by region, by client."""
Write = Callable[[replaying.Ranked], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What is simulated."""

    rows: tuple[crowds.Region, ...]
    fleet: fleet.Fleet
    """Of a relay in each of them."""
    placed: tuple[replaying.Placed, ...]
    measured: RoundTrips
    """Of the scene's own regions and clients alone."""
    strange: int = 0
    """Round trips of clients or regions that are in no table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """How it is played."""

    passes: int = 0
    noise: float = 0.0
    """Deviation of the logarithm of each value that a client measures."""
    liars: float = 0.0
    """Share of the sources."""
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What came of it."""

    results: Mapping[str, regret.Summary]
    """By estimator; none where nothing was measured."""
    answers: int
    """In all passes."""
    explored: int
    """Answers whose fallback was taken for what it may teach."""
    liars: int
    """Clients of sources that lie."""


def play(scene: Scene, how: Play, *, prior: estimating.Estimator, write: Write) -> Played:
    """Play a scene. ``write`` takes each client with its ranking in the end."""
    sources = {one.client.name: passing.source_of(one.client) for one in scene.placed}
    habits = telling.habits(sources.values(), share=how.liars, seed=how.seed)
    liars = frozenset(name for name, source in sources.items() if source in habits)
    days = passing.Days(
        scene.fleet,
        scene.placed,
        estimator=prior,
        teller=telling.Teller(liars=habits, noise=how.noise, seed=how.seed),
        seed=how.seed,
    )
    answers = explored = 0
    for _ in range(how.passes):
        for answer in days.live(scene.measured):
            answers += 1
            explored += answer.explored
    results = {
        GREAT_CIRCLE: _judge(scene, _rank(scene, estimating.GreatCircle())),
        PRIOR: _judge(scene, _rank(scene, prior)),
    }
    if how.passes:
        results |= _learned(scene, days, write, liars=liars)
    else:
        for ranked in _rank(scene, prior):
            write(ranked)
    return Played(
        results={name: found for name, found in results.items() if found is not None},
        answers=answers,
        explored=explored,
        liars=len(liars),
    )


def _learned(
    scene: Scene, days: passing.Days, write: Write, *, liars: frozenset[str]
) -> dict[str, regret.Summary | None]:
    every: list[regret.Outcome] = []
    honest: list[regret.Outcome] = []
    for ranked in days.rank():
        write(ranked)
        found = _outcome(scene, ranked)
        if found is not None:
            every.append(found)
            if ranked[0].client.name not in liars:
                honest.append(found)
    results = {LEARNED: regret.summarise(every)}
    return {**results, HONEST: regret.summarise(honest)} if liars else results


def _rank(scene: Scene, estimator: estimating.Estimator) -> Iterator[replaying.Ranked]:
    return replaying.rank(scene.fleet, scene.placed, estimator)


def _judge(scene: Scene, ranking: Iterable[replaying.Ranked]) -> regret.Summary | None:
    if not scene.measured:
        return None
    outcomes = (_outcome(scene, ranked) for ranked in ranking)
    return regret.summarise(found for found in outcomes if found is not None)


def _outcome(scene: Scene, ranked: replaying.Ranked) -> regret.Outcome | None:
    one, regions = ranked
    return regret.outcome(
        [found.region for found in regions],
        scene.measured.get(one.client.name, {}),
        country=one.client.country or one.located.place.country,
    )
