"""Which relays of a region a user may get: true rendezvous hashing, looked up in constant time.

Scoring a hundred relays for every answer would cost more than all the rest of it. So users are
first hashed onto ``SLOTS`` slots, whatever the fleet looks like; then each *slot* is given to
relays by rendezvous hashing: every relay scores for the slot, the best scores win. The rows of
winners are worked out, a chunk at a time, when a slot is first asked for, and kept while the
region's relays stay the same.

That keeps what rendezvous hashing is for, and exactly, where a ring of virtual points or a Maglev
table keeps it only on average: when a relay leaves, only slots that named it change, and each goes
to its own next best; when it comes back, just those return. What it costs is evenness: with n
relays their shares of first places differ by about sqrt(n / SLOTS), 16 % for a hundred. Taking the
less loaded of two candidates levels that out.
"""

import functools
import itertools
import math
import struct
import zlib
from array import array
from collections.abc import Iterable, Sequence
from hashlib import shake_128
from typing import Final, NamedTuple

_SLOT_BITS: Final = 12
SLOTS: Final = 1 << _SLOT_BITS
NOBODY: Final = -1
"""In a row: there is no such candidate. A list with one more at its end has that for it."""

NAMES_KEPT: Final = 256
"""Whose ``distances`` are remembered: 32 kB each, and 2 ms to work out."""

_WIDTH: Final = 6
_ROW: Final = struct.Struct(f"{_WIDTH}h")
_UNKNOWN: Final = -2
_CHUNK: Final = 16
"""Slots whose rows are worked out together: most of the cost is the same for one."""
_SCORES: Final = struct.Struct(f">{_CHUNK}Q")
_GOLDEN: Final = 0x9E3779B1  # 2**32 / golden ratio: Knuth's multiplicative hashing
_MASK_32: Final = 0xFFFF_FFFF


class Seat(NamedTuple):
    """A relay, as far as its place among others goes."""

    name: str
    node: str
    zone: str | None
    anycast: tuple[str, ...] = ()
    """Its addresses if they are anycast: whoever shares one is the same relay to a client."""


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

    __slots__ = ("_cells", "anycast", "seats")

    def __init__(self, seats: Sequence[Seat]) -> None:
        self.seats = tuple(seats)
        self.anycast = any(seat.anycast for seat in self.seats)
        """Whether some relay is."""
        self._cells: array[int] | None = None

    def row(self, number: int) -> tuple[int, ...]:
        """Return the cells of a ``Row`` (to make the named tuple would cost more than this)."""
        if self._cells is None:  # most regions of a large fleet are nobody's first or second choice
            self._cells = array("h", (_UNKNOWN,)) * (SLOTS * _WIDTH)
        cells = _ROW.unpack_from(self._cells, number * _ROW.size)
        if cells[0] == _UNKNOWN:
            self._work_out(self._cells, number // _CHUNK)
            cells = _ROW.unpack_from(self._cells, number * _ROW.size)
        return cells

    def _work_out(self, cells: "array[int]", chunk: int) -> None:
        relays = range(len(self.seats))
        by_relay = [scores(seat.name, chunk) for seat in self.seats]
        for offset in range(_CHUNK):
            score = [of_relay[offset] for of_relay in by_relay]
            order = sorted(relays, key=score.__getitem__, reverse=True)
            first, second = _two(order)
            row = Row(first, second, *self._backups(first, order), *self._backups(second, order))
            _ROW.pack_into(cells, (chunk * _CHUNK + offset) * _ROW.size, *row)

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


def slot(user: str) -> int:
    """Return the slot of a user: the same in every process and version."""
    return (zlib.crc32(user.encode()) * _GOLDEN & _MASK_32) >> (32 - _SLOT_BITS)


def scores(name: str, chunk: int) -> Sequence[int]:
    """Return how well a name does in each slot of a chunk: 64 bits, as good as random.

    From one SHAKE128 (FIPS 202), which costs less than a few multiplications in Python per slot.
    """
    drawn = shake_128(b"%d/%b" % (chunk, name.encode()))
    return _SCORES.unpack(drawn.digest(_SCORES.size))


@functools.lru_cache(maxsize=NAMES_KEPT)
def distances(name: str) -> Sequence[float]:
    """Return how far each slot is from a name: random, exponential, the same everywhere.

    Among names of different shares, the one of least ``distance / share`` is a slot's with the
    probability of its share; and a name that goes or comes moves nobody between the others.
    """
    chunks = (scores(name, chunk) for chunk in range(SLOTS // _CHUNK))
    return array("d", [-math.log((score + 1) / 2**64) for score in itertools.chain(*chunks)])


def apart(one: Seat, other: Seat) -> bool:
    """Tell whether two relays do not fail together: other nodes, and not one anycast address."""
    return one.node != other.node and not shared(one.anycast, other.anycast)


def shared(addresses: tuple[str, ...], others: tuple[str, ...]) -> bool:
    """Tell whether two anycast relays are one and the same to a client."""
    return bool(addresses) and not set(addresses).isdisjoint(others)


def _two(candidates: Iterable[int]) -> tuple[int, int]:
    found = iter(candidates)
    return next(found, NOBODY), next(found, NOBODY)
