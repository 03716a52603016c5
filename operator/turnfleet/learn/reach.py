"""Which clients cannot reach relays by UDP, by what their networks reported. Knows no relay.

A report says that UDP fails where none of at least two relays offered by UDP gave a candidate by
it, and some relay did by TCP or TLS: then the way to relays is there, and is shut for UDP alone. It
says that UDP works where one did, or refused by it. Every other report says nothing.

* The last word of a source (``cells.prefix``) is believed for its own answers, at once.
* Of a source that said nothing lately, its network decides, or else its square (``cells``), where
  ``QUORUM`` sources say that UDP fails and most of those who said anything do.
* A word is forgotten after ``LIFE``: an answer for clients without UDP has but one URL by UDP,
  which is enough to show that UDP works and not that it fails, so it has to be tried again in full.

Nothing else counts: not the connection type of a report, which its sender chose from a list. Memory
is bounded: of ``SOURCES`` the newest words are kept.
"""

import functools
from collections import Counter, OrderedDict
from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from turnfleet.learn import cells, convert, report
from turnfleet.model import region

QUORUM: Final = 3
"""Sources that a wider cell takes."""
LIFE: Final = 86_400.0
"""Seconds that a word is believed."""
SOURCES: Final = 50_000

_UDP: Final = region.Transport.UDP
_UNREACHED: Final = 701
"""The code for a server that did not answer (WebRTC, RTCPeerConnectionIceErrorEvent)."""


class Basis(StrEnum):
    """Whose reports say that a client's UDP fails."""

    SOURCE = "source"
    """Those of its own network, a /24 or a /48."""
    CELL = "cell"
    """Those of others, in its autonomous system or its part of the country."""

    @property
    def sentence(self) -> str:
        """Return what a person reads in ``turnfleet explain``."""
        return _SENTENCES[self]


_SENTENCES: Final[Mapping[Basis, str]] = {
    Basis.SOURCE: "clients of its own network reach relays by TLS and not by UDP",
    Basis.CELL: "most networks around it that reported reach relays by TLS and not by UDP",
}


def udp_works(told: report.Report, routes: Mapping[str, convert.Route]) -> bool | None:
    """Return whether a report says that UDP works; ``None``: it says nothing.

    ``routes`` has the URLs that were offered.
    """
    given = {routes[time.url].transport for time in told.times if time.url in routes}
    missing = {failure.url for failure in told.failures if failure.code == _UNREACHED}
    refused = {failure.url for failure in told.failures} - missing
    if _UDP in given or any(routes[url].transport is _UDP for url in refused & routes.keys()):
        return True
    # Of a page that left early nobody knows what was still to come.
    over = told.outcome is not report.Outcome.GATHERED
    tried = {
        route.relay
        for url, route in routes.items()
        if route.transport is _UDP and (over or url in missing)
    }
    return False if given and len(tried) > 1 else None


class _Word(NamedTuple):
    """What a source said last."""

    works: bool
    cell: str | None
    """Its network or square."""
    at: float


class Transports:
    """Takes what reports say of UDP, and tells whose answers have to do without."""

    def __init__(self, *, most: int = SOURCES) -> None:
        self.given: Counter[Basis] = Counter()
        """How often ``udp_fails`` said so."""
        self._most = most
        self._words: OrderedDict[bytes, _Word] = OrderedDict()
        """By source, the oldest first: which that is, a dict takes long to say."""
        self._tallies: dict[str, list[int]] = {}
        """By cell: sources whose UDP fails, and whose UDP works."""
        self._failing = 0

    def __len__(self) -> int:
        return len(self._words)

    @property
    def sources(self) -> int:
        """Return how many sources say that UDP fails."""
        return self._failing

    @property
    def cells(self) -> int:
        """Return how many networks and squares UDP is taken to fail in."""
        return sum(_agreed(tally) for tally in self._tallies.values())

    def take(self, *, works: bool, cell: str, source: bytes, now: float) -> None:
        """Take the word of a source in a cell (``rid.cell_of``). ``now`` in seconds."""
        self._forget(now)
        if source in self._words:
            self._drop(source)
        shared = _shared(cell)
        self._words[source] = _Word(works, shared, now)
        self._failing += not works
        if shared is not None:
            self._tallies.setdefault(shared, [0, 0])[works] += 1
        while len(self._words) > self._most:
            self._drop(next(iter(self._words)))

    def forget(self) -> None:
        """Forget all words: sources have other names from now on."""
        self._words.clear()
        self._tallies.clear()
        self._failing = 0

    def udp_fails(self, cell: str, source: bytes, now: float) -> bool:
        """Return whether the answer for a client has to do without UDP, and count it if so."""
        if not self._failing:  # for every answer, and nearly always
            return False
        basis = self.basis(cell, source, now)
        if basis is None:
            return False
        self.given[basis] += 1
        return True

    def basis(self, cell: str, source: bytes, now: float) -> Basis | None:
        """Return whose reports say that a client's UDP fails, if any."""
        self._forget(now)
        word = self._words.get(source)
        if word is not None:
            return None if word.works else Basis.SOURCE
        tally = self._tallies.get(_shared(cell) or "")
        return Basis.CELL if tally is not None and _agreed(tally) else None

    def _forget(self, now: float) -> None:
        """Forget old words, and those from a clock that was set back far since."""
        while self._words:
            source = next(iter(self._words))
            if abs(now - self._words[source].at) < LIFE:
                return
            self._drop(source)

    def _drop(self, source: bytes) -> None:
        word = self._words.pop(source)
        self._failing -= not word.works
        if word.cell is not None:
            tally = self._tallies[word.cell]
            tally[word.works] -= 1
            if not any(tally):
                del self._tallies[word.cell]


def _agreed(tally: list[int]) -> bool:
    fails, works = tally
    return fails >= QUORUM and fails > works


@functools.lru_cache(4096)
def _shared(cell: str) -> str | None:
    """Return the cell that a client's word counts in: its network where known, or its square."""
    parsed = cells.parse(cell)
    if parsed is None or not parsed.shared:
        return None
    networks = (each for each in parsed.shared if cells.level(each) is cells.Level.NETWORK)
    return next(networks, parsed.shared[-1])
