"""The agent: binds files, database, coturn, probes, figures and pages into one relay.

Every part keeps its own state; what the relay is follows from all of them (``lifecycle``).
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from turnrelay import (
    auth,
    config,
    database,
    draining,
    enduring,
    features,
    intake,
    lifecycle,
    metering,
    options,
    parting,
    presenting,
    proving,
    selfprobe,
    serving,
    state,
    status,
    supervising,
)

_LOG: Final = logging.getLogger(__name__)
_POLL_EVERY: Final = 0.5
_LAST_LOOK: Final = 1.0
"""Seconds for a last count of the live allocations."""


class Agent:
    """One relay, from its start to its end."""

    def __init__(
        self,
        *,
        told: options.Options,
        settings: config.Config,
        abilities: features.Features,
        clock: Callable[[], float] = time.time,
        suffix: Callable[[], str],
    ) -> None:
        self._told = told
        self._features = abilities
        self._clock = clock
        files = state.files(told.state)
        self._lock = state.Lock()
        self._in = intake.Intake(told=told, files=files, settings=settings)
        self._database = database.Database(Path(files.database))
        self._written: database.Content | None = None
        self._in_force: auth.Auth | None = None
        """The secrets that coturn has."""
        self._live_hash = ""
        self._refuse_all = False
        self._draining: asyncio.Task[str] | None = None
        self._cut_before: int | None = None
        """Allocations that were cut before the end began; ``None``: it has not."""
        self._end = asyncio.Event()
        self._end_reason = "coturn has ended"
        self._prover = proving.Prover(
            known=lambda: self._in_force, suffix=suffix, clock=clock, proven=self._on_proven
        )
        self._supervisor = supervising.Supervisor(
            taken_in=self._in,
            files=files,
            abilities=abilities,
            turnserver=told.turnserver,
            write=self._open_and_write,
            attend=self._prover.attend,
        )
        self._presenting = presenting.Presenting(
            run=lambda: self._supervisor.run,
            installed=lambda: self._in.certificate,
            complain=self._in.complain,
        )
        self._meter = metering.Meter(prober=self._prover, run=lambda: self._supervisor.run)
        self._standing = lifecycle.start(clock())

    async def run(self) -> None:
        """Run until told to end; raises ``supervising.Fatal``."""
        self._poll()
        tasks = [
            asyncio.create_task(work)
            for work in (
                self._supervisor.keep_running(),
                enduring.enduring(self._keep_polling),
                enduring.enduring(self._presenting.keep_looking),
                enduring.enduring(self._meter.keep_measuring),
                enduring.enduring(self._keep_serving),
                self._told_to_end(),
            )
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            cut = await self._cut_by_ending()
            await self._supervisor.end()
            parting.say(self._told.termination_log, cut=cut, reason=self._end_reason)
            if self._draining is not None:
                self._draining.cancel()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._database.close()

    def told_to_drain(self) -> None:
        """SIGTERM: drain; the second time, end."""
        if self._draining is not None:
            self.told_to_end("told so a second time")
            return
        _LOG.info("draining, for %d s at most", self._in.settings.drain_timeout)
        self._cut_before = self._meter.cut
        self._draining = asyncio.create_task(self._drain())
        self._draining.add_done_callback(self._drained)
        self._supervisor.start_no_more()
        self._judge()

    def told_to_end(self, reason: str) -> None:
        """End at once."""
        if not self._end.is_set():
            _LOG.info("ending: %s", reason)
            self._end_reason = reason
        self._end.set()

    async def _cut_by_ending(self) -> int:
        """Return how many live allocations the end cuts, with those lost since it began."""
        before = self._meter.cut if self._cut_before is None else self._cut_before
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_LOOK):  # who waits for the end does not wait for this
                await self._meter.count()
        cut = self._meter.cut - before + self._meter.usage.allocations
        if cut:
            _LOG.warning("live allocations are cut: %d", cut)
        return cut

    async def _told_to_end(self) -> None:
        await self._end.wait()

    def status(self) -> status.Status:
        """Return what the relay is now."""
        self._judge()
        settings = self._in.settings
        return status.Status(
            region=settings.region,
            name=self._told.name,
            instance=self._told.instance,
            standing=self._standing,
            coturn_version=str(self._features.version),
            generation=0 if self._in_force is None else self._in_force.generation,
            proven_generation=self._prover.proven_generation,
            usage=self._meter.usage,
            bitrate=self._meter.bitrate,
            ports_available=len(settings.relay_ports),
            load=self._meter.load(settings),
            certificate=self._presenting.served,
            restarts=self._supervisor.restarts,
            config_hash=settings.digest,
            live_hash=self._live_hash,
            cut=self._meter.cut,
            complaints=self._in.complaints,
        )

    def _judge(self) -> None:
        before = self._standing
        run = self._supervisor.run
        facts = lifecycle.Facts(
            draining=self._draining is not None,
            obstacle=self._supervisor.obstacle,
            once_proven=self._prover.once_proven,
            proof=self._prover.proof,
            address_changed=run is not None and self._address_changed(run),
            closed=self._in.settings.live.closed,
        )
        self._standing = lifecycle.advance(before, facts, self._clock())
        verdict = self._standing.verdict
        if verdict.state is not before.verdict.state:
            _LOG.info("%s%s", verdict.state, f": {verdict.sentence}" if verdict.sentence else "")

    def _address_changed(self, run: supervising.Run) -> bool:
        return self._in.place() != run.placed

    async def _keep_polling(self) -> None:
        while True:
            await asyncio.sleep(_POLL_EVERY)
            self._poll()

    def _poll(self) -> None:
        self._in.poll()
        with contextlib.suppress(state.Unusable):
            self._lock.take(self._told.state)
            self._in.poll_certificate(self._clock())
        if self._supervisor.run is not None:
            self._write_live()
        self._judge()

    def _open_and_write(self) -> None:
        """Make the database right before coturn starts (called by the supervisor)."""
        self._lock.take(self._told.state)
        self._database.close()
        self._database.open()
        self._written = None
        self._write()

    def _write_live(self) -> None:
        try:
            self._write()
        except database.Failed as failure:
            self._in.complain("database", failure.sentence)
        else:
            self._in.complain("database", None)

    def _write(self) -> None:
        known = self._in.auth
        if known is None:
            return
        wanted = database.content(
            settings=self._in.settings,
            secrets=known.secrets(self._clock()),
            refuse_all=self._refuse_all,
        )
        if wanted != self._written:
            changes = self._database.apply(wanted)
            if self._written is not None:
                _LOG.info("changed %d rows that coturn reads", changes)
            self._written = wanted
            self._prover.poke()
        # Also where no row differs: another generation may hold the same secrets.
        self._in_force = known
        self._live_hash = self._in.settings.live.digest

    def _on_proven(self) -> None:
        self._supervisor.proven()
        self._judge()

    async def _drain(self) -> str:
        timeout = self._in.settings.drain_timeout
        try:
            async with asyncio.timeout(timeout):
                return await enduring.enduring(
                    lambda: draining.drain(
                        run=lambda: self._supervisor.run,
                        drains_itself=self._features.drains,
                        refuse_all=self._refuse_new,
                        proof=self._prove_once,
                        count=self._meter.count,
                    )
                )
        except TimeoutError:
            return f"the drain took longer than {timeout} s"

    def _drained(self, task: asyncio.Task[str]) -> None:
        if not task.cancelled():
            self.told_to_end(task.result())

    def _refuse_new(self) -> None:
        self._refuse_all = True
        self._write_live()

    async def _prove_once(self, run: supervising.Run) -> lifecycle.Proof:
        await self._prover.allocate(run, selfprobe.servers(run.settings, run.placed)[0])
        return self._prover.proof

    async def _keep_serving(self) -> None:
        application = serving.create(current=self.status, key=lambda: self._in.agent_key)
        await serving.serve(
            application, address=self._told.agent_address, port=self._in.settings.agent_port
        )
