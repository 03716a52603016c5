"""What became of relays since the status was written last, as Events.

The status is the memory: what it tells already was announced, by whichever operator wrote it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from turnfleet.plan.cluster import facts, past, planned
from turnrelay import contract

_ANSWERED: Final = frozenset({contract.State.READY, contract.State.CLOSED})
"""States between which a relay goes back and forth without being touched."""


def events(
    entries: Sequence[Mapping[str, object]], before: Mapping[str, object]
) -> tuple[planned.Event, ...]:
    """Return one event for all relays to which the same has happened."""
    earlier = past.entries(before)
    now = past.entries({"relays": list(entries)})
    happened: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, entry in sorted(now.items()):
        known = earlier.get(name)
        if known is not None and known.instance == entry.instance and known.state != entry.state:
            told = _told(known, entry)
            if told is not None:
                happened[told].append(name)
    for name, known in sorted(earlier.items()):
        there = now.get(name)
        if there is None or there.instance != known.instance:
            happened[_gone(known)].append(name)
    return tuple(
        planned.Event(
            type=_WARNING if reason in _WARNINGS else planned.EventType.NORMAL,
            reason=reason,
            message=f"{facts.listed_names(of)}: {sentence}",
        )
        for (reason, sentence), of in happened.items()
    )


def _told(before: past.Entry, now: past.Entry) -> tuple[str, str] | None:
    """Return the reason and the sentence of a transition that is worth an Event."""
    if now.state is contract.State.DRAINING:
        until = f", at {now.body['drainingUntil']} at the latest"
        return "RelayDraining", f"refuses new clients and ends with its last allocation{until}"
    if not {before.state, now.state} <= _ANSWERED:
        return None  # conditions tell of those that start, and of those that are lost
    if now.state is contract.State.READY:
        return "RelayOpened", "takes new clients again"
    return "RelayClosed", f"takes no new clients, and serves those it has: {now.body['reason']}"


def _gone(known: past.Entry) -> tuple[str, str]:
    if known.state in {contract.State.DRAINING, contract.State.STARTING}:
        return "RelayGone", "has ended"
    return "RelayLost", "is gone, and nobody saw it drain"


_WARNING: Final = planned.EventType.WARNING
_WARNINGS: Final = frozenset({"RelayLost"})
