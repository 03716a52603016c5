"""What the status of a TurnRegion says already: memory that survives the operator.

Reads a status that may be absent, hand-edited or of another version; what it cannot read is not
there. Times are RFC 3339 with whole seconds, as Kubernetes writes them.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from turnrelay import contract

_STATES: Final = frozenset(state.value for state in contract.State)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A relay as ``status.relays`` has it."""

    name: str
    instance: str
    state: contract.State
    since: float
    """Unix seconds."""
    body: Mapping[str, object] = field(default_factory=dict)
    """All of the entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A condition as ``status.conditions`` has it."""

    type: str
    status: str
    reason: str
    since: str
    """RFC 3339."""


def entries(status: Mapping[str, object]) -> dict[str, Entry]:
    """Return the relays of a status by name."""
    found = {}
    for item in _items(status.get("relays")):
        match item:
            case {"name": str(name), "state": str(state)} if state in _STATES:
                found[name] = Entry(
                    name=name,
                    instance=_text(item.get("instance")),
                    state=contract.State(state),
                    since=seconds(item.get("since")) or 0.0,
                    body=item,
                )
    return found


def conditions(status: Mapping[str, object]) -> dict[str, Condition]:
    """Return the conditions of a status by type."""
    found = {}
    for item in _items(status.get("conditions")):
        match item:
            case {"type": str(kind), "status": str(value), "lastTransitionTime": str(since)}:
                found[kind] = Condition(
                    type=kind, status=value, reason=_text(item.get("reason")), since=since
                )
    return found


def moment(seconds: float) -> str:
    """Return Unix seconds as Kubernetes writes a time."""
    return dt.datetime.fromtimestamp(int(seconds), dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds(value: object) -> float | None:
    """Return a time that Kubernetes wrote as Unix seconds, or ``None``."""
    try:
        return dt.datetime.fromisoformat(value).timestamp() if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None


def _items(value: object) -> list[Mapping[str, object]]:
    if not isinstance(value, list | tuple):
        return []
    return [item for item in value if isinstance(item, Mapping)]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
