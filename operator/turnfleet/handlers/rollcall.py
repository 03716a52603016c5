"""Lists what kopf tells of, to find out what has gone without its telling. See ``roster``."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from turnfleet.handlers import roster
from turnfleet.kube import client, failures, fields

EVERY: Final = 300.0
"""Seconds between two roll calls when nothing happens."""
_QUIET: Final = 1.0
"""Seconds in which nobody asks before the roll is called: kopf tells of a thousand objects of a
list one by one, and a list of as many is among the dearest requests that there are."""
_PATIENCE: Final = 4
"""Times that it is waited for that, at most."""
_RETRY: Final = 2.0

_log = logging.getLogger(__name__)


class RollCall:
    """Calls the roll of several rosters: at the start, when it is asked to, and now and then."""

    def __init__(
        self,
        api: client.Client,
        rosters: Mapping[roster.Roster, Sequence[client.Query]],
        *,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        self._api = api
        self._rosters = rosters
        self._sleep = sleep
        self._asked = asyncio.Event()
        self.complete = asyncio.Event()
        """Set after the first one."""
        self.trouble: str | None = None

    def ask(self) -> None:
        """Have the roll called soon."""
        self._asked.set()

    async def call(self) -> None:
        """Return once the roll was called, again if it was before: everything can be listed."""
        if self.complete.is_set():
            self.complete.clear()
            self.ask()
        await self.complete.wait()

    async def run(self) -> None:
        """Call the roll for ever."""
        while True:
            await self._call_until_answered()
            self.complete.set()
            # Not wait_for: see Queue.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EVERY):
                    await self._asked.wait()
            await self._until_quiet()

    async def _until_quiet(self) -> None:
        for _ in range(_PATIENCE):
            self._asked.clear()
            await self._sleep(_QUIET)
            if not self._asked.is_set():
                return
        self._asked.clear()

    async def _call_until_answered(self) -> None:
        while True:
            try:
                for one, queries in self._rosters.items():
                    await self._call(one, queries)
            except failures.Failure as failure:
                if str(failure) != self.trouble:
                    _log.warning("What is there cannot be listed: %s", failure)
                self.trouble = str(failure)
                await self._sleep(max(_RETRY, failure.retry_after or 0.0))
            else:
                self.trouble = None
                return

    async def _call(self, one: roster.Roster, queries: Sequence[client.Query]) -> None:
        one.begin_roll_call()
        items: list[fields.Object] = []
        for query in queries:
            items.extend(await self._api.list(query))
        missing = one.end_roll_call(items)
        if missing:
            _log.info("%d %s had gone unnoticed", missing, queries[0].kind.plural)
