"""When each key is to be worked on: coalesced, one at a time for each key, later after a failure.

Pure: time is given by the caller, in seconds of any clock that never goes back. A mark is never
lost: one that comes while its key is worked on is worked on afterwards, and a failure marks again.
"""

import heapq
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

BACK_OFF: Final = 0.5
"""Seconds after the first failure; twice as much after each further one."""
BACK_OFF_MAX: Final = 60.0
_DOUBLINGS: Final = 16
_SOON: Final = 2
"""Failures in a row that count at most while there is progress: two seconds."""


@dataclass(slots=True)
class _Entry:
    due: float | None = None
    """``None``: nothing to do."""
    failures: int = 0
    not_before: float = 0.0
    """Until then no mark counts: the last attempt failed."""
    running: bool = False


class Schedule(Generic[Key]):
    """What is due when. ``chance`` gives numbers from 0 to 1 that spread retries."""

    def __init__(self, *, chance: Callable[[], float]) -> None:
        self._chance = chance
        self._entries: dict[Key, _Entry] = {}
        self._heap: list[tuple[float, int, Key]] = []
        self._pushes = 0
        self._running = 0

    def __len__(self) -> int:
        """Return how many keys are due now or later and not being worked on."""
        return sum(1 for e in self._entries.values() if e.due is not None and not e.running)

    def waiting(self, now: float) -> int:
        """Return how many keys are overdue: the depth of the queue."""
        return sum(
            1
            for entry in self._entries.values()
            if entry.due is not None and entry.due <= now and not entry.running
        )

    @property
    def idle(self) -> bool:
        """Return whether nothing is worked on."""
        return self._running == 0

    def mark(self, key: Key, *, at: float, afresh: bool = False) -> None:
        """Have ``key`` worked on at ``at``, or earlier where it already is to be.

        A mark does not cut a back-off short, or what a failing attempt stirs up would; one that is
        ``afresh`` does, since somebody has changed what was asked for.
        """
        entry = self._entries.setdefault(key, _Entry())
        if afresh:
            entry.failures = 0
            entry.not_before = 0.0
        due = max(at, entry.not_before)
        if entry.due is None or due < entry.due:
            entry.due = due
            self._push(key, due)

    def take(self, now: float) -> Key | None:
        """Return the key that has been due for longest, now being worked on, or ``None``."""
        while self._heap and self._heap[0][0] <= now:
            due, _, key = heapq.heappop(self._heap)
            entry = self._entries.get(key)
            if entry is None or entry.due != due or entry.running:
                continue  # moved since; ``done`` puts back what came while it was worked on
            entry.due = None
            entry.running = True
            self._running += 1
            return key
        return None

    def next_due(self) -> float | None:
        """Return when the next key is due, or ``None``: not before somebody marks one."""
        while self._heap:
            due, _, key = self._heap[0]
            entry = self._entries.get(key)
            if entry is not None and entry.due == due and not entry.running:
                return due
            heapq.heappop(self._heap)
        return None

    def done(self, key: Key, *, now: float, again: float | None = None) -> None:
        """Note that an attempt worked; ``again`` is when the key wants to be looked at next."""
        entry = self._finished(key)
        entry.failures = 0
        entry.not_before = 0.0
        if again is not None:
            entry.due = again if entry.due is None else min(entry.due, again)
        self._put_back(key, entry, now)

    def failed(
        self, key: Key, *, now: float, wait: float | None = None, progressed: bool = False
    ) -> float:
        """Note that an attempt failed; return in how many seconds comes the next one.

        ``wait`` is the least that the server asked for. One that ``progressed`` is followed sooner:
        what is left to do is less than it was.
        """
        entry = self._finished(key)
        if progressed:
            entry.failures = min(entry.failures, _SOON)
        # Spread over the upper half, so that a thousand failures do not come back together.
        longest = min(BACK_OFF * 2.0 ** min(entry.failures, _DOUBLINGS), BACK_OFF_MAX)
        delay = max(longest * (0.5 + 0.5 * self._chance()), wait or 0.0)
        entry.failures += 1
        entry.not_before = now + delay
        entry.due = entry.not_before
        self._put_back(key, entry, now)
        return delay

    def forget(self, key: Key) -> None:
        """Take a key away that is gone for good; one being worked on goes when it is finished."""
        entry = self._entries.get(key)
        if entry is None:
            return
        entry.due = None
        entry.failures = 0
        entry.not_before = 0.0
        if not entry.running:
            del self._entries[key]

    def _finished(self, key: Key) -> _Entry:
        entry = self._entries[key]
        if not entry.running:
            raise RuntimeError(f"{key} was not being worked on")
        entry.running = False
        self._running -= 1
        return entry

    def _put_back(self, key: Key, entry: _Entry, now: float) -> None:
        if entry.due is None:
            del self._entries[key]
        else:
            self._push(key, max(entry.due, entry.not_before, now))

    def _push(self, key: Key, due: float) -> None:
        self._entries[key].due = due
        self._pushes += 1
        heapq.heappush(self._heap, (due, self._pushes, key))
