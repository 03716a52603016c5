"""The agent: binds files, database, coturn, probes, figures and pages into one relay.

Every part keeps its own state; what the relay is follows from all of them (``lifecycle``).
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from typing import Final

from turnrelay import (
    capping,
    config,
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
    timekeeping,
    upkeep,
)

_LOG: Final = logging.getLogger(__name__)
_POLL_EVERY: Final = 0.5
_LAST_LOOK: Final = 1.0
"""Seconds for a last count of the live allocations."""


def _since_boot() -> float:
    # Goes on while the machine sleeps, which is no jump.
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Agent:
    """One relay, from its start to its end."""

    def __init__(
        self,
        *,
        told: options.Options,
        settings: config.Config,
        abilities: features.Features,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = _since_boot,
        suffix: Callable[[], str],
    ) -> None:
        self._told = told
        self._features = abilities
        self._clock = clock
        files = state.files(told.state)
        self._in = intake.Intake(told=told, files=files, settings=settings)
        self._time = timekeeping.Timekeeper(wall=clock, steady=steady)
        self._draining: asyncio.Task[str] | None = None
        self._cut_before: int | None = None
        """Allocations that were cut before the end began; ``None``: it has not."""
        self._end = asyncio.Event()
        self._end_reason = "coturn has ended"
        self._prover = proving.Prover(
            known=lambda: self._upkeep.in_force, suffix=suffix, clock=clock, proven=self._on_proven
        )
        self._upkeep = upkeep.Upkeep(
            files=files,
            taken_in=self._in,
            time=self._time,
            changed=self._prover.poke,
        )
        self._supervisor = supervising.Supervisor(
            taken_in=self._in,
            files=files,
            abilities=abilities,
            turnserver=told.turnserver,
            write=self._upkeep.prepare,
            attend=self._prover.attend,
        )
        self._presenting = presenting.Presenting(
            run=lambda: self._supervisor.run,
            installed=lambda: self._in.certificate,
            complain=self._in.complain,
        )
        self._meter = metering.Meter(prober=self._prover, run=lambda: self._supervisor.run)
        self._cap = capping.Cap()
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
                self._end.wait(),
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
            self._upkeep.close()

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

    def status(self) -> status.Status:
        """Return what the relay is now."""
        self._judge()
        settings, in_force = self._in.settings, self._upkeep.in_force
        return status.Status(
            region=settings.region,
            name=self._told.name,
            instance=self._told.instance,
            standing=self._standing,
            coturn_version=str(self._features.version),
            generation=0 if in_force is None else in_force.generation,
            proven_generation=self._prover.proven_generation,
            usage=self._meter.usage,
            bitrate=self._meter.bitrate,
            ports_available=len(settings.relay_ports),
            load=self._meter.load(settings),
            certificate=self._presenting.served,
            restarts=self._supervisor.restarts,
            config_hash=settings.digest,
            live_hash=self._upkeep.live_hash,
            cut=self._meter.cut,
            begun=self._meter.begun,
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
            at_cap=self._cap.reached,
            fault=self._upkeep.fault or self._clock_fault(),
            address_changed=run is not None and self._in.place() != run.placed,
            closed=self._in.settings.live.closed,
        )
        self._standing = lifecycle.advance(before, facts, self._clock())
        verdict = self._standing.verdict
        if verdict.state is not before.verdict.state:
            _LOG.info("%s%s", verdict.state, f": {verdict.sentence}" if verdict.sentence else "")

    def _clock_fault(self) -> lifecycle.Obstacle | None:
        sentence = self._time.sentence
        if sentence is None or not self._time.harmful:
            return None
        return lifecycle.Obstacle(
            reason=lifecycle.Reason.CLOCK_JUMPED,
            sentence=f"{sentence}: credentials of clients may look expired",
        )

    async def _keep_polling(self) -> None:
        while True:
            await asyncio.sleep(_POLL_EVERY)
            self._poll()

    def _poll(self) -> None:
        self._time.look()
        self._in.complain("clock", self._time.sentence)
        self._in.poll()
        with contextlib.suppress(state.Unusable):
            self._upkeep.take()
            self._in.poll_certificate(self._clock())
        self._cap = self._cap.after(
            self._meter.bitrate, allowed=self._in.settings.live.bandwidth_per_relay
        )
        self._upkeep.full = self._cap.reached
        if self._supervisor.run is not None:
            self._upkeep.keep()
        self._judge()

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
                        refuse_all=self._upkeep.refuse_new,
                        proof=self._prove_once,
                        count=self._meter.count,
                        tell=self._tell_left,
                    )
                )
        except TimeoutError:
            return f"the drain took longer than {timeout} s"

    def _tell_left(self, allocations: int) -> None:
        """Say what the end would cut if it came now: a kill leaves no time to."""
        cut = allocations + self._meter.cut - (self._cut_before or 0)
        parting.say(self._told.termination_log, cut=cut, reason="it was killed while it drained")

    def _drained(self, task: asyncio.Task[str]) -> None:
        if not task.cancelled():
            self.told_to_end(task.result())

    async def _prove_once(self, run: supervising.Run) -> lifecycle.Proof:
        await self._prover.allocate(run, selfprobe.servers(run.settings, run.placed)[0])
        return self._prover.proof

    async def _keep_serving(self) -> None:
        application = serving.create(current=self.status, key=lambda: self._in.agent_key)
        await serving.serve(
            application, address=self._told.agent_address, port=self._in.settings.agent_port
        )
