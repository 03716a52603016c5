"""All that is known: the facts of every source, bounded. Knows no prior and estimates nothing.

Merging takes what another replica or cluster knows; like the joining of one source's facts it is
commutative, associative and idempotent. A source is in the cell that its newest fact came with.

At most ``most`` facts are kept, the newest of all; a source without any is forgotten. To drop some
is dear, so an eighth more is let in before they are (``trim``). A flood can thus shorten how far
back everybody remembers, and who is forgotten has the estimate of their cells again; but one source
has a few dozen facts at most, so that a flood takes as many networks as it wants to push out.
The bound is on facts, not on sources, for merging's sake: of a source that was dropped and comes
back, the order of events would decide what is known.
"""

import bisect
import operator
import struct
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from turnfleet.learn import cells, facts

MOST: Final = 200_000
"""Facts; see docs/bench-learning.md for what they take."""
HORIZON: Final = 56 * 86400
"""Seconds after which a fact is forgotten."""
SKEW: Final = 120
"""Seconds that another replica's facts may be ahead: two endpoints' clocks, each a minute off."""
SOURCE_SIZE: Final = 4
"""Bytes of a source's hash."""

_SLACK: Final = 8


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

    def take(self) -> AbstractSet[bytes]:
        """Return what changed, and forget it."""
        changed, self._changed = self._changed, set()
        return changed


class Sources:
    """The records of all sources, by cell too."""

    def __init__(self, *, most: int = MOST) -> None:
        self._most = most
        self._records: dict[bytes, Record] = {}
        self._members: dict[str, set[bytes]] = {}
        self._changes: dict[str, int] = {}
        self._total = 0
        self._followers: list[News] = []
        self._facts = 0

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, source: bytes) -> Record:
        return self._records[source]

    def get(self, source: bytes) -> Record | None:
        """Return what is known of a source."""
        return self._records.get(source)

    def items(self) -> Iterator[tuple[bytes, Record]]:
        """Yield every source and what is known of it."""
        return iter(self._records.items())

    def members(self, cell: str) -> AbstractSet[bytes]:
        """Return the sources of a shared cell."""
        return self._members.get(cell, frozenset())

    def changes(self, cell: str) -> int:
        """Return a number that grows by one with every change to a shared cell's sources.

        Nought for a cell without sources. A cell that comes back goes on above where it was.
        """
        return self._changes.get(cell, 0)

    def follow(self) -> News:
        """Return what will say which sources changed from now on."""
        news = News()
        self._followers.append(news)
        return news

    def merge(self, told: Mapping[bytes, Record], *, now: float) -> frozenset[bytes]:
        """Take what is told of sources, and return those of which something was new.

        Total: records that make no sense, and facts that are from the future or too old, are
        passed over.
        """
        news = {source for source, record in told.items() if self._take(source, record, now)}
        if self._facts > self._most + self._most // _SLACK:
            self.trim()
        return frozenset(news & self._records.keys())

    def trim(self, *, now: float = 0.0) -> None:
        """Drop the oldest facts beyond the bound, and those beyond the horizon before ``now``."""
        times = sorted(
            (time for record in self._records.values() for time in facts.times(record.facts)),
            reverse=True,
        )
        cut = int(now) - HORIZON
        if len(times) > self._most:
            cut = max(cut, times[self._most - 1])
        room = self._most - bisect.bisect_left(times, -cut, key=operator.neg)
        old = {
            source: list(facts.unpack(record.facts))
            for source, record in self._records.items()
            if facts.oldest(record.facts) <= cut
        }
        tied = sorted(
            (
                (fact.nonce, source, fact.region)
                for source, found in old.items()
                for fact in found
                if fact.time == cut
            ),
            reverse=True,
        )
        spared = frozenset(tied[:room])
        for source, found in old.items():
            kept = facts.pack(
                fact
                for fact in found
                if fact.time > cut
                or (fact.time == cut and (fact.nonce, source, fact.region) in spared)
            )
            cell = self._records[source].cell
            self._replace(source, Record(cell=cell, facts=kept) if kept else None)

    def _take(self, source: bytes, told: Record, now: float) -> bool:
        admitted = self._admitted(source, told, now)
        known = self._records.get(source)
        if admitted is None or admitted == known:
            return False
        joined = admitted if known is None else _joined(known, admitted)
        if joined == known:
            return False
        self._replace(source, joined)
        return True

    def _replace(self, source: bytes, record: Record | None) -> None:
        known = self._records.pop(source, None)
        for news in self._followers:
            news.add(source)
        if known is not None:
            self._facts -= len(known.facts) // facts.SIZE
            if record is None or record.cell != known.cell:
                self._leave(source, known.cell)
        if record is not None:
            self._records[source] = record
            self._facts += len(record.facts) // facts.SIZE
            for cell in _shared(record.cell):
                self._members.setdefault(cell, set()).add(source)
                self._count(cell)

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
        for cell in _shared(left):
            members = self._members[cell]
            members.discard(source)
            self._count(cell)
            if not members:
                del self._members[cell], self._changes[cell]

    def _count(self, cell: str) -> None:
        self._changes[cell] = self._changes.get(cell, self._total) + 1
        self._total += 1


def _shared(cell: str) -> tuple[str, ...]:
    parsed = cells.parse(cell)
    return () if parsed is None else parsed.shared


def _joined(one: Record, other: Record) -> Record:
    """Return both; the cell is that of the newest fact, or the last by name among equals."""
    newer = max(one, other, key=lambda record: (*facts.newest(record.facts), record.cell))
    return Record(cell=newer.cell, facts=facts.join(one.facts, other.facts))
