"""Keeps one coturn running: waits until it can, starts it, notes its end, starts it again.

A coturn that answers is never ended from here. The files it reads are written before each start.
"""

import asyncio
import contextlib
import logging
import os
import shutil
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from turnrelay import (
    backoff,
    config,
    coturn,
    database,
    features,
    intake,
    lifecycle,
    mortality,
    placing,
    ports,
    rendering,
    state,
)

_LOG: Final = logging.getLogger(__name__)
_WAIT_FOR_FILES: Final = 0.2
_WAIT_FOR_PORTS: Final = 1.0
_THREADS_MAX: Final = 16


class Fatal(Exception):  # noqa: N818 - ends the agent with a sentence, as intended
    """Something that no retry mends; ``sentence`` says what."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One life of coturn."""

    process: coturn.Process
    settings: config.Config
    placed: placing.Placing


Attend = Callable[[Run], Awaitable[str]]
"""Accompanies a run; returns with a sentence only when coturn has to be ended."""


class Supervisor:
    """Owns the process. ``write`` brings the database up to date.

    It may raise ``database.Failed`` and ``state.Unusable``.
    """

    def __init__(
        self,
        *,
        taken_in: intake.Intake,
        files: rendering.Files,
        abilities: features.Features,
        turnserver: str,
        write: Callable[[], None],
        attend: Attend,
    ) -> None:
        self._in = taken_in
        self._files = files
        self._features = abilities
        self._turnserver = turnserver
        self._write = write
        self._attend = attend
        self._backoff = backoff.Backoff()
        self._fatal: str | None = None
        self._proven = False
        self._no_more = asyncio.Event()
        self.run: Run | None = None
        """The present life of coturn."""
        self.restarts = 0
        self.obstacle: lifecycle.Obstacle | None = lifecycle.Obstacle(
            reason=lifecycle.Reason.UNPROVEN, sentence="coturn has not been started yet"
        )

    def proven(self) -> None:
        """Hear that an Allocate worked: what coturn logs from now on is about its clients."""
        self._proven = True

    async def keep_running(self) -> None:
        """Run until coturn has ended after ``start_no_more``; raises ``Fatal``."""
        loop = asyncio.get_running_loop()
        while (placed := await self._launchable()) is not None:
            began = loop.time()
            self.obstacle = end = await self._live_once(placed)
            self._backoff = self._backoff.ended(ran=loop.time() - began)
            if self._no_more.is_set():
                _LOG.info("%s", end.sentence)
                return
            _LOG.warning("%s; next start in %.1f s", end.sentence, self._backoff.delay)
            await self._pause(self._backoff.delay)
            self.restarts += 1

    def start_no_more(self) -> None:
        """Let the present life of coturn be the last."""
        self._no_more.set()

    async def end(self) -> None:
        """End coturn, if it runs."""
        if self.run is not None:
            await self.run.process.kill()

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):  # wait_for may lose a cancellation (Python 3.11)
                await self._no_more.wait()

    async def _launchable(self) -> placing.Placing | None:
        while not self._no_more.is_set():
            outcome = self._prepare()
            if isinstance(outcome, placing.Placing):
                return outcome
            if outcome != self.obstacle:
                _LOG.warning("waiting: %s", outcome.sentence)
            self.obstacle = outcome
            for_files = outcome.reason is not lifecycle.Reason.PORT_TAKEN
            await self._pause(_WAIT_FOR_FILES if for_files else _WAIT_FOR_PORTS)
        return None

    def _prepare(self) -> placing.Placing | lifecycle.Obstacle:
        placed = self._place()
        if isinstance(placed, lifecycle.Obstacle):
            return placed
        if self._in.auth is None:
            return lifecycle.Obstacle(
                reason=lifecycle.Reason.NO_SECRET,
                sentence=self._in.complaint("auth") or "there is no secret yet",
            )
        if self._in.settings.listeners.tls is not None and self._in.certificate is None:
            return lifecycle.Obstacle(
                reason=lifecycle.Reason.NO_CERTIFICATE,
                sentence=self._in.complaint("tls") or "TLS is on and no --tls folder is given",
            )
        taken = ports.taken(self._in.settings, placed)
        if taken:
            return lifecycle.Obstacle(
                reason=lifecycle.Reason.PORT_TAKEN,
                sentence=f"another program has {', '.join(taken)}",
            )
        return self._write_files(placed) or placed

    def _write_files(self, placed: placing.Placing) -> lifecycle.Obstacle | None:
        try:
            self._write()
            state.write_private(Path(self._files.configuration), self._configuration(placed))
        except state.Unusable as unusable:
            return lifecycle.Obstacle(
                reason=lifecycle.Reason.STATE_UNWRITABLE, sentence=unusable.sentence
            )
        except database.Failed as failure:
            return lifecycle.Obstacle(
                reason=lifecycle.Reason.DATABASE_UNUSABLE, sentence=failure.sentence
            )
        return None

    def _place(self) -> placing.Placing | lifecycle.Obstacle:
        outcome = self._in.place()
        if isinstance(outcome, placing.Placing):
            return outcome
        sentence = self._in.complaint("addresses") or "; ".join(map(str, outcome))
        return lifecycle.Obstacle(reason=lifecycle.Reason.NO_ADDRESS, sentence=sentence)

    def _configuration(self, placed: placing.Placing) -> str:
        return rendering.text(
            rendering.Rendering(
                settings=self._in.settings,
                placing=placed,
                features=self._features,
                files=self._files,
                threads=min(len(os.sched_getaffinity(0)), _THREADS_MAX),
            )
        )

    async def _live_once(self, placed: placing.Placing) -> lifecycle.Obstacle:
        self._proven = False
        command = rendering.argv(
            turnserver=self._turnserver, setpriv=shutil.which("setpriv"), files=self._files
        )
        try:
            process = await coturn.start(
                command, folder=Path(self._files.database).parent, on_fatal=self._dropped
            )
        except OSError as error:
            return _crashed(f"{self._turnserver} cannot be started: {error.strerror}")
        self.run = Run(process=process, settings=self._in.settings, placed=placed)
        self.obstacle = None
        try:
            end = await self._until_end(self.run)
        finally:
            await process.kill()
            self.run = None
        if self._fatal is not None:
            raise Fatal(f"coturn does not take its configuration: {self._fatal}")
        return end

    async def _until_end(self, run: Run) -> lifecycle.Obstacle:
        kills = mortality.out_of_memory_kills()
        ending = asyncio.ensure_future(run.process.ended())
        attending = asyncio.ensure_future(self._attend(run))
        try:
            done, _ = await asyncio.wait({ending, attending}, return_when=asyncio.FIRST_COMPLETED)
            if ending not in done:
                return _crashed(attending.result())
            if run.process.killed and mortality.out_of_memory_kills() > kills:
                return lifecycle.Obstacle(
                    reason=lifecycle.Reason.OUT_OF_MEMORY,
                    sentence=f"{ending.result()}: the kernel ran out of memory",
                )
            return _crashed(ending.result())
        finally:
            ending.cancel()
            attending.cancel()
            await asyncio.gather(ending, attending, return_exceptions=True)

    def _dropped(self, line: str) -> None:
        if self.run is not None and not self._proven and self._fatal is None:
            self._fatal = line
            self.run.process.signal(signal.SIGKILL)


def _crashed(sentence: str) -> lifecycle.Obstacle:
    return lifecycle.Obstacle(reason=lifecycle.Reason.CRASHED, sentence=sentence)
