"""Plays scenes of a mesh by the code of ``turnfleet simulate``, and looks at them on the way."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from tests.bench import mesh

from turnfleet.commands import crowds, passing, replaying, simulating, telling
from turnfleet.model import geo
from turnfleet.steer import estimating, regret

Play = simulating.Play


class State(NamedTuple):
    """How choices are after some passes."""

    outcomes: Mapping[str, regret.Outcome]
    """By client."""
    every: regret.Summary
    honest: regret.Summary
    explored: float
    """Share of the answers until then."""


def scene(measured: mesh.Mesh, regions: Sequence[str], *, relays: int = 1) -> simulating.Scene:
    """Return the clients that measured all of some regions and are none."""
    rows = tuple(crowds.Region(name, measured.places[name]) for name in regions)
    rtts = {
        client: {name: measured.rtts[mesh.Pair(client, name)] for name in regions}
        for client in measured.places
        if client not in regions
        and all(mesh.Pair(client, name) in measured.rtts for name in regions)
    }
    return simulating.Scene(
        rows=rows,
        fleet=replaying.fleet_of(rows, relays=relays),
        placed=tuple(placed(name, measured.places[name]) for name in rtts),
        measured=rtts,
    )


def placed(name: str, place: geo.Place) -> replaying.Placed:
    """Return a client whose place is known."""
    client = crowds.Client(
        name=name,
        ip="",
        country=place.country or "",
        latitude=place.latitude,
        longitude=place.longitude,
        line=0,
    )
    return replaying.Placed(client, geo.Located(place=place, rung=geo.Rung.REQUEST))


def judge(of: simulating.Scene, estimator: estimating.Estimator) -> regret.Summary:
    """Return what an estimator's choices cost."""
    ranked = replaying.rank(of.fleet, of.placed, estimator)
    return _summary(_outcomes(of, dict(_first(each) for each in ranked)).values())


def play(
    of: simulating.Scene,
    how: Play,
    estimator: estimating.Estimator,
    looks: Sequence[int],
    *,
    silent: frozenset[str] = frozenset(),
) -> tuple[State, ...]:
    """Return the state after each of some numbers of passes; ``silent`` clients do not report."""
    names = {one.client.name: passing.source_of(one.client) for one in of.placed}
    habits = telling.habits(names.values(), share=how.liars, seed=how.seed)
    days = passing.Days(
        of.fleet,
        of.placed,
        estimator=estimator,
        teller=telling.Teller(liars=habits, noise=how.noise, seed=how.seed),
        seed=how.seed,
    )
    told = {name: row for name, row in of.measured.items() if name not in silent}
    states = []
    explored: list[bool] = []
    for number in range(1, how.passes + 1):
        explored += [answer.explored for answer in days.live(told)]
        if number in looks:
            outcomes = _outcomes(of, dict(_first(each) for each in days.rank()))
            honest = [found for name, found in outcomes.items() if names[name] not in habits]
            share = sum(explored) / len(explored)
            states.append(State(outcomes, _summary(outcomes.values()), _summary(honest), share))
    return tuple(states)


def _first(ranked: replaying.Ranked) -> tuple[str, str]:
    return ranked[0].client.name, ranked[1][0].region


def _outcomes(of: simulating.Scene, first: Mapping[str, str]) -> dict[str, regret.Outcome]:
    """Return what it costs each client to be in a region."""
    return {
        one.client.name: regret.Outcome(
            regret=rtts[first[one.client.name]] - min(rtts.values()), country=one.client.country
        )
        for one in of.placed
        if (rtts := of.measured[one.client.name])
    }


def _summary(outcomes: Iterable[regret.Outcome]) -> regret.Summary:
    found = regret.summarise(outcomes)
    assert found is not None
    return found
