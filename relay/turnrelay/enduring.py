"""Keeping a part of the agent at work: its failure must not end what coturn carries."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

_LOG: Final = logging.getLogger(__name__)
_PAUSE: Final = 1.0

T = TypeVar("T")


async def enduring(work: Callable[[], Awaitable[T]]) -> T:
    """Do ``work``, again and again while it raises what nobody expected, and return its result."""
    while True:
        try:
            return await work()
        except Exception:  # noqa: BLE001 - whatever it is, calls must go on
            _LOG.exception("a part of the agent failed and is started again")
            await asyncio.sleep(_PAUSE)
