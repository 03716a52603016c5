"""Reads the body of a request, bounded in bytes and in time."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from aiohttp import web

from turnfleet.api import problems

TIMEOUT: Final = 10.0
"""Seconds that a client may take to send its hundred bytes."""


async def read(
    request: web.Request, *, limit: int, too_large: Callable[[int], problems.Problem]
) -> bytes | problems.Problem:
    """Return the body, or why there is none; no more than ``limit`` bytes are kept of any."""
    if (request.content_length or 0) > limit:
        return too_large(limit)
    body = bytearray()
    try:
        async with asyncio.timeout(TIMEOUT):
            while chunk := await request.content.readany():
                body += chunk
                if len(body) > limit:
                    return too_large(limit)
    except web.RequestPayloadError:
        return problems.Problem(
            status=HTTPStatus.BAD_REQUEST, detail="The body is not what its headers say."
        )
    except ConnectionError:
        return problems.disconnected()
    except TimeoutError:
        return problems.Problem(
            status=HTTPStatus.REQUEST_TIMEOUT,
            detail=f"The body did not arrive within {TIMEOUT:.0f} s.",
        )
    return bytes(body)
