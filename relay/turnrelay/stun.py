"""STUN and TURN messages as bytes (RFC 8489, RFC 8656), both directions, and nothing else.

Pure: no sockets, no clock, no randomness; a transaction id is an argument. ``decode`` takes bytes
from anyone and raises nothing but ``Malformed``. Authentication is the long-term mechanism with
HMAC-SHA1, the only one that TURN servers and browsers share in practice.
"""

import binascii
import hashlib
import hmac
import ipaddress
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

COOKIE: Final = 0x2112A442
HEADER_SIZE: Final = 20
TRANSACTION_SIZE: Final = 12

_HEADER: Final = struct.Struct("!HHI12s")
_ATTRIBUTE: Final = struct.Struct("!HH")
_INTEGRITY_SIZE: Final = 20
_FINGERPRINT_MASK: Final = 0x5354554E
_METHOD_MAX: Final = 0xFFF
_LENGTH_MAX: Final = 0xFFFF
_CODE_MIN: Final = 300
_CODE_MAX: Final = 699
_UDP_PROTOCOL: Final = 17
_FAMILY_IPV4: Final = 0x01
_FAMILY_IPV6: Final = 0x02


class Malformed(ValueError):  # noqa: N818 - it describes the bytes, not a bug of ours
    """The bytes are not what they claim to be; the sentence says where."""


class Kind(IntEnum):
    """The class of a message."""

    REQUEST = 0
    INDICATION = 1
    SUCCESS = 2
    ERROR = 3


class Method(IntEnum):
    """What a message is about."""

    BINDING = 0x001
    ALLOCATE = 0x003
    REFRESH = 0x004
    SEND = 0x006
    DATA = 0x007
    CREATE_PERMISSION = 0x008
    CHANNEL_BIND = 0x009


class Attribute(IntEnum):
    """The attributes that this codec writes or reads."""

    USERNAME = 0x0006
    CHANNEL_NUMBER = 0x000C
    MESSAGE_INTEGRITY = 0x0008
    ERROR_CODE = 0x0009
    LIFETIME = 0x000D
    XOR_PEER_ADDRESS = 0x0012
    DATA = 0x0013
    REALM = 0x0014
    NONCE = 0x0015
    XOR_RELAYED_ADDRESS = 0x0016
    REQUESTED_ADDRESS_FAMILY = 0x0017
    REQUESTED_TRANSPORT = 0x0019
    XOR_MAPPED_ADDRESS = 0x0020
    FINGERPRINT = 0x8028


class Code(IntEnum):
    """Error codes that mean something to turnfleet."""

    UNAUTHENTICATED = 401
    FORBIDDEN = 403
    STALE_NONCE = 438
    ALLOCATION_QUOTA_REACHED = 486
    INSUFFICIENT_CAPACITY = 508


class Address(NamedTuple):
    """A transport address; ``ip`` is canonical text without brackets."""

    ip: str
    port: int


class Refusal(NamedTuple):
    """The content of an ERROR-CODE attribute."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message. ``attributes`` keeps the order of the wire; types may repeat."""

    method: int
    kind: Kind
    transaction: bytes
    attributes: tuple[tuple[int, bytes], ...] = ()

    def get(self, attribute: Attribute) -> bytes | None:
        """Return the first value of an attribute: RFC 8489 ignores repetitions."""
        return next((value for kind, value in self.attributes if kind == attribute), None)

    def text(self, attribute: Attribute) -> str | None:
        """Return an attribute as UTF-8 text; undecodable bytes become replacement characters."""
        value = self.get(attribute)
        return None if value is None else value.decode(errors="replace")

    def address(self, attribute: Attribute) -> Address | None:
        """Return an XOR address attribute; raise Malformed where it is there but broken."""
        value = self.get(attribute)
        return None if value is None else unpack_address(value, transaction=self.transaction)

    def refusal(self) -> Refusal:
        """Return why an error response refuses; raise Malformed where it does not say."""
        value = self.get(Attribute.ERROR_CODE)
        if value is None or len(value) < _ATTRIBUTE.size:
            raise Malformed("an error response without an error code")
        code = (value[2] & 0x7) * 100 + value[3]
        if not _CODE_MIN <= code <= _CODE_MAX or value[3] > 99:  # noqa: PLR2004 - two digits
            raise Malformed(f"error code {code} is outside {_CODE_MIN}..{_CODE_MAX}")
        return Refusal(code, value[4:].decode(errors="replace"))

    def lifetime(self) -> int | None:
        """Return LIFETIME in seconds; raise Malformed where it is there but broken."""
        value = self.get(Attribute.LIFETIME)
        if value is None:
            return None
        if len(value) != 4:  # noqa: PLR2004 - a 32-bit number
            raise Malformed("LIFETIME is not four bytes")
        return int.from_bytes(value, "big")


def encode(message: Message, *, key: bytes | None = None, fingerprint: bool = False) -> bytes:
    """Return the bytes of a message, signed with ``key`` if given, then with a fingerprint."""
    if len(message.transaction) != TRANSACTION_SIZE:
        raise ValueError("a transaction id has 12 bytes")
    body = b"".join(_pack_attribute(kind, value) for kind, value in message.attributes)
    if key is not None:
        signed = _header(message, len(body) + 4 + _INTEGRITY_SIZE) + body
        mac = hmac.digest(key, signed, hashlib.sha1)
        body += _pack_attribute(Attribute.MESSAGE_INTEGRITY, mac)
    if fingerprint:
        checked = _header(message, len(body) + 8) + body
        body += _pack_attribute(Attribute.FINGERPRINT, _fingerprint(checked))
    return _header(message, len(body)) + body


def decode(data: bytes) -> Message:
    """Return the message in ``data``, or raise Malformed. Authenticity is ``authentic``'s matter.

    Attributes behind MESSAGE-INTEGRITY are dropped (RFC 8489 section 14.5): nobody vouches for
    them. A FINGERPRINT that is there must be right.
    """
    method, kind, transaction = _decode_header(data)
    attributes: list[tuple[int, bytes]] = []
    sealed = False
    for attribute, start, value in _walk(data):
        if attribute == Attribute.FINGERPRINT:
            _check_fingerprint(data, start, value)
        elif not sealed:
            attributes.append((attribute, value))
        sealed = sealed or attribute == Attribute.MESSAGE_INTEGRITY
    return Message(method=method, kind=kind, transaction=transaction, attributes=tuple(attributes))


def authentic(data: bytes, *, key: bytes) -> bool:
    """Return whether ``data``, already decoded once, carries a MESSAGE-INTEGRITY made with key."""
    for attribute, start, value in _walk(data):
        if attribute == Attribute.MESSAGE_INTEGRITY:
            length = start - HEADER_SIZE + 4 + _INTEGRITY_SIZE
            signed = data[:2] + struct.pack("!H", length) + data[4:start]
            return hmac.compare_digest(hmac.digest(key, signed, hashlib.sha1), value)
    return False


def long_term_key(*, username: str, realm: str, password: str) -> bytes:
    """Return the key of the long-term mechanism (RFC 8489 section 9.2.2)."""
    joined = f"{username}:{realm}:{password}".encode()
    return hashlib.md5(joined, usedforsecurity=False).digest()


def pack_address(address: Address, *, transaction: bytes) -> bytes:
    """Return the value of an XOR address attribute."""
    ip = ipaddress.ip_address(address.ip)
    family = _FAMILY_IPV4 if ip.version == 4 else _FAMILY_IPV6  # noqa: PLR2004 - IP version
    mask = _mask(transaction)
    port = address.port ^ (COOKIE >> 16)
    return struct.pack("!BBH", 0, family, port) + _xor(ip.packed, mask)


def unpack_address(value: bytes, *, transaction: bytes) -> Address:
    """Return the address in the value of an XOR address attribute, or raise Malformed."""
    match value[1:2], len(value):
        case (b"\x01", 8) | (b"\x02", 20):
            port = int.from_bytes(value[2:4], "big") ^ (COOKIE >> 16)
            packed = _xor(value[4:], _mask(transaction))
            return Address(str(ipaddress.ip_address(packed)), port)
        case _:
            raise Malformed("an address of an unknown family or a wrong size")


def requested_transport() -> tuple[int, bytes]:
    """Return the attribute that asks for UDP on the relayed side."""
    return Attribute.REQUESTED_TRANSPORT, bytes([_UDP_PROTOCOL, 0, 0, 0])


def requested_family(*, ipv6: bool) -> tuple[int, bytes]:
    """Return the attribute that asks for a family of the relayed address."""
    family = _FAMILY_IPV6 if ipv6 else _FAMILY_IPV4
    return Attribute.REQUESTED_ADDRESS_FAMILY, bytes([family, 0, 0, 0])


def lifetime(seconds: int) -> tuple[int, bytes]:
    """Return a LIFETIME attribute."""
    return Attribute.LIFETIME, seconds.to_bytes(4, "big")


def frame_size(prefix: bytes) -> int | None:
    """Return how long the next message of a stream is, or ``None`` while too little is there.

    Over TCP a message ends where its length says. Anything but STUN raises Malformed: a stream
    cannot be resynchronised, and ChannelData does not come to a client that binds no channel.
    """
    if len(prefix) < _ATTRIBUTE.size:
        return None
    size = int.from_bytes(prefix[2:4], "big")
    if prefix[0] >> 6 or size % 4:
        raise Malformed("not a STUN message")
    return HEADER_SIZE + size


def _header(message: Message, length: int) -> bytes:
    if not 0 <= message.method <= _METHOD_MAX or length > _LENGTH_MAX:
        raise ValueError("the method or the size does not fit a STUN header")
    method, kind = message.method, message.kind
    bits = (method & 0xF) | (method & 0x70) << 1 | (method & 0xF80) << 2
    bits |= (kind & 1) << 4 | (kind & 2) << 7
    return _HEADER.pack(bits, length, COOKIE, message.transaction)


def _decode_header(data: bytes) -> tuple[int, Kind, bytes]:
    if len(data) < HEADER_SIZE:
        raise Malformed("shorter than a STUN header")
    bits, length, cookie, transaction = _HEADER.unpack_from(data)
    if bits >> 14 or cookie != COOKIE:
        raise Malformed("not a STUN message")
    if length % 4 or length != len(data) - HEADER_SIZE:
        raise Malformed("the length in the header is not the length of the message")
    method = (bits & 0xF) | (bits >> 1 & 0x70) | (bits >> 2 & 0xF80)
    return method, Kind((bits >> 4 & 1) | (bits >> 7 & 2)), transaction


def _walk(data: bytes) -> list[tuple[int, int, bytes]]:
    """Return (type, offset, value) of every attribute, or raise Malformed."""
    found: list[tuple[int, int, bytes]] = []
    offset = HEADER_SIZE
    while offset < len(data):
        if len(data) - offset < _ATTRIBUTE.size:
            raise Malformed("an attribute header is cut off")
        attribute, length = _ATTRIBUTE.unpack_from(data, offset)
        start = offset + _ATTRIBUTE.size
        if start + length > len(data):
            raise Malformed("an attribute reaches past the end")
        found.append((attribute, offset, data[start : start + length]))
        offset = start + length + -length % 4
    return found


def _pack_attribute(kind: int, value: bytes) -> bytes:
    if len(value) > _LENGTH_MAX:
        raise ValueError("the value does not fit a STUN attribute")
    return _ATTRIBUTE.pack(kind, len(value)) + value + bytes(-len(value) % 4)


def _check_fingerprint(data: bytes, start: int, value: bytes) -> None:
    if start + 8 != len(data) or value != _fingerprint(data[:start]):
        raise Malformed("the fingerprint is wrong")


def _fingerprint(checked: bytes) -> bytes:
    return (binascii.crc32(checked) ^ _FINGERPRINT_MASK).to_bytes(4, "big")


def _mask(transaction: bytes) -> bytes:
    return COOKIE.to_bytes(4, "big") + transaction


def _xor(value: bytes, mask: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(value, mask, strict=False))
