"""The token of an answer, ``X-Turnfleet-Rid``: proves later what was offered to whom, and when.

A client that reports how its relays did sends the token back. It holds the time, a nonce, a hash of
the source, the client's cell and one short id per URL offered, and is signed with a key
derived from the fleet key, so that any endpoint of the fleet can check it and keeps no state. That
one token counts once is up to who takes the report.

Layout, big-endian, then base64url without padding: version (1 byte), time (Unix seconds, 4), nonce
(4), source (4), length of the cell (1), cell, ids (4 each), MAC (12, keyed BLAKE2b, RFC 7693).
"""

import base64
import binascii
import hmac
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from typing import Final

from turnfleet.model import geo

LIFE: Final = 3600
"""Seconds that a token is good for."""
SKEW: Final = 60
"""Seconds that another endpoint's clock may be ahead."""

_TIME_MAX: Final = 0xFFFFFFFF
_VERSION: Final = 1
_HEAD: Final = struct.Struct(">BI4s4sB")
_MAC_SIZE: Final = 12
_ID_SIZE: Final = 4
_TOKEN_MAX: Final = 512
_CELL_MAX: Final = 32
_KEY_PURPOSE: Final = b"turnfleet/rid"
_FOR_URLS: Final = bytes.maketrans(b"+/", b"-_")


class Flaw(StrEnum):
    """Why a token does not count."""

    MALFORMED = "Malformed"
    """Not a token at all."""
    FORGED = "Forged"
    """Not signed by this fleet, or changed since."""
    EXPIRED = "Expired"
    """Older than an hour."""
    FUTURE = "Future"
    """Signed later than now."""
    UNTIMELY = "Untimely"
    """The clock of who verifies is before 1970 or after 2106, so nothing can be said of its age."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rid:
    """What a token says."""

    time: int
    """Unix seconds."""
    nonce: bytes
    source: bytes
    cell: str
    offered: tuple[bytes, ...]
    """The ids of the URLs of the answer."""


class Signer:
    """Signs and verifies the tokens of one fleet."""

    __slots__ = ("_keyed", "_source_key")

    def __init__(self, fleet_key: bytes) -> None:
        key = hmac.digest(fleet_key, _KEY_PURPOSE, "sha256")
        self._keyed = blake2b(key=key, digest_size=_MAC_SIZE)
        self._source_key = hmac.digest(fleet_key, _KEY_PURPOSE + b"/source", "sha256")

    def source(self, address: str) -> bytes:
        """Return the hash that stands for a client's address, or its network, in tokens."""
        hashed = blake2b(address.encode(), key=self._source_key, digest_size=_ID_SIZE)
        return hashed.digest()

    def sign(self, *, time: int, nonce: bytes, source: bytes, cell: bytes, offered: bytes) -> str:
        """Return a token.

        ``nonce`` is 4 random bytes, the rest is from ``source``, ``cell_of`` and ``ids``, all of
        which many answers have in common. A time that does not fit, of a clock that is far off, is
        the nearest that does: no report of this answer will count, but it is an answer.
        """
        time = min(max(time, 0), _TIME_MAX)
        said = _HEAD.pack(_VERSION, time, nonce, source, len(cell)) + cell + offered
        mac = self._mac(said)
        token = binascii.b2a_base64(said + mac, newline=False)
        return token.translate(_FOR_URLS, b"=").decode()

    def verify(self, token: str, *, now: float) -> Rid | Flaw:
        """Return what a token says, or why it does not count. Total: takes any text."""
        raw = _decoded(token)
        if raw is None or len(raw) < _HEAD.size + _MAC_SIZE or raw[0] != _VERSION:
            return Flaw.MALFORMED
        said, mac = raw[:-_MAC_SIZE], raw[-_MAC_SIZE:]
        if not hmac.compare_digest(mac, self._mac(said)):
            return Flaw.FORGED
        if not 0 <= now <= _TIME_MAX:
            return Flaw.UNTIMELY
        _, time, nonce, source, length = _HEAD.unpack_from(said)
        if time > now + SKEW:
            return Flaw.FUTURE
        if time + LIFE < now:
            return Flaw.EXPIRED
        cell, rest = said[_HEAD.size :][:length], said[_HEAD.size + length :]
        offered = tuple(rest[at : at + _ID_SIZE] for at in range(0, len(rest), _ID_SIZE))
        return Rid(time=time, nonce=nonce, source=source, cell=cell.decode(), offered=offered)

    def _mac(self, said: bytes) -> bytes:
        state = self._keyed.copy()  # cheaper than to take in the key each time
        state.update(said)
        return state.digest()


def cell_of(place: geo.Place, *, network: int | None = None) -> bytes:
    """Return the cell that a place is in: its country and its two-degree square (some 200 km).

    ``network``, the number of the client's autonomous system, is part of it where it is known.
    """
    north, east = (2 * round(degrees / 2) for degrees in (place.latitude, place.longitude))
    beside = "" if network is None else f"/{network}"
    return f"{place.country or '-'}/{north}/{east}{beside}".encode()[:_CELL_MAX]


def ids(offered: Sequence[str]) -> bytes:
    """Return the short ids of some URLs, joined."""
    return b"".join(map(url_id, offered))


def url_id(url: str) -> bytes:
    """Return the short id of a URL. Not secret: the token is signed as a whole."""
    return zlib.crc32(url.encode()).to_bytes(_ID_SIZE, "big")


def _decoded(token: str) -> bytes | None:
    if len(token) > _TOKEN_MAX:
        return None
    try:
        return base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
