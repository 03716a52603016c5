"""What to tell a replica that was told before: the sources that changed since, in pages.

Sources are in the order in which they last changed, each once, so that whoever asks again and again
after the cursor it was given gets every source as it is now, however often it changed meanwhile.
The order is of one run of one replica: its epoch, some random bytes, goes with every cursor, and
who comes with none of this epoch is told all from the start. To be told twice does no harm
(``Sources.merge`` is idempotent), nor is a source missed that was dropped and came back.
"""

from collections.abc import Mapping

from turnfleet.learn import page, sources


class Teller:
    """The order of changes of one replica's sources."""

    def __init__(self, known: sources.Sources, *, epoch: bytes) -> None:
        self.epoch = epoch
        self._known = known
        self._news = known.follow()
        self._last: dict[bytes, int] = {}
        """By source the number of its last change, in their order."""
        self._count = 0
        for source, _ in known.items():  # noqa: PERF102 - it is no dict
            self._news.add(source)

    def hear(self) -> None:
        """Take note of what changed. To be called now and then where nobody asks for pages."""
        for source in self._news.take():
            self._last.pop(source, None)
            if self._known.get(source) is not None:
                self._count += 1
                self._last[source] = self._count

    def tell(self, cursors: Mapping[bytes, int]) -> page.Page:
        """Return the first of what changed after the cursor of this epoch; of all without one."""
        self.hear()
        after = cursors.get(self.epoch, 0)
        if after > self._count:  # nonsense, which must not be a way to be told nothing for ever
            after = 0
        newer: list[tuple[bytes, int]] = []
        for changed in reversed(self._last.items()):
            if changed[1] <= after:
                break
            newer.append(changed)
        return self._first(newer)

    def _first(self, newer: list[tuple[bytes, int]]) -> page.Page:
        """Return a page of the oldest of these changes, of which the last is the oldest."""
        records: dict[bytes, sources.Record] = {}
        room = page.room()
        cursor = self._count
        while newer:
            source, count = newer[-1]
            record = self._known[source]
            room -= page.size(record)
            if room < 0 or len(records) == page.RECORDS_MAX:
                break
            records[source] = record
            cursor = count
            newer.pop()
        return page.Page(
            epoch=self.epoch,
            cursor=cursor if newer else self._count,
            more=bool(newer),
            records=records,
        )
