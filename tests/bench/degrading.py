"""Lets the network of a region get worse, and be mended, and counts what it takes until clients go.

Played are the clients of one region alone, by the code of ``turnfleet simulate``.
"""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from tests.bench import report

from turnfleet.commands import passing, simulating, telling
from turnfleet.model import geo
from turnfleet.steer import estimating

WORSE: Final = 100.0
"""ms."""

_HOUR: Final = 3600.0
_ROUNDS: Final = 20
"""Answers of each client in each of the three times."""
_LOOKS: Final = 12
"""At new clients, in each round."""
_MOVED: Final = 0.9
_SEED: Final = 1
_NOISE: Final = 0.1

_TEXT: Final = """\
Played are the {clients} clients whose best region is {region}, in {countries} countries. Each asks
{rounds} times while all is well, {rounds} times while the region is {worse:.0f} ms worse, and
{rounds} times when that is mended. *New clients* are clients at the same places of whose networks
nothing is known: counted is until {moved:.0%} of them would be sent elsewhere, or be back, of those
that were there. *Regulars* are the clients themselves: of those that were there and have a better
region now, answers of their own until they are sent elsewhere, and back: median, and the most.

{table}
"""


def told(scene: simulating.Scene, estimator: estimating.Estimator) -> str:
    """Return what happens, as text."""
    region, clients = _busiest(scene)
    placed = tuple(one for one in scene.placed if one.client.name in clients)
    small = simulating.Scene(
        rows=scene.rows,
        fleet=scene.fleet,
        placed=placed,
        measured={name: scene.measured[name] for name in clients},
    )
    rows = []
    for pace, day in (("an hour", _HOUR), ("a day", passing.DAY)):
        for liars in (0.0, 0.1):
            story = _play(small, region, estimator, day=day, liars=liars)
            rows.append((f"once {pace}", f"{liars:.0%}", *story.cells(day)))
    return _TEXT.format(
        clients=len(placed),
        region=region,
        countries=len({one.client.country for one in placed}),
        rounds=_ROUNDS,
        worse=WORSE,
        moved=_MOVED,
        table=report.table(
            (
                "each asks",
                "liars",
                "new clients away after",
                "back after",
                "regulars away after",
                "back after",
            ),
            rows,
        ),
    ).rstrip()


class _Look(NamedTuple):
    """How many new clients would be sent to the region, after so many answers."""

    answers: int
    share: float


@dataclass(slots=True, kw_only=True)
class _Time:
    """What happened in one of the times."""

    looks: list[_Look] = field(default_factory=list)
    at: dict[str, list[bool]] = field(default_factory=dict)
    """Whether each answer of a client was the region."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Story:
    well: _Time
    ill: _Time
    mended: _Time
    clients: int
    leaving: frozenset[str]
    """Clients that have a better region while it is worse."""

    def cells(self, day: float) -> Iterator[str]:
        """Yield what is told of it."""
        before = self.well.looks[-1].share
        least = min(look.share for look in self.ill.looks)
        floor = self.ill.looks[-1].share if self.ill.looks else least
        away = next(
            (
                look.answers
                for look in self.ill.looks
                if look.share <= before - _MOVED * (before - floor)
            ),
            None,
        )
        back = next(
            (look.answers for look in self.mended.looks if look.share >= _MOVED * before), None
        )
        for answers in (away, back):
            yield self._after(answers, day)
        there = [name for name in self.leaving if self.well.at[name][-1]]
        yield _counted([_first(self.ill.at[name], at=False) for name in there])
        gone = [name for name in there if not self.ill.at[name][-1]]
        yield _counted([_first(self.mended.at[name], at=True) for name in gone])

    def _after(self, answers: int | None, day: float) -> str:
        if answers is None:
            return "never"
        hours = answers / self.clients * day / _HOUR
        return f"{answers} answers, {hours:.1f} h"


def _first(found: Sequence[bool], *, at: bool) -> int | None:
    """Return how many answers there were before the first that was (or not) the region."""
    return next((number for number, each in enumerate(found) if each is at), None)


def _counted(found: Sequence[int | None]) -> str:
    known = [each for each in found if each is not None]
    never = len(found) - len(known)
    beside = f", {never} of {len(found)} never" if never else ""
    if not known:
        return f"none{beside}"
    return f"{statistics.median(known):g}, {max(known)} at most{beside}"


def _busiest(scene: simulating.Scene) -> tuple[str, frozenset[str]]:
    """Return the region that is the best of most clients, and these."""
    by_region: dict[str, set[str]] = {}
    for name, rtts in scene.measured.items():
        by_region.setdefault(min(rtts, key=rtts.__getitem__), set()).add(name)
    region = max(by_region, key=lambda each: (len(by_region[each]), each))
    return region, frozenset(by_region[region])


def _play(
    scene: simulating.Scene,
    region: str,
    estimator: estimating.Estimator,
    *,
    day: float,
    liars: float,
) -> _Story:
    sources = [passing.source_of(one.client) for one in scene.placed]
    habits = telling.habits(sources, share=liars, seed=_SEED)
    days = passing.Days(
        scene.fleet,
        scene.placed,
        estimator=estimator,
        teller=telling.Teller(liars=habits, noise=_NOISE, seed=_SEED),
        seed=_SEED,
        day=day,
    )
    worse = {name: {**rtts, region: rtts[region] + WORSE} for name, rtts in scene.measured.items()}
    places = sorted({one.located.place for one in scene.placed}, key=str)
    well, ill, mended = (
        _live(days, measured, region, places)
        for measured in (scene.measured, worse, scene.measured)
    )
    honest = [
        one.client.name
        for one, source in zip(scene.placed, sources, strict=True)
        if source not in habits
    ]
    return _Story(
        well=well,
        ill=ill,
        mended=mended,
        clients=len(scene.placed),
        leaving=frozenset(
            name for name in honest if min(worse[name], key=worse[name].__getitem__) != region
        ),
    )


def _live(
    days: passing.Days,
    measured: Mapping[str, Mapping[str, float]],
    region: str,
    places: Sequence[geo.Place],
) -> _Time:
    time = _Time()
    for number in range(_ROUNDS):
        for position, answer in enumerate(days.live(measured)):
            time.at.setdefault(answer.client, []).append(answer.regions[0] == region)
            if position % max(1, len(measured) // _LOOKS):
                continue
            sent = [days.newcomer(place, now=answer.time) == region for place in places]
            answers = number * len(measured) + position + 1
            time.looks.append(_Look(answers, sum(sent) / len(sent)))
    return time
