"""What one replica tells another of its sources, on the wire: a page of records.

Big-endian. Head: version (1 byte), epoch (8), cursor (8), whether there is more (1), number of
records (2). A record: source (4), length of its cell (1), number of its facts (1), cell in ASCII,
packed facts (``learn.facts``). It has no secret in it and no address; who reads it learns which
keyed hashes measured what, and in which cells they are.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from turnfleet.learn import facts, sources

EPOCH_SIZE: Final = 8
"""Random bytes that stand for one run of one replica."""
SIZE_MAX: Final = 256 << 10
"""Bytes of a page."""
RECORDS_MAX: Final = 1000
"""Records of a page, which then merges within some 100 ms of processor time."""

_VERSION: Final = 1
_HEAD: Final = struct.Struct(">B8sQBH")
_RECORD: Final = struct.Struct(">4sBB")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some of what a replica knows."""

    epoch: bytes
    """Whose cursor it is: cursors of another epoch mean nothing."""
    cursor: int
    """What to ask for next: what changed after this."""
    more: bool
    """There is more already."""
    records: Mapping[bytes, sources.Record]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """What came is no page."""

    why: str
    """The end of a sentence, without a byte of what came."""


def size(record: sources.Record) -> int:
    """Return the bytes that a record takes of a page."""
    return _RECORD.size + len(record.cell) + len(record.facts)


def room() -> int:
    """Return the bytes that a page has for records."""
    return SIZE_MAX - _HEAD.size


def pack(page: Page) -> bytes:
    """Return a page as it goes over the wire."""
    head = _HEAD.pack(_VERSION, page.epoch, page.cursor, page.more, len(page.records))
    return b"".join((head, *_packed(page.records)))


def unpack(body: bytes) -> Page | Unread:
    """Return the page that a body is, or why it is none. Total: takes any bytes.

    Cells and facts are taken as they are: ``Sources.merge`` passes over those without sense.
    """
    if len(body) > SIZE_MAX:
        return Unread(why=f"is more than the {SIZE_MAX} bytes of a page")
    if len(body) < _HEAD.size:
        return Unread(why="is too short for a page")
    version, epoch, cursor, more, count = _HEAD.unpack_from(body)
    if version != _VERSION:
        return Unread(why="is of another version")
    records = _records(body, count)
    if records is None:
        return Unread(why="does not consist of whole records")
    return Page(epoch=epoch, cursor=cursor, more=bool(more), records=records)


def _records(body: bytes, count: int) -> dict[bytes, sources.Record] | None:
    """Return so many records, which have to be all that comes after the head."""
    found: dict[bytes, sources.Record] = {}
    at = _HEAD.size
    for _ in range(count):
        if at + _RECORD.size > len(body):
            return None
        source, length, many = _RECORD.unpack_from(body, at)
        middle = at + _RECORD.size + length
        cell = body[at + _RECORD.size : middle].decode("ascii", "replace")
        at = middle + many * facts.SIZE
        found[source] = sources.Record(cell=cell, facts=body[middle:at])
    return found if at == len(body) else None


def _packed(records: Mapping[bytes, sources.Record]) -> Iterator[bytes]:
    for source, record in records.items():
        cell = record.cell.encode("ascii")
        yield _RECORD.pack(source, len(cell), len(record.facts) // facts.SIZE)
        yield cell
        yield record.facts
