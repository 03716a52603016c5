"""Keeps so many calls going: whoever hangs up is followed by somebody else at once."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tests.calls import call, walking

_QUESTIONS: Final[Mapping[walking.Network, Mapping[str, object]]] = {
    walking.Network.OPEN: {},
    walking.Network.TCP: {"profile": "full"},
    walking.Network.TLS: {"connectionType": "udp-blocked"},
}
_SHARES: Final[Mapping[walking.Network, int]] = {
    walking.Network.OPEN: 70,
    walking.Network.TCP: 10,
    walking.Network.TLS: 20,
}
_RESTARTING: Final = 0.3
"""Share of the calls in which somebody restarts ICE."""
_SETTLED: Final = (0.2, 0.8)
"""Parts of a call between which that happens."""
_PAUSE: Final = 0.5
"""Seconds before the next call, so that a fleet that gives none is not flooded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How people call. ``places`` are what two ends of a call say of where they are."""

    calls: int
    """At a time."""
    seconds: tuple[float, float]
    """The shortest and the longest call."""
    places: tuple[Mapping[str, object], Mapping[str, object]]


async def keep_calling(scene: call.Scene, habits: Habits, *, rng: random.Random) -> None:
    """Hold calls until ``scene.closing``; return once every one has hung up."""
    async with asyncio.TaskGroup() as group:
        for _ in range(habits.calls):
            group.create_task(_one_after_another(scene, habits, rng))


async def _one_after_another(scene: call.Scene, habits: Habits, rng: random.Random) -> None:
    shortest, longest = habits.seconds
    seconds = rng.uniform(0, longest)  # the first, so that calls do not end all at once
    await asyncio.sleep(rng.uniform(0, shortest / 2))
    while not scene.closing.is_set():
        one, two = (_client(place, rng) for place in _either_way(habits.places, rng))
        restart = rng.uniform(*_SETTLED) * seconds if rng.random() < _RESTARTING else None
        await call.hold(scene, (one, two), seconds=seconds, restart_after=restart)
        seconds = rng.uniform(shortest, longest)
        await asyncio.sleep(_PAUSE)


def _either_way(
    places: Sequence[Mapping[str, object]], rng: random.Random
) -> Sequence[Mapping[str, object]]:
    return rng.sample(places, k=len(places))


def _client(place: Mapping[str, object], rng: random.Random) -> walking.Client:
    network = rng.choices(tuple(_SHARES), tuple(_SHARES.values()))[0]
    return walking.Client(question={**place, **_QUESTIONS[network]}, network=network)
