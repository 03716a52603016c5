"""The status of a TurnRegion, whole: what is written only when it differs from what is there."""

from collections.abc import Mapping, Sequence
from typing import Final

from turnfleet.plan.cluster import conditions, naming, observed, past, planned
from turnrelay import contract

_MESSAGE_MAX: Final = 2000
"""Characters: a status with a longer one than the schema allows would be refused as a whole, and
annotations, whose words messages repeat, may have 256 KiB."""


def status(
    *,
    identity: observed.Identity,
    relays: Sequence[Mapping[str, object]],
    told: Sequence[conditions.Condition],
    taking: int,
    secret: observed.AuthSecret | None = None,
    before: Mapping[str, object],
    now: float,
) -> dict[str, object]:
    """Return the status: so many relays ``taking`` new clients.

    A condition keeps its time for as long as its status does. ``None``: this is not told.
    """
    earlier = past.conditions(before)
    draining = [relay for relay in relays if relay["state"] == contract.State.DRAINING]
    return {
        "observedGeneration": identity.generation,
        "conditions": [_condition(identity, each, earlier, now) for each in told],
        "replicas": len(relays),
        "readyReplicas": taking,
        "draining": len(draining) or None,
        "drainingUntil": max((str(r["drainingUntil"]) for r in draining), default=None),
        "selector": naming.selector_text(identity.name),
        "credentials": None if secret is None else _credentials(secret),
        "relays": [dict(relay) for relay in relays],
    }


def events(
    told: Sequence[conditions.Condition], before: Mapping[str, object]
) -> tuple[planned.Event, ...]:
    """Return an event for every condition that is not what it was."""
    earlier = past.conditions(before)
    return tuple(
        planned.Event(
            type=planned.EventType.NORMAL if each.answer.status else planned.EventType.WARNING,
            reason=each.answer.reason,
            message=f"{each.type}: {each.answer.message}",
        )
        for each in told
        if each.type in earlier
        and (earlier[each.type].status, earlier[each.type].reason)
        != (_word(each), each.answer.reason)
    )


def same(one: Mapping[str, object], other: Mapping[str, object]) -> bool:
    """Return whether two statuses say the same; what others keep in there does not count."""
    return all(
        other.get(field) == value or not (value or other.get(field)) for field, value in one.items()
    )


def written(status: Mapping[str, object]) -> dict[str, object]:
    """Return a status without what it does not tell: what was there of that is taken away."""
    return {field: value for field, value in status.items() if value is not None}


def _credentials(secret: observed.AuthSecret) -> dict[str, object]:
    told = {
        "generation": secret.generation,
        "rotated": None if secret.rotated_at is None else past.moment(secret.rotated_at),
        "request": secret.request,
    }
    return {name: value for name, value in told.items() if value not in {None, ""}}


def _condition(
    identity: observed.Identity,
    told: conditions.Condition,
    earlier: Mapping[str, past.Condition],
    now: float,
) -> dict[str, object]:
    before = earlier.get(told.type)
    lasting = before is not None and before.status == _word(told)
    return {
        "type": told.type,
        "status": _word(told),
        "observedGeneration": identity.generation,
        "lastTransitionTime": before.since if before is not None and lasting else past.moment(now),
        "reason": told.answer.reason,
        "message": told.answer.message[:_MESSAGE_MAX],
    }


def _word(condition: conditions.Condition) -> str:
    return str(condition.answer.status)
