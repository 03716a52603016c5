"""Resolves the names that Nodes are known by outside, and keeps what they resolved to last.

A name server that fails takes no address away: what was known stays until another answer comes.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Collection
from typing import Any, Final

from turnfleet.kube import fields

REFRESH: Final = 60.0
"""Seconds between two looks at a name."""
_AT_ONCE: Final = 8
_LONGEST: Final = 10.0
"""Seconds that one name may take."""

_log = logging.getLogger(__name__)

Lookup = Callable[[str], Awaitable[Collection[str]]]


async def lookup(name: str) -> Collection[str]:
    """Return the addresses of a name, from the name servers of this machine."""
    found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_DGRAM)
    return [str(entry[4][0]) for entry in found]


class Resolver:
    """Names that are wanted, and their addresses. ``changed`` is called with each that is new."""

    def __init__(
        self,
        *,
        changed: Callable[[str], None],
        lookup: Lookup = lookup,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        self._changed = changed
        self._lookup = lookup
        self._sleep = sleep
        self._wanted: frozenset[str] = frozenset()
        self._known: dict[str, tuple[str, ...]] = {}
        self._failing: set[str] = set()
        self._news = asyncio.Event()

    def want(self, wanted: Collection[str]) -> None:
        """Resolve these names from now on, and no others."""
        new = frozenset(wanted)
        if new - self._wanted:
            self._news.set()
        self._wanted = new
        self._failing &= new
        for name in self._known.keys() - new:
            del self._known[name]

    def addresses(self, name: str) -> tuple[str, ...]:
        """Return what a name resolved to last; empty: not yet, or to nothing."""
        return self._known.get(name, ())

    async def run(self) -> None:
        """Resolve for ever."""
        while True:
            self._news.clear()
            slots = asyncio.Semaphore(_AT_ONCE)
            async with asyncio.TaskGroup() as group:
                for name in sorted(self._wanted):
                    group.create_task(self._resolve(name, slots))
            waits = [
                asyncio.ensure_future(self._news.wait()),
                asyncio.ensure_future(self._sleep(REFRESH)),
            ]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for waiting in waits:
                    waiting.cancel()

    async def _resolve(self, name: str, slots: asyncio.Semaphore) -> None:
        try:
            async with slots, asyncio.timeout(_LONGEST):
                found = await self._lookup(name)
        except (OSError, UnicodeError, TimeoutError) as error:
            level = logging.DEBUG if name in self._failing else logging.WARNING
            _log.log(level, "The name %s of a Node cannot be resolved: %s", name, error)
            self._failing.add(name)
            return
        self._failing.discard(name)
        # Name servers rotate their answers, which is no change.
        addresses = tuple(sorted({a for one in found if (a := fields.address(one)) is not None}))
        if addresses and name in self._wanted and addresses != self._known.get(name):
            self._known[name] = addresses
            self._changed(name)
