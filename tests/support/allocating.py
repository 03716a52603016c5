"""Allocations as clients make them, who do not care which port of theirs they come from."""

import contextlib
from typing import Literal

from turnrelay import turn

_MISMATCH = 437
_ATTEMPTS = 3


async def allocate(
    holding: contextlib.AsyncExitStack,
    server: turn.Server,
    *,
    username: str,
    password: str,
    timeout: float,  # noqa: ASYNC109 - of each request
    family: Literal["IPv4", "IPv6"] | None = None,
) -> turn.Allocation:
    """Return an allocation whose socket ``holding`` closes.

    Tries again from another port where the server still knows the first (437), as browsers do: the
    port was somebody else's a moment ago.
    """
    for attempt in range(_ATTEMPTS):
        async with contextlib.AsyncExitStack() as trying:
            connection = await trying.enter_async_context(turn.connect(server, timeout=timeout))
            try:
                allocation = await connection.allocate(
                    username=username, password=password, family=family
                )
            except turn.Refused as refused:
                if refused.code != _MISMATCH or attempt == _ATTEMPTS - 1:
                    raise
                continue
            holding.push_async_exit(trying.pop_all())
            return allocation
    raise AssertionError("the last attempt returns or raises")
