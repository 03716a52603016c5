"""Whether the running coturn works, as its own client finds it, and when its silence is its end."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Final

from turnrelay import auth, enduring, lifecycle, ports, selfprobe, supervising, turn

_LOG: Final = logging.getLogger(__name__)
_WHILE_UNPROVEN: Final = 0.05
_WHILE_REFUSED: Final = 1.0
_ALLOCATE_EVERY: Final = 3.0
_BINDING_EVERY: Final = 1.0
_SILENCE_MAX: Final = 10.0
_LINGERS: Final = 2.5
"""coturn ends the released allocation of a UDP client with a later tick of its clock."""
_SILENCE: Final = lifecycle.Silent("no answer to a Binding")
_SILENT_ROUNDS_MIN: Final = 4
"""An agent that was itself stopped finds a long silence: it must have listened, too."""


class Prover:
    """Accompanies each life of coturn (``supervising.Attend``)."""

    def __init__(
        self,
        *,
        known: Callable[[], auth.Auth | None],
        suffix: Callable[[], str],
        clock: Callable[[], float],
        proven: Callable[[], None],
    ) -> None:
        """``known`` gives what coturn accepts: what a file says may not be written yet."""
        self._known = known
        self._suffix = suffix
        self._clock = clock
        self._proven = proven
        self._poked = asyncio.Event()
        self._own_ports: dict[int, float] = {}
        """Relay ports of the last probes, and until when each may be open (monotonic seconds)."""
        self.quiet = asyncio.Lock()
        """Held while a probe has an allocation."""
        self.proof: lifecycle.Proof = lifecycle.Unproven()
        self.once_proven = False
        self.proven_generation = 0
        """The last generation whose current secret coturn has accepted; 0: none."""

    def poke(self) -> None:
        """Have an Allocate made at once: what it depends on has changed."""
        self._poked.set()

    def own_ports(self) -> frozenset[int]:
        """Return the relay ports of probes that coturn may not yet have closed."""
        now = asyncio.get_running_loop().time()
        hangs = isinstance(self.proof, lifecycle.Silent) or self.proof == lifecycle.Proven(
            doubtful=True
        )
        if hangs:  # and closes nothing
            return frozenset(self._own_ports)
        self._own_ports = {port: end for port, end in self._own_ports.items() if now < end}
        return frozenset(self._own_ports)

    async def attend(self, run: supervising.Run) -> str:
        """Probe for ever; return a sentence when coturn has been silent for 10 s."""
        self.proof = lifecycle.Unproven()
        self.once_proven = False
        listeners = selfprobe.servers(run.settings, run.placed)
        allocating = asyncio.create_task(
            enduring.enduring(lambda: self._keep_allocating(run, listeners[0]))
        )
        try:
            return await enduring.enduring(lambda: self._await_silence(listeners))
        finally:
            allocating.cancel()
            await asyncio.gather(allocating, return_exceptions=True)
            self.proof = lifecycle.Unproven()
            self.once_proven = False

    async def allocate(self, run: supervising.Run, server: turn.Server) -> None:
        """Make one Allocate and note what it proves."""
        async with self.quiet:
            known = self._known()
            found, port = await selfprobe.allocate(
                server,
                secret="" if known is None else known.current,
                user_suffix=self._suffix(),
                now=self._clock(),
                ipv6=run.settings.families == {6},
            )
            self.proof = lifecycle.believe(found, before=self.proof)
            if port is not None:
                self._own_ports[port] = asyncio.get_running_loop().time() + _LINGERS
        if known is not None and lifecycle.accepts_secret(found):
            self.proven_generation = known.generation
        if isinstance(self.proof, lifecycle.Proven) and not self.once_proven:
            self.once_proven = True
            self._proven()

    async def _keep_allocating(self, run: supervising.Run, server: turn.Server) -> None:
        while True:
            self._poked.clear()
            await self.allocate(run, server)
            with contextlib.suppress(TimeoutError):
                # Not wait_for, which before Python 3.12 may drop a cancellation.
                async with asyncio.timeout(self._interval()):
                    await self._poked.wait()

    def _interval(self) -> float:
        if not self.once_proven or self.proof == lifecycle.Proven(doubtful=True):
            return _WHILE_UNPROVEN
        return _ALLOCATE_EVERY if self.proof == lifecycle.Proven() else _WHILE_REFUSED

    async def _await_silence(self, listeners: tuple[turn.Server, ...]) -> str:
        loop = asyncio.get_running_loop()
        silent_since: float | None = None
        rounds = 0
        while True:
            asked = loop.time()
            if await self._anyone_answers(listeners):
                silent_since, rounds = None, 0
            elif not any(ports.is_own(listener.address) for listener in listeners):
                # It may be well: this machine has lost the addresses, for a while perhaps.
                silent_since, rounds = None, 0
            else:
                silent_since = asked if silent_since is None else silent_since
                rounds += 1
                if rounds == 1 and self.once_proven:
                    _LOG.warning("coturn does not answer on any listener")
                if loop.time() - silent_since >= _SILENCE_MAX and rounds >= _SILENT_ROUNDS_MIN:
                    return f"coturn was silent on all its listeners for {_SILENCE_MAX:.0f} s"
            await asyncio.sleep(max(_BINDING_EVERY - (loop.time() - asked), 0.1))

    async def _anyone_answers(self, listeners: tuple[turn.Server, ...]) -> bool:
        """Ask the first listener alone, as it is nearly always enough."""
        if await selfprobe.answers(listeners[:1]):
            return True
        # An Allocate at once: if that is silent as well, the relay is closed.
        self.proof = lifecycle.believe(_SILENCE, before=self.proof)
        self.poke()
        return await selfprobe.answers(listeners[1:])
