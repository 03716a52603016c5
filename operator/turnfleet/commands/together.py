"""What the programs that go on until they are told to end have in common: signals, parts, news.

When one part ends by itself, all end, with a sentence: half a program would look like a whole one.
"""

import asyncio
import logging
import signal
from collections.abc import Callable, Sequence

from turnfleet.commands import output

LoopFactory = Callable[[], asyncio.AbstractEventLoop]

_log = logging.getLogger("turnfleet")


def loop_factory() -> LoopFactory | None:
    """Return what makes the event loop: uvloop where there is one."""
    try:
        from turnfleet.commands import loops  # noqa: PLC0415 - uvloop is not for every platform
    except ImportError:
        return None
    return loops.Loop


def on_signals(loop: asyncio.AbstractEventLoop) -> asyncio.Event:
    """Return an event that a signal to end sets."""
    asked = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, asked.set)
    return asked


def failure(parts: Sequence[asyncio.Task[None]]) -> output.Failure:
    """Return which part ended by itself."""
    ended = next(part for part in parts if part.done())
    error = ended.exception()
    _log.error("The %s has ended", ended.get_name(), exc_info=error)
    return output.Failure(f"the {ended.get_name()} failed, so everything ends: {error!r}", code=1)


class News:
    """Logs a sentence when it is first heard, and again only after it was gone."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._told: frozenset[str] = frozenset()

    def tell(self, sentences: Sequence[str]) -> None:
        """Take all that is so at the moment."""
        for sentence in sentences:
            if sentence not in self._told:
                self._log.warning("%s", sentence)
        for sentence in sorted(self._told.difference(sentences)):
            self._log.info("No longer so: %s", sentence)
        self._told = frozenset(sentences)
