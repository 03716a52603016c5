"""All that is known: the facts of every source, bounded. Knows no prior and estimates nothing.

Merging takes what another replica or cluster knows; like the joining of one source's facts it is
commutative, associative and idempotent. A source is in the cell that its newest fact came with.

At most ``most`` facts are kept, the newest of all; a source without any is forgotten. A flood can
thus shorten how far back everybody remembers, and who is forgotten has the estimate of their cells
again; but one source has a few dozen facts at most, so that a flood takes as many networks as it
wants to push out. The bound is on facts, not on sources, for merging's sake: of a source that was
dropped and comes back, the order of events would decide what is known.
"""

import heapq
import struct
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final, NamedTuple

from turnfleet.learn import cells, facts

MOST: Final = 200_000
"""Facts; see docs/bench-learning.md for what they take."""
HORIZON: Final = 56 * 86400
"""Seconds after which a fact is forgotten."""
SKEW: Final = 120
"""Seconds that another replica's facts may be ahead: two endpoints' clocks, each a minute off."""
SOURCE_SIZE: Final = 4
"""Bytes of a source's hash."""

LAPSING: Final = 50
"""Answers that a merge forgets for their age, at most: a clock that is years ahead for a moment
then costs little, and nothing waits for thousands of them to be forgotten."""

_STALE: Final = 1000
"""Entries that may be in the heap and count no more, beside as many as there are sources."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is known of one source."""

    cell: str
    """As in tokens."""
    facts: bytes
    """Packed, and never empty."""


class News:
    """Which sources changed since it was last asked; in all, not each change."""

    def __init__(self) -> None:
        self._changed: set[bytes] = set()

    def add(self, source: bytes) -> None:
        """Note a source that changed, or was dropped."""
        self._changed.add(source)

    def update(self, sources: Iterable[bytes]) -> None:
        """Note many that changed."""
        self._changed.update(sources)

    def take(self) -> AbstractSet[bytes]:
        """Return what changed, and forget it."""
        changed, self._changed = self._changed, set()
        return changed


class _Age(NamedTuple):
    """One answer of a source."""

    time: int
    nonce: int
    source: bytes


class Sources:
    """The records of all sources, by cell too."""

    def __init__(self, *, most: int = MOST) -> None:
        self._most = most
        self._records: dict[bytes, Record] = {}
        self._groups: dict[str, _Group | bytes] = {}
        """A source alone in its cell is no group yet: most cells of a flood are such."""
        self._ages: list[_Age] = []
        """A heap with one entry for each source, and some that count no more."""
        self._age: dict[bytes, _Age] = {}
        """The entry of each source: of its oldest answer, or of one that was its oldest."""
        self._facts = 0
        self._changes = 0
        self._horizon = 0
        self.lapses = 0
        """How often the clock was set back by more than ``SKEW``: facts that were forgotten before
        may have been young enough."""
        self._followers: list[News] = []

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, source: bytes) -> Record:
        return self._records[source]

    @property
    def facts(self) -> int:
        """How many facts are known."""
        return self._facts

    def get(self, source: bytes) -> Record | None:
        """Return what is known of a source."""
        return self._records.get(source)

    def items(self) -> Iterator[tuple[bytes, Record]]:
        """Yield every source and what is known of it."""
        return iter(self._records.items())

    def members(self, cell: str) -> AbstractSet[bytes]:
        """Return the sources of a shared cell."""
        match self._groups.get(cell):
            case None:
                return frozenset()
            case _Group() as group:
                return group.members
            case alone:
                return frozenset((alone,))

    def heard_of(self, cell: str) -> bool:
        """Tell whether there is a source in the widest shared cell of a cell's text."""
        widest = _shared(cell)[:1]
        return bool(widest) and widest[0] in self._groups

    def changes(self, cell: str) -> int:
        """Return a number that grows by one with every change to a shared cell's sources.

        Nought for a cell that never had two. A cell that comes back goes on above where it was.
        """
        group = self._groups.get(cell)
        return group.changes if isinstance(group, _Group) else 0

    def follow(self) -> News:
        """Return what will say which sources changed from now on."""
        news = News()
        self._followers.append(news)
        return news

    def clear(self) -> None:
        """Forget everything, and say that all sources changed."""
        for news in self._followers:
            news.update(self._records)
        self._records, self._groups = {}, {}
        self._ages, self._age = [], {}
        self._facts = 0

    def merge(self, told: Mapping[bytes, Record], *, now: float) -> frozenset[bytes]:
        """Take what is told of sources, and return those of which something was new.

        Total: records that make no sense, and facts that are from the future or too old, are
        passed over. Takes some 0.1 ms per source, so a server merges what is large in pieces.
        """
        news = {source for source, record in told.items() if self._take(source, record, now)}
        horizon = int(now) - HORIZON
        if horizon < self._horizon - SKEW:
            self.lapses += 1
            self._horizon = horizon
        self._horizon = max(self._horizon, horizon)
        self._forget(horizon)
        return frozenset(news & self._records.keys())

    def _take(self, source: bytes, told: Record, now: float) -> bool:
        known = self._records.get(source)
        if told == known:  # what replicas tell each other is mostly known
            return False
        admitted = self._admitted(source, told, now)
        if admitted is None:
            return False
        if known is not None and facts.newest(known.facts)[0] > now + SKEW:
            # A clock was ahead: as the newest of all, its facts would keep out all that come now.
            known = self._admitted(source, known, now)
        joined = admitted if known is None else _joined(known, admitted)
        if joined == known:
            return False
        self._replace(source, joined)
        age = _Age(*facts.oldest(joined.facts), source)
        entry = self._age.get(source)
        if entry is None or age < entry:
            # One that is too old is seen when its turn comes; one that is too new would not be.
            self._age[source] = age
            heapq.heappush(self._ages, age)
        return True

    def _forget(self, horizon: int) -> None:
        """Drop the oldest facts while there are too many, and some that are beyond the horizon."""
        lapsing = LAPSING
        if len(self._ages) > 2 * len(self._records) + _STALE:
            # Whoever sends the older facts of many sources after the newer ones.
            self._ages = list(self._age.values())
            heapq.heapify(self._ages)
        while self._ages and (
            self._facts > self._most or (lapsing and self._ages[0].time < horizon)
        ):
            age = self._ages[0]
            record = self._records.get(age.source)
            if record is None or self._age[age.source] is not age:
                heapq.heappop(self._ages)
                continue
            if (age.time, age.nonce) == facts.oldest(record.facts):
                lapsed = bool(lapsing) and age.time < horizon
                lapsing -= lapsed
                surplus = facts.ALL if lapsed else self._facts - self._most
                record = self._drop(age.source, record, surplus)
            if record is not None:
                entry = self._age[age.source] = _Age(*facts.oldest(record.facts), age.source)
                heapq.heapreplace(self._ages, entry)

    def _drop(self, source: bytes, record: Record, most: int) -> Record | None:
        """Drop facts of a source's oldest answer, at most so many, and return what is left."""
        found = list(facts.unpack(record.facts))
        oldest = facts.oldest(record.facts)
        answer = [fact for fact in found if (fact.time, fact.nonce) == oldest]
        dropped = frozenset(answer[-most:])
        kept = facts.pack(fact for fact in found if fact not in dropped)
        left = Record(cell=record.cell, facts=kept) if kept else None
        self._replace(source, left)
        return left

    def _replace(self, source: bytes, record: Record | None) -> None:
        known = self._records.pop(source, None)
        for news in self._followers:
            news.add(source)
        if known is not None:
            self._facts -= len(known.facts) // facts.SIZE
            if record is None or record.cell != known.cell:
                self._leave(source, known.cell)
        if record is None:
            self._age.pop(source, None)
        else:
            self._records[source] = record
            self._facts += len(record.facts) // facts.SIZE
            for cell in _shared(record.cell):
                self._join(source, cell)

    def _join(self, source: bytes, cell: str) -> None:
        self._changes += 1
        group = self._groups.setdefault(cell, source)
        if isinstance(group, _Group):
            group.members.add(source)
            group.changes += 1
        elif group != source:
            self._groups[cell] = _Group({group, source}, self._changes)

    def _admitted(self, source: bytes, told: Record, now: float) -> Record | None:
        if len(source) != SOURCE_SIZE or cells.parse(told.cell) is None:
            return None
        try:
            found = [
                fact
                for fact in facts.unpack(told.facts)
                if now - HORIZON <= fact.time <= now + SKEW and fact.tenths
            ]
        except struct.error:
            return None
        return Record(cell=told.cell, facts=facts.pack(found)) if found else None

    def _leave(self, source: bytes, left: str) -> None:
        self._changes += 1
        for cell in _shared(left):
            group = self._groups[cell]
            if isinstance(group, _Group):
                group.members.discard(source)
                group.changes += 1
            if group == source or (isinstance(group, _Group) and not group.members):
                del self._groups[cell]


class _Group:
    """The sources of one shared cell."""

    __slots__ = ("changes", "members")

    def __init__(self, members: set[bytes], changes: int) -> None:
        self.members = members
        self.changes = changes


def _shared(cell: str) -> tuple[str, ...]:
    parsed = cells.parse(cell)
    return () if parsed is None else parsed.shared


def _joined(one: Record, other: Record) -> Record:
    """Return both; the cell is that of the newest fact, or the last by name among equals."""
    newer = max(one, other, key=lambda record: (*facts.newest(record.facts), record.cell))
    return Record(cell=newer.cell, facts=facts.join(one.facts, other.facts))
