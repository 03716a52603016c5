"""What to tell a replica that was told before: the sources that changed since, in pages.

Sources are in the order in which they last changed, each once, so that whoever asks again and again
after the cursor it was given gets every source as it is now, however often it changed meanwhile.
The order is of one run of one replica: its epoch, some random bytes, goes with every cursor, and
who comes with none of this epoch is told all from the start. To be told twice does no harm
(``Sources.merge`` is idempotent), nor is a source missed that was dropped and came back.
"""

import bisect
from array import array
from collections.abc import Mapping
from typing import Final

from turnfleet.learn import page, sources

_STALE: Final = 1000
"""Changes that a later one of the same source outdid, beside as many as there are others."""
_SWEPT: Final = 2000
"""Changes that are looked at in one go, beside twice as many as are new: some 2 ms."""


class Teller:
    """The order of changes of one replica's sources."""

    def __init__(self, known: sources.Sources, *, epoch: bytes) -> None:
        self.epoch = epoch
        self._known = known
        self._news = known.follow()
        self._count = 0
        self._taken = 0
        self._last: dict[bytes, int] = {}
        """By source the number of its last change."""
        self._numbers = array("Q")
        self._changed: list[bytes] = []
        """The source of each of these numbers, which rise; some are outdone."""
        self._swept = 0
        self._kept_numbers = array("Q")
        self._kept_changed: list[bytes] = []
        """What is left of the first ``_swept`` of them without those that are outdone."""
        for source, _ in known.items():  # noqa: PERF102 - it is no dict
            self._news.add(source)

    def hear(self) -> None:
        """Take note of what changed: 1 µs for each, so better often than late."""
        news = self._news.take()
        for source in news:
            if self._known.get(source) is None:
                self._last.pop(source, None)
                continue
            self._count += 1
            self._last[source] = self._count
            self._numbers.append(self._count)
            self._changed.append(source)
        self._sweep(_SWEPT + 2 * len(news))

    def _sweep(self, most: int) -> None:
        """Leave out changes that a later one of the same source outdid, if they are many.

        Looks at so many at once: a large order takes some calls, and is told as it was meanwhile.
        """
        if not self._swept and len(self._numbers) <= 2 * len(self._last) + _STALE:
            return
        before, self._swept = self._swept, self._swept + most
        numbers, changed = self._numbers[before : self._swept], self._changed[before : self._swept]
        for number, source in zip(numbers, changed, strict=True):
            if self._last.get(source) == number:
                self._kept_numbers.append(number)
                self._kept_changed.append(source)
        if self._swept >= len(self._numbers):
            self._numbers, self._changed = self._kept_numbers, self._kept_changed
            self._kept_numbers, self._kept_changed = array("Q"), []
            self._swept = 0

    def taken(self, cursors: Mapping[bytes, int]) -> None:
        """Note that another replica has taken what it was told up to its cursor of this epoch."""
        after = cursors.get(self.epoch, 0)
        if after <= self._count:
            self._taken = max(self._taken, after)

    def untaken(self, *, most: int) -> int:
        """Return the cursor after which there is what no replica has taken, or the last of it.

        ``most``: changes after the cursor, at most.
        """
        self.hear()
        return max(self._taken, self._count - most)

    def tell(self, cursors: Mapping[bytes, int]) -> page.Page:
        """Return the first of what changed after the cursor of this epoch; of all without one."""
        self.hear()
        after = cursors.get(self.epoch, 0)
        if after > self._count:  # nonsense, which must not be a way to be told nothing for ever
            after = 0
        records: dict[bytes, sources.Record] = {}
        room, cursor, more = page.room(), self._count, False
        for at in range(bisect.bisect_right(self._numbers, after), len(self._numbers)):
            number, source = self._numbers[at], self._changed[at]
            if self._last.get(source) != number:
                continue
            record = self._known[source]
            room -= page.size(record)
            if room < 0 or len(records) == page.RECORDS_MAX:
                cursor, more = number - 1, True
                break
            records[source] = record
        return page.Page(epoch=self.epoch, cursor=cursor, more=more, records=records)
