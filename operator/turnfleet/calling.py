"""HTTP to programs that are not trusted, though they be the fleet's own: a session, and a body.

Whoever answers cannot have anything followed, unpacked or remembered, nor more read than was
expected. Where requests go and what they carry is up to who uses it: no redirect may be followed,
which each request has to say (``allow_redirects=False``).
"""

import os
import ssl
from collections.abc import Mapping

import aiohttp


def session(
    *,
    timeout: float,
    at_once: int = 100,
    context: ssl.SSLContext | None = None,
    headers: Mapping[str, str] | None = None,
) -> aiohttp.ClientSession:
    """Return a session. ``timeout``: seconds for all of a request; ``at_once``: connections.

    ``context`` verifies certificates, the system's CAs without one; ``headers`` go with all that
    is asked.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=at_once, keepalive_timeout=15, ssl=context or True),
        timeout=aiohttp.ClientTimeout(total=timeout),
        cookie_jar=aiohttp.DummyCookieJar(),
        # A few kB may unfold to a thousand times that before their size is looked at.
        auto_decompress=False,
        headers={"Accept-Encoding": "identity", **(headers or {})},
    )


async def body(response: aiohttp.ClientResponse, *, most: int) -> bytes:
    """Return the body of an answer, or of a longer one the first ``most`` bytes and one more."""
    found = bytearray()
    while len(found) <= most and (more := await response.content.read(most)):
        found += more
    return bytes(found[: most + 1])


def why(error: Exception) -> str:
    """Return what went wrong, in the words of the system and not of a library.

    Others have a say in it: it may be of any length, and drive a terminal.
    """
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    match cause:
        case ssl.SSLError(reason=str(reason)):
            return f"TLS: {reason.lower().replace('_', ' ')}"
        case OSError(errno=int(number)) if number > 0:
            return os.strerror(number).lower()
        case OSError(strerror=str(sentence)):
            return sentence.lower()
        case _:
            return (str(cause) or type(cause).__name__).lower()
