"""Takes fields out of JSON that somebody else wrote: what is not of the type wanted is not there.

Total: whatever an object holds, reading gives a value of the right type and never an exception.
An object of JSON is a ``dict``: no other mapping is looked into, since asking for one is dear.
"""

import datetime as dt
import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

from turnrelay import ranges

Object = Mapping[str, Any]
_NOTHING: Object = {}


def mapping(found: object, *path: str) -> Object:
    """Return the object at a path, or an empty one."""
    for step in path:
        found = found.get(step) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else _NOTHING


def text(found: object, *path: str) -> str:
    """Return the text at a path, or an empty one."""
    value = mapping(found, *path[:-1]).get(path[-1])
    return value if isinstance(value, str) else ""


def whole(found: object, *path: str) -> int | None:
    """Return the whole number at a path."""
    value = mapping(found, *path[:-1]).get(path[-1])
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def true(found: object, *path: str) -> bool:
    """Return whether there is ``true`` at a path."""
    return mapping(found, *path[:-1]).get(path[-1]) is True


def items(found: object, *path: str) -> Iterator[Object]:
    """Yield the objects of the list at a path."""
    value = mapping(found, *path[:-1]).get(path[-1])
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))


def texts(found: object, *path: str) -> Mapping[str, str]:
    """Return the mapping of text to text at a path: labels, annotations, data."""
    return {key: v for key, v in mapping(found, *path).items() if isinstance(v, str)}


def moment(found: object, *path: str) -> float | None:
    """Return the time at a path, in Unix seconds."""
    stated = text(found, *path)
    try:
        parsed = dt.datetime.fromisoformat(stated)
        # Without a zone it is none of the API server's, and would be this machine's own.
        return parsed.timestamp() if parsed.tzinfo is not None else None
    except (ValueError, OverflowError, OSError):
        return None


def address(stated: str) -> str | None:
    """Return an IP address in canonical text; ``None`` where no host can have it."""
    try:
        parsed = ipaddress.ip_address(stated.strip())
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address) and (parsed.scope_id or parsed.ipv4_mapped):
        return None
    return str(parsed) if ranges.is_hosts(parsed) else None


def addresses(stated: str) -> tuple[str, ...]:
    """Return the addresses of a comma-separated list, canonical, each once; others left out."""
    found = (address(part) for part in stated.split(","))
    return tuple(dict.fromkeys(one for one in found if one is not None))
