"""One coturn process: its start, its log, its end. Decides nothing about when to start it."""

import asyncio
import contextlib
import fcntl
import logging
import os
import re
import signal
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

_LOG: Final = logging.getLogger("turnrelay.coturn")
_FATAL: Final = ("Bad configuration format", "Wrong address format", "CIDR is not supported")
"""What coturn only warns of and then runs without, which would be less safe than configured."""
_NAMES: Final = re.compile(r"(user(?:name)?[ =:]*)<[^>]*>")
_CLOCK: Final = re.compile(r"^[0-9TZ:.+-]*[: ]+(?=\S)")
_LINES_PER_SECOND: Final = 20
_LINES_AT_ONCE: Final = 200
"""More than a start has."""
_LINE_MAX: Final = 1 << 16
_PIPE_SIZE: Final = 1 << 20
_LAST_LINES: Final = 5


class Process:
    """A running coturn. ``on_fatal`` hears a log line that says a setting was dropped."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        *,
        log: asyncio.StreamReader,
        on_fatal: Callable[[str], None],
    ) -> None:
        self._process = process
        self._log = log
        self._on_fatal = on_fatal
        self._last: deque[str] = deque(maxlen=_LAST_LINES)
        self._relaying = asyncio.create_task(self._relay_log())

    @property
    def id(self) -> int:
        """Return the process id: setpriv, where used, becomes coturn under the same one."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process has not ended."""
        return self._process.returncode is None

    @property
    def killed(self) -> bool:
        """Whether the process has ended by SIGKILL."""
        return self._process.returncode == -signal.SIGKILL

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if the process still runs."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def ended(self) -> str:
        """Wait for the end and return how it came, with coturn's last words."""
        code = await self._process.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                await asyncio.shield(self._relaying)
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        words = f"; its last words: {' | '.join(self._last)}" if self._last else ""
        return f"coturn ended {how}{words if code > 0 else ''}"

    async def kill(self) -> None:
        """End it at once: coturn has nothing to save and no one to say goodbye to."""
        self.signal(signal.SIGKILL)
        await self._process.wait()
        self._relaying.cancel()

    async def _relay_log(self) -> None:
        limiter = _Limiter()
        while True:
            try:
                raw = await self._log.readline()
            except ValueError:
                continue  # an overlong line, already dropped
            if not raw:
                return
            line = redact(raw.decode("utf-8", "replace"))
            if not line:
                continue
            self._last.append(line)
            if any(mark in line for mark in _FATAL):
                self._on_fatal(line)
            if limiter.admits(asyncio.get_running_loop().time()):
                level = logging.INFO if "ERROR" in line or "WARNING" in line else logging.DEBUG
                _LOG.log(level, "%s", line)


class _Limiter:
    """Lets so many lines a second through: clients decide how much coturn has to say."""

    def __init__(self) -> None:
        self._left = float(_LINES_AT_ONCE)
        self._seen = 0.0
        self._omitted = 0

    def admits(self, now: float) -> bool:
        refill = (now - self._seen) * _LINES_PER_SECOND
        self._left, self._seen = min(self._left + refill, _LINES_AT_ONCE), now
        if self._left < 1:
            self._omitted += 1
            return False
        self._left -= 1
        if self._omitted:
            _LOG.info("%d lines left out", self._omitted)
            self._omitted = 0
        return True


def redact(line: str) -> str:
    """Return a log line without clock, control characters and the names of users."""
    plain = "".join(c if c.isprintable() else " " for c in line).strip()
    return _NAMES.sub(r"\1<…>", _CLOCK.sub("", plain, count=1))


async def start(
    command: Sequence[str], *, folder: Path, on_fatal: Callable[[str], None]
) -> Process:
    """Start coturn in ``folder``. Raises ``OSError`` when there is no such program."""
    read_end, write_end = os.pipe()
    # A full pipe must not block coturn's relay threads while the agent is stopped or starved: lines
    # get lost then. It holds many seconds of log.
    os.set_blocking(write_end, False)
    with contextlib.suppress(OSError):
        fcntl.fcntl(read_end, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
    log = asyncio.StreamReader(limit=_LINE_MAX)
    # The transport closes the pipe when coturn's end of it closes.
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(log), os.fdopen(read_end, "rb", buffering=0)
    )
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=write_end,
            stderr=write_end,
            cwd=folder,
            # A signal for the agent's group, as a terminal or a supervisor sends, would end live
            # allocations that the agent means to drain.
            process_group=0,
            env={"PATH": os.defpath, "LANG": "C.UTF-8"},
        )
    finally:
        os.close(write_end)
    return Process(process, log=log, on_fatal=on_fatal)
