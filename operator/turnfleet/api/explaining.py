"""How an answer came about, as a JSON value: for ``/api/explain``, ``format=config`` and the page.

``inside`` is for operators: every region, relay and reason. Everybody else sees what concerns
their own answer, in the same shape.
"""

from collections.abc import Iterable

from turnfleet.ice import profiles
from turnfleet.learn import posterior, reach
from turnfleet.model import fleet, geo, selection
from turnfleet.steer import loading, report


def document(
    chosen: selection.Selection,
    servers: tuple[profiles.Server, ...],
    *,
    ignored: tuple[str, ...],
    inside: bool,
) -> dict[str, object]:
    """Return a selection; ``servers`` are its URLs, none where nothing was to be offered.

    ``ignored`` is what of the request meant nothing, before the client was located.
    """
    offered = {server.role: list(server.urls) for server in servers}
    result: dict[str, object] = {
        "located": _located(chosen.located, ignored, inside=inside),
        "choices": [
            _choice(choice, offered.get(choice.role, []), inside=inside)
            for choice in chosen.choices
        ],
        "notes": [{"reason": note, "sentence": note.sentence} for note in chosen.notes],
    }
    if inside:
        result["ranked"] = [
            {
                "region": ranked.region,
                "estimate": round(ranked.estimate, 1),
                "deviation": round(ranked.deviation, 1),
                "loadPenalty": round(ranked.load_penalty, 1),
                "weightPenalty": round(ranked.weight_penalty, 1),
                "cost": round(ranked.cost, 1),
            }
            for ranked in chosen.ranked
        ]
        result["excluded"] = [
            {
                "region": exclusion.region,
                "relay": exclusion.relay,
                "reason": exclusion.reason,
                "sentence": exclusion.reason.sentence,
            }
            for exclusion in chosen.excluded
        ]
    return result


def regions(
    rows: Iterable[report.Row], chosen: selection.Selection, learned: Iterable[posterior.Learned]
) -> list[dict[str, object]]:
    """Return the regions of a report with how their estimates and costs came about."""
    ranked = {found.region: found for found in chosen.ranked}
    told = {found.region: found for found in learned}
    return [
        {**row, **_penalties(ranked.get(row["region"])), **_learned(told[row["region"]])}
        for row in rows
    ]


def transports(connection: profiles.Connection, basis: reach.Basis | None) -> dict[str, object]:
    """Return what the client counts as connected by, and whose reports say so, if any do."""
    return {
        "connection": connection,
        "basis": basis,
        "sentence": None if basis is None else basis.sentence,
    }


def _penalties(found: selection.Ranked | None) -> dict[str, object]:
    return {
        "loadPenalty": round(found.load_penalty, 1) if found else None,
        "weightPenalty": round(found.weight_penalty, 1) if found else None,
    }


def _learned(found: posterior.Learned) -> dict[str, object]:
    return {
        "prior": round(found.prior.rtt, 1),
        "priorDeviation": round(found.prior.deviation, 1),
        "samples": found.samples,
        "sources": found.sources,
    }


def failing(health: fleet.Health) -> list[dict[str, object]]:
    """Return what of a relay does not work, by transport, and why."""
    return [
        {"transport": transport, "reason": why, "sentence": why.sentence}
        for transport, why in health.failing
    ]


def _located(located: geo.Located, ignored: tuple[str, ...], *, inside: bool) -> dict[str, object]:
    result: dict[str, object] = {"rung": located.rung, "ignored": [*ignored, *located.ignored]}
    if inside:
        place = located.place
        result.update(latitude=place.latitude, longitude=place.longitude, country=place.country)
    return result


def _choice(choice: selection.Choice, urls: list[str], *, inside: bool) -> dict[str, object]:
    relay = choice.member.relay
    result: dict[str, object] = {
        "role": choice.role,
        "region": relay.region,
        "relay": relay.name,
        "estimate": round(choice.estimate, 1),
        "urls": urls,
    }
    if inside:
        taken = loading.of(choice.member)
        result.update(
            node=relay.node,
            zone=relay.zone,
            load=round(taken.reported, 3),
            pending=round(taken.pending, 3),
            failing=failing(choice.member.health),
        )
    return result
