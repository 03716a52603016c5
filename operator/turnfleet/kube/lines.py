"""Takes a stream of JSON objects, one a line, apart: what a watch sends. Bounded in size."""

import json
from collections.abc import AsyncGenerator, AsyncIterable
from typing import Any, Final

LONGEST: Final = 16 << 20
"""Bytes of one object at most; etcd takes none of more than about 1.5 MB."""


class Broken(Exception):  # noqa: N818 - a state of the stream, not a bug
    """What came is not a JSON object, or too long for one."""


async def objects(chunks: AsyncIterable[bytes]) -> AsyncGenerator[dict[str, Any], None]:
    """Yield every object; raise Broken at what is none, or where the stream breaks off in one."""
    pending = bytearray()
    async for chunk in chunks:
        start = 0
        while (end := chunk.find(b"\n", start)) >= 0:
            pending += chunk[start:end]
            start = end + 1
            if pending.strip():
                yield _object(bytes(pending))
            pending.clear()
        pending += chunk[start:]
        if len(pending) > LONGEST:
            raise Broken(f"an object of more than {LONGEST} bytes")
    if pending.strip():
        raise Broken("the stream broke off within an object")


def _object(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        raise Broken("a line that is no JSON") from None
    if not isinstance(found, dict):
        raise Broken("a line that is no object")
    return found
