"""What one source measured: a bounded set of facts. Joining sets is all that changes one.

A fact is one round trip of one answer: the answer's time and nonce (Unix seconds, 4 random bytes),
the region, and the round trip in tenths of a ms. Of two that differ only in the round trip the
lower one stays: an answer's token counts once, so one of them was sent twice. Of each region the
``EACH`` newest are kept, of all ``ALL``. "Newest" is one order for all facts, which makes joining
commutative, associative and idempotent in spite of the bounds: what is dropped early would have
been dropped late, since what outdid it stays or is outdone itself.

Packed big-endian, newest first: time (4 bytes), nonce (4), region (4, see ``sites``), round trip
(2). A tenth of what it takes as objects, and the same bytes on disk and between replicas.
"""

import struct
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

EACH: Final = 5
"""Facts of one region: a median of five stands two outliers, and moves with three new values."""
ALL: Final = 40
"""Facts of one source."""
SIZE: Final = 14
"""Bytes of one fact."""
LONGEST: Final = 6553.5
"""ms that fit."""

_LAYOUT: Final = struct.Struct(">IIIH")
_TENTHS: Final = 10


class Fact(NamedTuple):
    """One round trip of one answer. Sorts by time, then by chance."""

    time: int
    nonce: int
    region: int
    tenths: int

    @property
    def rtt(self) -> float:
        """The round trip, ms."""
        return self.tenths / _TENTHS


def fact(*, time: int, nonce: bytes, region: int, rtt: float) -> Fact:
    """Return the fact that an answer's client measured ``rtt`` ms to a region, by its number."""
    tenths = round(min(max(rtt, 1 / _TENTHS), LONGEST) * _TENTHS)
    return Fact(time, int.from_bytes(nonce, "big"), region, tenths)


def unpack(packed: bytes) -> Iterator[Fact]:
    """Yield packed facts; ``struct.error`` if that is not what they are."""
    return map(Fact._make, _LAYOUT.iter_unpack(packed))


def join(*sets: bytes) -> bytes:
    """Return the union of packed sets, bounded and packed."""
    return pack(found for packed in sets for found in unpack(packed))


def pack(found: Iterable[Fact]) -> bytes:
    """Return facts as a packed, bounded set."""
    least: dict[tuple[int, int, int], int] = {}
    for time, nonce, region, tenths in found:
        key = (time, nonce, region)
        least[key] = min(tenths, least.get(key, tenths))
    kept: list[bytes] = []
    each: Counter[int] = Counter()
    for time, nonce, region in sorted(least, reverse=True):
        each[region] += 1
        if each[region] <= EACH and len(kept) < ALL:
            kept.append(_LAYOUT.pack(time, nonce, region, least[time, nonce, region]))
    return b"".join(kept)


def oldest(packed: bytes) -> tuple[int, int]:
    """Return time and nonce of the oldest fact of a packed set that is not empty."""
    time, nonce, _, _ = _LAYOUT.unpack_from(packed, len(packed) - SIZE)
    return time, nonce


def newest(packed: bytes) -> tuple[int, int]:
    """Return time and nonce of the newest fact of a packed set that is not empty."""
    time, nonce, _, _ = _LAYOUT.unpack_from(packed)
    return time, nonce
