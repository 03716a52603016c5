"""What happened to calls, sorted by what was done to the fleet meanwhile. Pure.

Takes events with the time of each (monotonic seconds, given by the caller) and gives one tally for
each phase: the baseline, every operation, and what is between them. Nothing is judged here.
"""

import bisect
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

BETWEEN: Final = "between operations"
_PER_SECOND: Final = 1000
"""Delays are counted by the millisecond."""


class Kind(StrEnum):
    """Why a client connects."""

    NEW = "new"
    RESTART = "restart"
    """Again within a call, with an answer that it got a while ago (an ICE restart)."""


class Mishap(StrEnum):
    """What must not happen."""

    NO_ANSWER = "no answer"
    """The endpoint gave none, or one that makes no sense."""
    NO_CONNECTION = "no connection"
    """No URL of an answer gave an allocation, or the two relays no way to each other."""
    ENDED_EARLY = "ended early"
    """A live allocation ended by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One mishap, for whoever looks for its cause."""

    at: float
    phase: str
    what: Mishap
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Packets of one stream that were lost."""

    first: float
    last: float
    """When the first and the last of them were sent."""
    packets: int
    way: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A time that was taken within a phase."""

    phase: str
    what: str
    """The same for figures that are compared, one row in the report."""
    of: str
    """The relay or region."""
    seconds: float


@dataclass(slots=True, kw_only=True)
class Tally:
    """Figures of one phase, or of several together."""

    seconds: float = 0.0
    connections: Counter[Kind] = field(default_factory=Counter)
    """Those that succeeded."""
    mishaps: Counter[Mishap] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    """Single URLs that gave no allocation, by code; the client goes on with the others."""
    sent: int = 0
    lost: int = 0
    delays: Counter[int] = field(default_factory=Counter)
    """Packets by milliseconds on their way."""

    def delay(self, share: float) -> float:
        """Return the milliseconds within which a share of the packets came."""
        wanted = math.ceil(share * self.delays.total())
        for milliseconds in sorted(self.delays):
            wanted -= self.delays[milliseconds]
            if wanted <= 0:
                return float(milliseconds)
        return 0.0

    def add(self, other: "Tally") -> None:
        """Take in another's figures."""
        self.seconds += other.seconds
        self.connections += other.connections
        self.mishaps += other.mishaps
        self.refusals += other.refusals
        self.sent += other.sent
        self.lost += other.lost
        self.delays += other.delays


@dataclass(slots=True)
class Phase:
    """Something that was done to the fleet, or nothing."""

    name: str
    began: float
    ended: float = math.inf
    took: float = 0.0
    """Seconds that the operation took, without what the phase has beside it."""
    failure: str | None = None
    """Why it did not come to its end."""
    tally: Tally = field(default_factory=Tally)


class Ledger:
    """Everything that was seen, from ``began`` on."""

    def __init__(self, *, began: float) -> None:
        self.began = began
        self._phases = [Phase(BETWEEN, began)]
        self._starts = [began]
        self.notes: list[Note] = []
        self.losses: list[Loss] = []
        self.figures: list[Figure] = []
        self.live: Counter[str] = Counter()
        """Allocations by their relay's address."""
        self.emptied: dict[str, float] = {}
        """When a relay's last allocation ended, for those that have none."""
        self.asked_back: float | None = None
        """When a relay that was drained by hand was last asked back: answers may name it again,
        and do before anybody hears of its pod."""

    @property
    def phases(self) -> Sequence[Phase]:
        """Return the phases in their order, without the empty ones between them."""
        return tuple(p for p in self._phases if p.name != BETWEEN or p.tally != Tally())

    def begin(self, name: str, *, at: float) -> Phase:
        """Begin a phase; what happens from now on is put down to it."""
        return self._turn(Phase(name, at))

    def end(self, *, at: float, took: float, failure: str | None = None) -> None:
        """End the phase that goes on."""
        self._phases[-1].took = took
        self._phases[-1].failure = failure
        self._turn(Phase(BETWEEN, at))

    def connected(self, kind: Kind, *, at: float, refusals: Iterable[str] = ()) -> None:
        """Note that a client, who began at ``at``, has an allocation; some URLs gave none."""
        tally = self._at(at).tally
        tally.connections[kind] += 1
        tally.refusals.update(refusals)

    def mishap(self, what: Mishap, *, at: float, why: str, refusals: Iterable[str] = ()) -> None:
        """Note what must not happen."""
        phase = self._at(at)
        phase.tally.mishaps[what] += 1
        phase.tally.refusals.update(refusals)
        self.notes.append(Note(at=at, phase=phase.name, what=what, why=why))

    def measured(self, what: str, *, of: str, seconds: float, at: float) -> None:
        """Note a time that was taken at ``at``."""
        phase = self._at(at).name
        self.figures.append(Figure(phase=phase, what=what, of=of, seconds=seconds))

    def opened(self, relay: str) -> None:
        """Note an allocation on a relay."""
        self.live[relay] += 1
        self.emptied.pop(relay, None)

    def closed(self, relay: str, *, at: float) -> None:
        """Note the end of an allocation, whoever ended it."""
        self.live[relay] -= 1
        if not self.live[relay]:
            self.emptied[relay] = at

    def carried(self, packets: Iterable[tuple[float, float | None]], *, way: str = "") -> None:
        """Take when packets were sent and how long each took; ``None``: it was lost.

        ``way`` says which way they went, for whoever looks for the cause of a loss.
        """
        phase, until = self._phases[0], -math.inf
        lost = []
        for sent, delay in packets:
            if sent >= until:
                phase, until = self._with_end(sent)
            phase.tally.sent += 1
            if delay is None:
                phase.tally.lost += 1
                lost.append(sent)
            else:
                phase.tally.delays[int(delay * _PER_SECOND)] += 1
        if lost:
            self.losses.append(Loss(first=lost[0], last=lost[-1], packets=len(lost), way=way))

    def tallies(self) -> Mapping[str, Tally]:
        """Return the figures by phase's name; operations of one name, and all between, are one."""
        found: dict[str, Tally] = {}
        for phase in self._phases:
            phase.tally.seconds = 0.0 if phase.ended == math.inf else phase.ended - phase.began
            found.setdefault(phase.name, Tally()).add(phase.tally)
        return found

    def _turn(self, phase: Phase) -> Phase:
        self._phases[-1].ended = phase.began
        self._phases.append(phase)
        self._starts.append(phase.began)
        return phase

    def _at(self, at: float) -> Phase:
        return self._with_end(at)[0]

    def _with_end(self, at: float) -> tuple[Phase, float]:
        index = max(0, bisect.bisect_right(self._starts, at) - 1)
        phase = self._phases[index]
        return phase, phase.ended
