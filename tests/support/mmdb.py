"""Writes small MMDB files (MaxMind DB File Format 2.0), so that tests need no real database."""

import ipaddress
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

_MARKER = b"\xab\xcd\xefMaxMind.com"
_SEPARATOR = bytes(16)
_STRING, _DOUBLE, _MAP, _ARRAY = 2, 3, 7, 11
_UNSIGNED = {2: 5, 4: 6, 8: 9}
"""Type of an unsigned number by its width in bytes."""


class Unsigned(NamedTuple):
    """A number of a certain width: the C library insists on the widths in the metadata."""

    value: int
    width: int


def write(path: Path, networks: Mapping[str, object], *, ip_version: int = 6) -> Path:
    """Write a database that answers with ``networks[cidr]``; networks must not overlap."""
    data = bytearray()
    tree: list[list[int | None]] = [[None, None]]
    leaves: dict[tuple[int, int], int] = {}
    for cidr, record in networks.items():
        bits = _bits(cidr, ip_version)
        node = 0
        for bit in bits[:-1]:
            child = tree[node][bit]
            if child is None:
                child = len(tree)
                tree[node][bit] = child
                tree.append([None, None])
            node = child
        leaves[node, bits[-1]] = len(data)
        data += _encode(record)
    nodes = b"".join(
        _record(tree, leaves, node, side) for node in range(len(tree)) for side in (0, 1)
    )
    metadata = {
        "binary_format_major_version": Unsigned(2, 2),
        "binary_format_minor_version": Unsigned(0, 2),
        "build_epoch": Unsigned(1_780_000_000, 8),
        "database_type": "test",
        "description": {"en": "test"},
        "ip_version": Unsigned(ip_version, 2),
        "languages": ["en"],
        "node_count": Unsigned(len(tree), 4),
        "record_size": Unsigned(24, 2),
    }
    path.write_bytes(nodes + _SEPARATOR + bytes(data) + _MARKER + _encode(metadata))
    return path


def _record(
    tree: list[list[int | None]], leaves: Mapping[tuple[int, int], int], node: int, side: int
) -> bytes:
    count = len(tree)
    child = tree[node][side]
    if (offset := leaves.get((node, side))) is not None:
        child = count + len(_SEPARATOR) + offset
    return (count if child is None else child).to_bytes(3, "big")


def _bits(cidr: str, ip_version: int) -> list[int]:
    network = ipaddress.ip_network(cidr)
    width = 32 if network.version == 4 else 128
    text = format(int(network.network_address), f"0{width}b")[: network.prefixlen]
    if ip_version == 6 and network.version == 4:
        text = "0" * 96 + text
    return [int(bit) for bit in text]


def _encode(value: object) -> bytes:
    match value:
        case str():
            encoded = value.encode()
            return _control(_STRING, len(encoded)) + encoded
        case float():
            return _control(_DOUBLE, 8) + struct.pack(">d", value)
        case Unsigned(number, width):
            return _control(_UNSIGNED[width], width) + number.to_bytes(width, "big")
        case dict():
            pairs = b"".join(_encode(key) + _encode(item) for key, item in value.items())
            return _control(_MAP, len(value)) + pairs
        case list():
            return _control(_ARRAY, len(value)) + b"".join(_encode(item) for item in value)
        case _:
            raise TypeError(f"{value!r} has no place in a test database")


def _control(kind: int, size: int) -> bytes:
    first, rest = (kind << 5, b"") if kind <= _MAP else (0, bytes([kind - 7]))
    if size < 29:
        return bytes([first | size]) + rest
    return bytes([first | 29]) + rest + bytes([size - 29])
