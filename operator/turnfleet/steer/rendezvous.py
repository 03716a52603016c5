"""Which relays of a region a user may get: true rendezvous hashing, looked up in constant time.

Scoring a hundred relays for every answer would cost more than all the rest of it. So users are
first hashed onto ``SLOTS`` slots, whatever the fleet looks like; then each *slot* is given to
relays by rendezvous hashing: every relay scores for the slot, the best scores win. A row of
winners is worked out when its slot is first asked for, and kept while the region's relays stay
the same.

That keeps what rendezvous hashing is for, and exactly, where a ring of virtual points or a Maglev
table keeps it only on average: when a relay leaves, only slots that named it change, and each goes
to its own next best; when it comes back, just those return. What it costs is evenness: with n
relays their shares of first places differ by about sqrt(n / SLOTS), 16 % for a hundred. Taking the
less loaded of two candidates levels that out.
"""

import struct
import zlib
from array import array
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Final, NamedTuple

_SLOT_BITS: Final = 12
SLOTS: Final = 1 << _SLOT_BITS
NOBODY: Final = 0xFFFF
"""In a row: there is no such candidate."""

_WIDTH: Final = 6
_ROW: Final = struct.Struct(f"{_WIDTH}H")
_UNKNOWN: Final = 0xFFFE
_GOLDEN: Final = 0x9E3779B1  # 2**32 / golden ratio: Knuth's multiplicative hashing
_MASK_32: Final = 0xFFFF_FFFF
_MASK_64: Final = 0xFFFF_FFFF_FFFF_FFFF
_MIX_1: Final = 0xBF58476D1CE4E5B9  # splitmix64
_MIX_2: Final = 0x94D049BB133111EB


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

    __slots__ = ("_cells", "_seeds", "seats")

    def __init__(self, seats: Sequence[Seat]) -> None:
        self.seats = tuple(seats)
        self._seeds = tuple(seed(seat.name) for seat in self.seats)
        self._cells: array[int] | None = None

    def row(self, number: int) -> tuple[int, ...]:
        """Return the cells of a ``Row`` (to make the named tuple would cost more than this)."""
        if self._cells is None:  # most regions of a large fleet are nobody's first or second choice
            self._cells = array("H", (_UNKNOWN,)) * (SLOTS * _WIDTH)
        start = number * _ROW.size
        cells = _ROW.unpack_from(self._cells, start)
        if cells[0] == _UNKNOWN:
            cells = self._work_out(number)
            _ROW.pack_into(self._cells, start, *cells)
        return cells

    def _work_out(self, number: int) -> Row:
        scores = [score(of_relay, number) for of_relay in self._seeds]
        order = sorted(range(len(scores)), key=scores.__getitem__, reverse=True)
        first, second = _two(order)
        return Row(first, second, *self._backups(first, order), *self._backups(second, order))

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


def seed(name: str) -> int:
    """Return 64 bits that stand for a name in ``score``."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big")


def score(of_name: int, number: int) -> int:
    """Return how well a name (its ``seed``) does in a slot: 64 bits, as good as random."""
    mixed = (of_name + number * _MIX_2) * _MIX_1 & _MASK_64
    mixed = (mixed ^ mixed >> 29) * _MIX_2 & _MASK_64
    return mixed ^ mixed >> 32


def apart(one: Seat, other: Seat) -> bool:
    """Tell whether two relays do not fail together: other nodes, and not one anycast address."""
    return one.node != other.node and not shared(one.anycast, other.anycast)


def shared(addresses: tuple[str, ...], others: tuple[str, ...]) -> bool:
    """Tell whether two anycast relays are one and the same to a client."""
    return bool(addresses) and not set(addresses).isdisjoint(others)


def _two(candidates: Iterable[int]) -> tuple[int, int]:
    found = iter(candidates)
    return next(found, NOBODY), next(found, NOBODY)
