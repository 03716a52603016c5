"""What happens to relays next: which start, which are told something new, which are drained.

    declared   running              then
    ---------  -------------------  ------------------------------------------------------------
    yes        no                   start
    yes        same revision, text  nothing
    yes        other text only      update, live
    yes        other revision       drain, as far as the region's budget goes; starts once it ended
    no         yes                  drain
    held       other text only      update, live: the rest of the fleet has changed
    held       anything else        nothing at all

A replacement is a drain now and a start later, because two generations of a relay never share a
port. At most ``max_unavailable`` relays of a region are without service for a rollout, and one
region of the fleet rolls at a time. Level-triggered: only what is declared and what runs counts,
so planning again after executing asks for nothing, and a lost plan is made again.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from turnfleet.model import fleet
from turnrelay import contract

SETTLING: Final = 120.0
"""Seconds for which a relay that has not become ready holds up the rollouts of other regions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """One relay as it should be."""

    key: fleet.RelayKey
    revision: str
    """Differs where a running relay has to be replaced."""
    text: str
    """Differs where a running relay has to be told something, live."""
    max_unavailable: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """One relay as it is, seen from outside."""

    key: fleet.RelayKey
    revision: str
    text: str
    state: contract.State
    since: float
    """Unix seconds of the last change of ``state``."""

    @property
    def draining(self) -> bool:
        """Return whether it was told to end: there is no way back from that."""
        return self.state is contract.State.DRAINING

    @property
    def serving(self) -> bool:
        """Return whether taking it away takes service away."""
        return self.state in {contract.State.READY, contract.State.CLOSED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What to do now, each list sorted. Empty when everything is as it should be."""

    start: tuple[fleet.RelayKey, ...] = ()
    update: tuple[fleet.RelayKey, ...] = ()
    drain: tuple[fleet.RelayKey, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.start or self.update or self.drain)


def changes(
    *,
    desired: Collection[Desired],
    running: Collection[Running],
    now: float,
    held: Collection[str] = (),
) -> Changes:
    """Return what brings ``running`` closer to ``desired``.

    Regions that are ``held`` are desired as they were: nothing of theirs starts or ends.
    """
    declared = {relay.key: relay for relay in desired}
    existing = {relay.key: relay for relay in running}
    told = [key for key in declared.keys() & existing if _informable(declared, existing, key)]
    wanted = {key: relay for key, relay in declared.items() if key.region not in held}
    present = {key: relay for key, relay in existing.items() if key.region not in held}
    surplus = [key for key, relay in present.items() if key not in wanted and not relay.draining]
    return Changes(
        start=tuple(sorted(wanted.keys() - present.keys())),
        update=tuple(sorted(told)),
        drain=tuple(sorted([*surplus, *_outdated(wanted, present, now)])),
    )


def _informable(
    wanted: dict[fleet.RelayKey, Desired],
    present: dict[fleet.RelayKey, Running],
    key: fleet.RelayKey,
) -> bool:
    # The text of another revision may speak of ports that this process does not have.
    return wanted[key].revision == present[key].revision and wanted[key].text != present[key].text


def _outdated(
    wanted: dict[fleet.RelayKey, Desired],
    present: dict[fleet.RelayKey, Running],
    now: float,
) -> list[fleet.RelayKey]:
    """Return the outdated relays that may be drained now."""
    outdated: dict[str, list[Running]] = defaultdict(list)
    for key in sorted(wanted.keys() & present.keys()):
        if wanted[key].revision != present[key].revision and not present[key].draining:
            outdated[key.region].append(present[key])
    # One that never served costs nothing, and may be the bad edit that this one corrects.
    idle = [relay.key for relays in outdated.values() for relay in relays if not relay.serving]
    rolling = _rolling(wanted, present, now)
    turn = next((name for name in sorted(outdated) if name in rolling), None)
    if turn is None and not rolling:
        turn = min(outdated, default=None)
    if turn is None or rolling - {turn}:
        return idle
    serving = [relay.key for relay in outdated[turn] if relay.serving]
    return [*idle, *serving[: _budget(turn, wanted, present)]]


def _rolling(
    wanted: dict[fleet.RelayKey, Desired],
    present: dict[fleet.RelayKey, Running],
    now: float,
) -> set[str]:
    """Return the regions with a relay on its way out or back in."""
    return {
        key.region
        for key in wanted
        if key not in present or present[key].draining or _settling(present[key], now)
    }


def _settling(relay: Running, now: float) -> bool:
    # The distance: a clock that was set back must not hold up rollouts until it is there again.
    return relay.state is contract.State.STARTING and abs(now - relay.since) < SETTLING


def _budget(
    name: str,
    wanted: dict[fleet.RelayKey, Desired],
    present: dict[fleet.RelayKey, Running],
) -> int:
    """Return how many more relays of a region may go out of service."""
    members = [relay for key, relay in wanted.items() if key.region == name]
    away = sum(1 for member in members if not _serves(present.get(member.key)))
    return max(0, min(member.max_unavailable for member in members) - away)


def _serves(relay: Running | None) -> bool:
    return relay is not None and relay.serving
