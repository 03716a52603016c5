"""Which relays of a region a user may get: true rendezvous hashing, looked up in constant time.

Scoring a hundred relays for every answer would cost more than all the rest of it. So users are
first hashed onto ``SLOTS`` slots, whatever the fleet looks like; then each *slot* is given to
relays by rendezvous hashing: every relay scores for the slot, the best scores win. A row of
winners is worked out when its slot is first asked for, and kept while the region's relays stay
the same.

That keeps what rendezvous hashing is for, and exactly, where a ring of virtual points or a Maglev
table keeps it only on average: when a relay leaves, only slots that named it change, and each goes
to its own next best; when it comes back, just those return. What it costs is evenness: with n
relays their shares of first places differ by about sqrt(n / SLOTS), 16 % for a hundred. Leaning to
the emptier of two candidates levels that out.

Relays of unequal capacity score by weighted rendezvous hashing: the shares are as their capacities.
"""

import functools
import math
import struct
import zlib
from array import array
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Final, NamedTuple

_SLOT_BITS: Final = 12
SLOTS: Final = 1 << _SLOT_BITS
NOBODY: Final = -1
"""In a row: there is no such candidate. A list with one more at its end has that for it."""

NAMES_KEPT: Final = 256
"""Names whose ``distances`` are remembered: 32 kB each."""

_WIDTH: Final = 6
_ROW: Final = struct.Struct(f"{_WIDTH}h")
_UNKNOWN: Final = -2
_GOLDEN: Final = 0x9E3779B1  # 2**32 / golden ratio: Knuth's multiplicative hashing
_MASK: Final = 0xFFFF_FFFF
_MIX_1: Final = 0x85EBCA6B
_MIX_2: Final = 0xC2B2AE35


class Seat(NamedTuple):
    """A relay, as far as its place among others goes."""

    name: str
    node: str
    zone: str | None
    anycast: tuple[str, ...] = ()
    """Its addresses if they are anycast: whoever shares one is the same relay to a client."""
    capacity: int = 1
    """Its share of first places, relative to the others'."""


class Row(NamedTuple):
    """The candidates of a slot, best first, as positions in ``Table.seats`` or ``NOBODY``."""

    first: int
    second: int
    first_backup: int
    """Backups for when ``first`` is the primary."""
    first_backup_second: int
    second_backup: int
    """Backups for when ``second`` is the primary."""
    second_backup_second: int


class Table:
    """The rows of one set of seats. It remembers rows, which depend on the seats alone.

    A row names the same relays whatever the order of the seats.
    """

    __slots__ = ("_capacities", "_cells", "_seeds", "seats")

    def __init__(self, seats: Sequence[Seat]) -> None:
        self.seats = tuple(seats)
        self._seeds = [_seed(seat.name) for seat in self.seats]
        capacities = [seat.capacity for seat in self.seats]
        self._capacities = capacities if len(set(capacities)) > 1 else None
        self._cells: array[int] | None = None

    def row(self, slot: int) -> tuple[int, ...]:
        """Return the cells of a ``Row`` (to make the named tuple would cost more than this)."""
        if self._cells is None:  # most regions of a large fleet are nobody's first or second choice
            self._cells = array("h", (_UNKNOWN,)) * (SLOTS * _WIDTH)
        start = slot * _ROW.size
        cells = _ROW.unpack_from(self._cells, start)
        if cells[0] == _UNKNOWN:
            cells = self._work_out(slot)
            _ROW.pack_into(self._cells, start, *cells)
        return cells

    def _work_out(self, slot: int) -> Row:
        order = self._order(scores(self._seeds, slot))
        first, second = _two(order)
        return Row(first, second, *self._backups(first, order), *self._backups(second, order))

    def _order(self, found: Sequence[int]) -> list[int]:
        """Return the seats, best score first; with unequal capacities, each by its share.

        The logarithm costs, and leaves the order of equals as it is: they do without.
        """
        if self._capacities is None:
            return sorted(range(len(found)), key=found.__getitem__, reverse=True)
        far = [_distance(score) / of for score, of in zip(found, self._capacities, strict=True)]
        return sorted(range(len(far)), key=far.__getitem__)

    def _backups(self, primary: int, order: Sequence[int]) -> tuple[int, int]:
        if primary == NOBODY:
            return NOBODY, NOBODY
        taken, seats = self.seats[primary], self.seats
        if taken.zone is not None:
            other_zone = _two(
                other
                for other in order
                if seats[other].zone not in (taken.zone, None) and apart(taken, seats[other])
            )
            if other_zone[0] != NOBODY:
                return other_zone
        return _two(other for other in order if apart(taken, seats[other]))


class Reduced(Table):
    """A table without some of its seats, by the same positions.

    Only rows that name one of those differ, so only these are worked out anew, by those left.
    """

    __slots__ = ("_left", "_out", "_whole")

    def __init__(self, whole: Table, *, out: frozenset[int]) -> None:
        super().__init__(whole.seats)
        self._whole = whole
        self._out = out
        self._left = left = [seat for seat in range(len(self.seats)) if seat not in out]
        self._seeds = [self._seeds[seat] for seat in left]
        if self._capacities is not None:
            self._capacities = [self._capacities[seat] for seat in left]

    def row(self, slot: int) -> tuple[int, ...]:
        """Return the cells of a ``Row``."""
        cells = self._whole.row(slot)
        return cells if self._out.isdisjoint(cells) else super().row(slot)

    def _order(self, found: Sequence[int]) -> list[int]:
        return [self._left[at] for at in super()._order(found)]


def slot(user: str) -> int:
    """Return the slot of a user: the same in every process and version."""
    return (zlib.crc32(user.encode()) * _GOLDEN & _MASK) >> (32 - _SLOT_BITS)


def scores(seeds: Iterable[int], slot: int) -> list[int]:
    """Return how well names, by their seeds, do in a slot: 32 bits, as good as random.

    The finalizer of MurmurHash3; 64 bits would take Python twice as long, a call for each as well.
    """
    step = slot * _GOLDEN
    found = []
    for seed in seeds:
        mixed = seed + step & _MASK
        mixed = (mixed ^ mixed >> 16) * _MIX_1 & _MASK
        mixed = (mixed ^ mixed >> 13) * _MIX_2 & _MASK
        found.append(mixed ^ mixed >> 16)
    return found


class Distances:
    """How far each slot is from a name: random, exponential, the same everywhere.

    Among names of different shares, the one of least ``distance / share`` is a slot's with the
    probability of its share; and a name that goes or comes moves nobody between the others.
    """

    __slots__ = ("_seed", "known")

    def __init__(self, name: str) -> None:
        self._seed = _seed(name)
        self.known = array("d", (0.0,)) * SLOTS
        """By slot; 0 where it is yet to be worked out."""

    def work_out(self, slot: int) -> float:
        """Return a slot's distance, which is known from then on."""
        (score,) = scores((self._seed,), slot)
        self.known[slot] = distance = _distance(score)
        return distance


@functools.lru_cache(maxsize=NAMES_KEPT)
def distances(name: str) -> Distances:
    """Return the distances of a name, the ones known so far among them."""
    return Distances(name)


def _distance(score: int) -> float:
    """Return a score as a distance: exponential, shorter for a better score."""
    return -math.log((score + 0.5) / 2**32)


def _seed(name: str) -> int:
    return int.from_bytes(blake2b(name.encode(), digest_size=4).digest(), "big")


def apart(one: Seat, other: Seat) -> bool:
    """Tell whether two relays do not fail together: other nodes, and not one anycast address."""
    return one.node != other.node and set(one.anycast).isdisjoint(other.anycast)


def _two(candidates: Iterable[int]) -> tuple[int, int]:
    found = iter(candidates)
    return next(found, NOBODY), next(found, NOBODY)
