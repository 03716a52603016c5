"""What is done to the fleet while people call: steps, one after another, each timed.

A step says what it does, returns when the fleet has come to rest again, and may be done alone or
twice. One that fails is told with its reason, and the next is done all the same.
"""

import asyncio
import contextlib
import ssl
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from tests.calls import ledger
from tests.e2e.cluster import commands

BASELINE: Final = "baseline"
RELAYS: Final = 4
"""Of every site: two regions of two."""
SETTLE: Final = 5.0
"""Seconds after each step that still count as its own: what it broke may show late."""
_FAILURES: Final = (TimeoutError, AssertionError, LookupError, OSError, commands.Failed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to do. ``within``: seconds after which it counts as failed."""

    name: str
    run: Callable[[], Awaitable[None]]
    within: float


class Site(Protocol):
    """Where a fleet runs, and what can be done to it there."""

    @property
    def url(self) -> str:
        """Return where clients ask."""

    @property
    def key(self) -> str | None:
        """Return the API key that clients have."""

    @property
    def trusted(self) -> ssl.SSLContext:
        """Return what clients verify certificates with."""

    @property
    def places(self) -> tuple[Mapping[str, object], Mapping[str, object]]:
        """Return what the two ends of a call say of where they are."""

    def steps(self, told: ledger.Ledger) -> Sequence[Step]:
        """Return everything that can be done, in the order to do it."""

    def watched(self, told: ledger.Ledger) -> contextlib.AbstractAsyncContextManager[None]:
        """Tell the ledger for the block what only this kind of site can see."""


async def play(
    steps: Sequence[Step],
    told: ledger.Ledger,
    *,
    say: Callable[[str], None],
    settle: float = SETTLE,
) -> None:
    """Do every step, and wait for ``settle`` seconds after each."""
    for step in steps:
        say(step.name)
        phase = told.begin(step.name, at=time.monotonic())
        failure = None
        try:
            async with asyncio.timeout(step.within):
                await step.run()
        except _FAILURES as error:
            failure = str(error) or f"not done within {step.within:g} s"
        seconds = time.monotonic() - phase.began
        say(f"{step.name}: {seconds:.1f} s{f', FAILED: {failure}' if failure else ''}")
        await asyncio.sleep(settle)
        told.end(at=time.monotonic(), took=seconds, failure=failure)


def baseline(seconds: float) -> Step:
    """Return the step in which nothing is done."""

    async def wait() -> None:
        await asyncio.sleep(seconds)

    return Step(name=BASELINE, run=wait, within=seconds + 10)


async def until(holds: Callable[[], Awaitable[bool]], *, every: float = 0.5) -> float:
    """Wait for something to hold; return the seconds that it took. The step has the limit."""
    began = time.monotonic()
    while not await holds():  # noqa: ASYNC110 - others make it hold: there is nothing to wait on
        await asyncio.sleep(every)
    return time.monotonic() - began


async def together(*work: Coroutine[object, object, None]) -> None:
    """Do several things at once; the first failure ends the others and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            for each in work:
                group.create_task(each)
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from failed
