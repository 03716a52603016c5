"""A selection told to a person: one row per region, with its figures and why it is where it is.

Decides nothing. ``turnfleet explain`` and ``/api/explain`` show it.
"""

from enum import StrEnum
from typing import TypedDict

from turnfleet.model import fleet, selection
from turnfleet.steer import estimating


class Verdict(StrEnum):
    """What became of a region."""

    PRIMARY = "primary"
    """Primary and backup are in it."""
    FALLBACK = "fallback"
    """The fallback is in it."""
    CANDIDATE = "candidate"
    """It may be used, and others are better."""
    EXCLUDED = "excluded"
    """It may not be used."""


class Row(TypedDict):
    """A region in JSON. Times in ms; ``load`` is the mean of the usable relays, 1 is full."""

    region: str
    residency: str | None
    weight: int
    relays: int
    usable: int
    load: float | None
    estimate: float
    cost: float | None
    verdict: Verdict
    reason: fleet.Reason | None
    sentence: str | None


def rows(
    chosen: selection.Selection,
    *,
    now: fleet.Fleet,
    pin: str | None,
    estimator: estimating.Estimator,
) -> list[Row]:
    """Return every region of ``now``, from which ``chosen`` was made: best first, excluded last.

    ``pin`` is the client's.
    Excluded regions have an estimate too: it shows where they would have stood.
    """
    excluded = {found.region: found.reason for found in chosen.excluded if found.relay is None}
    ranked = {found.region: found for found in chosen.ranked}
    out = {(found.region, found.relay) for found in chosen.excluded}
    pinned_elsewhere = pin if fleet.Reason.PINNED_REGION_DOWN not in chosen.notes else None

    def row(name: str) -> Row:
        region, rank = now.regions[name], ranked.get(name)
        verdict = Verdict.EXCLUDED if rank is None else _verdict(name, chosen)
        reason = excluded.get(name)
        if verdict is Verdict.CANDIDATE and pinned_elsewhere is not None:
            reason = fleet.Reason.NOT_PINNED
        estimate = estimator.estimate(chosen.located.place, region.spec)
        loads = [m.health.load for m in region.members if m.relay.key not in out]
        return Row(
            region=name,
            residency=region.spec.residency,
            weight=region.spec.weight,
            relays=len(region.members),
            usable=len(loads),
            load=round(sum(loads) / len(loads), 3) if loads else None,
            estimate=round(rank.estimate if rank else estimate, 1),
            cost=round(rank.cost, 1) if rank else None,
            verdict=verdict,
            reason=reason,
            sentence=reason.sentence if reason else None,
        )

    return [row(name) for name in (*ranked, *sorted(now.regions.keys() - ranked.keys()))]


def _verdict(region: str, chosen: selection.Selection) -> Verdict:
    roles = [choice.role for choice in chosen.choices if choice.region.spec.name == region]
    if not roles:
        return Verdict.CANDIDATE
    return Verdict.FALLBACK if selection.Role.FALLBACK in roles else Verdict.PRIMARY
