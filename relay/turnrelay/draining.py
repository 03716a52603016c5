"""The final drain: no new allocations, then the end with the last live one or at the deadline.

A coturn that drains by itself is told to (SIGUSR1); an older one is given a quota that refuses
every allocation, and its end is ours to see.
"""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Awaitable, Callable
from typing import Final

from turnrelay import lifecycle, supervising

_LOG: Final = logging.getLogger(__name__)
_ANNOUNCE: Final = 2.0
"""Seconds in which endpoints see Draining before the first client is refused."""
_LOOK_EVERY: Final = 0.5
_EMPTY_LOOKS: Final = 2
"""An allocation under way when the drain began would be missed by a single look."""
_TAKEN_UP: Final = 6.0
"""Seconds in which coturn takes up a quota; one that could not be written it never does."""


async def drain(
    *,
    run: Callable[[], supervising.Run | None],
    drains_itself: bool,
    refuse_all: Callable[[], None],
    proof: Callable[[supervising.Run], Awaitable[lifecycle.Proof]],
    count: Callable[[], Awaitable[int | None]],
    tell: Callable[[int], None],
) -> str:
    """Drain and return how it ended; ``run`` gives ``None`` once coturn has ended.

    ``refuse_all`` asks for the refusing quota, ``proof`` makes an Allocate, ``count`` looks at the
    live allocations (``None``: they cannot be counted now). ``tell`` hears how many there are:
    who is killed while it drains cannot say so any more.
    """
    looked = _looking(count, tell)
    await looked()
    await asyncio.sleep(_ANNOUNCE)
    present = run()
    if present is None:
        return "nothing was running"
    if drains_itself:
        present.process.signal(signal.SIGUSR1)
        _LOG.info("new allocations are refused")
    else:
        refuse_all()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_TAKEN_UP):
                await _until_refusing(run, proof)
    empty = 0
    while run() is not None and empty < _EMPTY_LOOKS:
        empty = empty + 1 if await looked() == 0 else 0
        await asyncio.sleep(_LOOK_EVERY)
    return "the last allocation has ended" if empty else "coturn has ended"


def _looking(
    count: Callable[[], Awaitable[int | None]], tell: Callable[[int], None]
) -> Callable[[], Awaitable[int | None]]:
    """Return ``count`` such that each other number is told."""
    told: int | None = None

    async def looked() -> int | None:
        nonlocal told
        left = await count()
        if left is not None and left != told:
            told = left
            tell(left)
        return left

    return looked


async def _until_refusing(
    run: Callable[[], supervising.Run | None],
    proof: Callable[[supervising.Run], Awaitable[lifecycle.Proof]],
) -> None:
    while (present := run()) is not None:
        if isinstance(await proof(present), lifecycle.Refused):
            _LOG.info("new allocations are refused")
            return
        await asyncio.sleep(_LOOK_EVERY)
