"""A selection told to a person: one row per region, with its figures and why it is where it is.

Decides nothing. ``turnfleet explain`` and ``/api/explain`` show it.
"""

from enum import StrEnum
from typing import Final, TypedDict

from turnfleet.model import fleet, selection
from turnfleet.steer import estimating, loading


class Verdict(StrEnum):
    """What became of a region."""

    PRIMARY = "primary"
    """The primary is in it, and the backup if it has one."""
    BACKUP = "backup"
    """The backup is in it, since the primary's region has none."""
    FALLBACK = "fallback"
    """The fallback is in it."""
    CANDIDATE = "candidate"
    """It may be used, and others are better."""
    EXCLUDED = "excluded"
    """It may not be used."""


class Taken(TypedDict):
    """How much of a relay is taken, in JSON. 1 is all."""

    relay: str
    load: float
    """What its agent reports."""
    pending: float
    """What answers since then are expected to add."""
    held: float
    """What it is compared by: both, damped; or the others' load, while it is new."""
    leaves: float
    """Part of its users who would leave it for a relay that is empty."""
    full: bool
    doubted: bool
    """Whether so many clients complain of it that some are sent to others."""


class Row(TypedDict):
    """A region in JSON. Times in ms; ``load`` is the mean of the usable relays, 1 is full."""

    region: str
    residency: str | None
    weight: int
    relays: int
    usable: int
    load: float | None
    estimate: float
    deviation: float
    """Of the estimate: how sure it is."""
    cost: float | None
    verdict: Verdict
    reason: fleet.Reason | None
    sentence: str | None
    taken: list[Taken]
    """Its relays, those that are not offered too."""


def rows(
    chosen: selection.Selection,
    *,
    now: fleet.Fleet,
    pin: str | None,
    view: estimating.View,
) -> list[Row]:
    """Return every region of ``now``, from which ``chosen`` was made: best first, excluded last.

    ``pin`` is the client's, ``view`` what it was ranked by.
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
        usable = [member for member in region.members if member.relay.key not in out]
        if verdict is Verdict.CANDIDATE and pinned_elsewhere is not None:
            reason = fleet.Reason.NOT_PINNED
        elif verdict is Verdict.CANDIDATE and all(loading.of(member).full for member in usable):
            reason = fleet.Reason.NEARLY_FULL
        expected = view.estimate(region.spec)
        return Row(
            region=name,
            residency=region.spec.residency,
            weight=region.spec.weight,
            relays=len(region.members),
            usable=len(usable),
            load=round(loading.mean(region.spec, usable), 3) if usable else None,
            estimate=round(rank.estimate if rank else expected.rtt, 1),
            deviation=round(rank.deviation if rank else expected.deviation, 1),
            cost=round(rank.cost, 1) if rank else None,
            verdict=verdict,
            reason=reason,
            sentence=reason.sentence if reason else None,
            taken=[_taken(member) for member in region.members],
        )

    return [row(name) for name in (*ranked, *sorted(now.regions.keys() - ranked.keys()))]


def _taken(member: fleet.Member) -> Taken:
    found = loading.of(member)
    return Taken(
        relay=member.relay.name,
        load=round(found.reported, 3),
        pending=round(found.pending, 3),
        held=round(found.held, 3),
        leaves=round(min(loading.pressing(member), 1.0), 3),
        full=found.full,
        doubted=member.doubted,
    )


def _verdict(region: str, chosen: selection.Selection) -> Verdict:
    roles = [choice.role for choice in chosen.choices if choice.region.spec.name == region]
    return next((_VERDICTS[role] for role in _VERDICTS if role in roles), Verdict.CANDIDATE)


_VERDICTS: Final = {
    selection.Role.PRIMARY: Verdict.PRIMARY,
    selection.Role.FALLBACK: Verdict.FALLBACK,
    selection.Role.BACKUP: Verdict.BACKUP,
}
"""Of several roles in one region the first counts."""
