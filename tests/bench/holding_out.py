"""Whether the backbone's constants are fitted to the clients that they are judged by.

Each constant is moved a quarter down and up. Of all these settings the one is taken that is best
for the clients of four fifths of the countries, and judged by the clients of the others.
"""

import dataclasses
import random
import statistics
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from tests.bench import mesh

from turnfleet.steer.backbone import estimating as backbone
from turnfleet.steer.backbone import tuning

_SEED: Final = 11
_FOLDS: Final = 5
_MOVED: Final = ("sea", "land", "access", "hop", "border", "thin", "within", "between")
_STEP: Final = 0.25


class Setting(NamedTuple):
    """Constants, and what they cost the clients of each country."""

    name: str
    regrets: dict[str, list[float]]
    """One mean over all fleets for each client, ms."""

    def mean(self, countries: Sequence[str]) -> float:
        """Return the mean regret of the clients of ``countries``, ms."""
        return statistics.fmean(r for country in countries for r in self.regrets[country])


class Verdict(NamedTuple):
    """Mean regrets in ms."""

    settings: tuple[Setting, ...]
    """The standard first."""
    held_out: float
    """With constants chosen without the clients that they are judged by."""
    standard: float
    great_circle: float


def judge(measured: mesh.Mesh, fleets: Sequence[Sequence[str]], great: mesh.Estimates) -> Verdict:
    """Cross-validate over fifths of the countries."""
    settings = tuple(_settings(measured, fleets))
    countries = sorted(settings[0].regrets)
    random.Random(_SEED).shuffle(countries)  # noqa: S311 - which countries are left out together
    held_out: list[tuple[float, int]] = []
    for fold in range(_FOLDS):
        left_out = countries[fold::_FOLDS]
        kept = [country for country in countries if country not in left_out]
        best = min(settings, key=lambda setting: setting.mean(kept))
        clients = sum(len(best.regrets[country]) for country in left_out)
        held_out.append((best.mean(left_out), clients))
    distance = Setting("great circle", _regrets(measured, fleets, great))
    return Verdict(
        settings=settings,
        held_out=sum(mean * clients for mean, clients in held_out)
        / sum(clients for _, clients in held_out),
        standard=settings[0].mean(countries),
        great_circle=distance.mean(countries),
    )


def _settings(measured: mesh.Mesh, fleets: Sequence[Sequence[str]]) -> Iterator[Setting]:
    for name, tuned in _moved():
        estimates = measured.estimates(backbone.Backbone(tuned))
        yield Setting(name, _regrets(measured, fleets, estimates))


def _moved() -> Iterator[tuple[str, tuning.Tuning]]:
    yield "as they are", tuning.STANDARD
    for constant in _MOVED:
        for factor in (1 - _STEP, 1 + _STEP):
            value = round(getattr(tuning.STANDARD, constant) * factor, 3)
            yield f"{constant} {value:g}", dataclasses.replace(tuning.STANDARD, **{constant: value})


def _regrets(
    measured: mesh.Mesh, fleets: Sequence[Sequence[str]], estimates: mesh.Estimates
) -> dict[str, list[float]]:
    by_client: dict[str, list[float]] = {}
    for regions in fleets:
        for client in measured.places:
            for found in measured.outcomes(regions, estimates, clients=[client]):
                by_client.setdefault(client, []).append(found.regret)
    by_country: dict[str, list[float]] = {}
    for client, regrets in by_client.items():
        country = measured.places[client].country or ""
        by_country.setdefault(country, []).append(statistics.fmean(regrets))
    return by_country
