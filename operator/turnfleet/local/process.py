"""One relay's agent as a process: started, started again after a crash, ended for good.

The agent's standard input is a pipe that this process holds. When this process is gone, however it
went, the agent reads the end of it and ends too: nothing is left behind.
"""

import asyncio
import contextlib
import logging
import re
import signal
from collections.abc import Callable, Sequence
from typing import Final

BACKOFF_FIRST: Final = 0.5
BACKOFF_MAX: Final = 30.0
"""Seconds before a crashed agent is started again; doubled by every crash in a row."""
WELL_AFTER: Final = 60.0
"""Seconds after which an agent counts as having run well."""
_STOP_GRACE: Final = 5.0
"""Seconds that an agent told to end at once may take."""
_LAST_WORDS: Final = 1.0
"""Seconds for what an ended agent has printed to be read: why it ended is its last line."""
_LINE: Final = re.compile(r"\S+ \S+ (?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL) \S+ (?P<text>.*)")

_log = logging.getLogger("turnfleet.relay")


class Process:
    """Keeps one agent running until it is drained or ``run`` is cancelled.

    ``command`` returns the command line for a new instance; ``changed`` is called whenever
    ``alive`` changes; ``clock`` is monotonic, in seconds.
    """

    def __init__(
        self,
        *,
        name: str,
        command: Callable[[], Sequence[str]],
        changed: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self._name = name
        self._command = command
        self._changed = changed
        self._clock = clock
        self._process: asyncio.subprocess.Process | None = None
        self._drained = asyncio.Event()
        self._drain_timeout = 0.0
        self.crashes = 0

    @property
    def alive(self) -> bool:
        """Return whether there is a process now."""
        return self._process is not None

    @property
    def pid(self) -> int | None:
        """Return the agent's process id while there is one."""
        return self._process.pid if self._process is not None else None

    @property
    def draining(self) -> bool:
        """Return whether it was told to end once nobody uses it."""
        return self._drained.is_set()

    def drain(self, *, timeout: float) -> None:
        """Let the agent end with its last allocation, or by force after ``timeout`` seconds."""
        self._drain_timeout = timeout
        self._drained.set()
        self._signal(signal.SIGTERM)

    async def run(self) -> None:
        """Keep the agent running; return when a drain is over, end it at once when cancelled."""
        backoff = BACKOFF_FIRST
        while not self._drained.is_set():
            began = self._clock()
            code = await self._once()
            if self._drained.is_set():
                return
            self.crashes += 1
            if self._clock() - began >= WELL_AFTER:
                backoff = BACKOFF_FIRST
            _log.warning(
                "%s ended (%s); starting it again in %.1f s", self._name, _ending(code), backoff
            )
            with contextlib.suppress(TimeoutError):
                # Not wait_for, which before Python 3.12 may drop a cancellation.
                async with asyncio.timeout(backoff):
                    await self._drained.wait()
            backoff = min(backoff * 2, BACKOFF_MAX)

    async def _once(self) -> int | None:
        """Run one process to its end; return its exit code, ``None`` if it could not start."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command(),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                # Ctrl-C in a terminal reaches only this program, which ends its relays in order.
                start_new_session=True,
            )
        except OSError as error:
            _log.error("%s cannot be started: %s", self._name, error)
            return None
        self._process = process
        self._changed()
        forwarding = asyncio.create_task(self._forward(process))
        try:
            if self.draining:
                # The drain was asked for while the process was being made.
                self._signal(signal.SIGTERM)
            code = await self._end_of(process)
        except asyncio.CancelledError:
            # Told to end at once, whatever it is doing: its complaints are about that.
            forwarding.cancel()
            raise
        finally:
            await _stop(process)
            self._process = None
            await asyncio.wait({forwarding}, timeout=_LAST_WORDS)
            forwarding.cancel()
        # Not when cancelled: what ends together needs no mention one by one.
        self._changed()
        return code

    async def _end_of(self, process: asyncio.subprocess.Process) -> int | None:
        """Wait for the end of the process, or for the deadline of a drain."""
        ended = asyncio.ensure_future(process.wait())
        drained = asyncio.ensure_future(self._drained.wait())
        try:
            await asyncio.wait({ended, drained}, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                await asyncio.wait({ended}, timeout=self._drain_timeout)
            return process.returncode
        finally:
            drained.cancel()
            ended.cancel()

    async def _forward(self, process: asyncio.subprocess.Process) -> None:
        """Log what the agent prints under the relay's name."""
        assert process.stdout is not None  # noqa: S101 - it was asked for
        while True:
            try:
                line = await process.stdout.readline()
            except ValueError:
                # Longer than the reader's buffer, which has dropped it.
                continue
            if not line:
                return
            level, text = _parsed(line.decode("utf-8", "replace").rstrip())
            _log.log(level, "%s: %s", self._name, text)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)


def _parsed(line: str) -> tuple[int, str]:
    """Return the level and the text of an agent's line, whose time and logger are known.

    What an agent tells as information is a detail among many relays: their states are logged by
    whoever publishes them.
    """
    found = _LINE.fullmatch(line)
    if found is None:
        return logging.INFO, line
    level = logging.getLevelNamesMapping()[found["level"]]
    return (logging.DEBUG if level == logging.INFO else level), found["text"]


async def _stop(process: asyncio.subprocess.Process) -> None:
    """End a process at once, by force if it does not listen."""
    if process.returncode is not None:
        return
    for number in (signal.SIGINT, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOP_GRACE):
                await process.wait()
            return


def _ending(code: int | None) -> str:
    if code is None:
        return "no process"
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"
