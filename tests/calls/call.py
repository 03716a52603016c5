"""One call: two clients, each on a relay of its own choice, who send packets to each other.

Decides what a client does from asking for servers to hanging up, as a browser would: it asks again
before its credential expires, keeps its allocation alive, and may restart ICE within the call with
the answer that it holds. What happens is told to a ledger; nothing is judged here.
"""

import asyncio
import contextlib
import itertools
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from tests.calls import ledger, streams, walking

from turnrelay import turn

_GRACE: Final = 5.0
"""Seconds after which a packet that has not come is lost, not late: where four nodes and their
clients share two cores it can be on its way for two."""
_LOOK_EVERY: Final = 0.05
_REFRESH_EVERY: Final = 25.0
"""Seconds between proofs that an allocation is there; browsers do this every nine minutes."""
_LIFETIME: Final = 600
"""What browsers ask for, seconds."""
_LISTEN: Final = 3600.0
"""Longer than any call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What all calls have in common. ``every`` is the pause between two packets, seconds."""

    endpoint: walking.Endpoint
    trusted: ssl.SSLContext
    told: ledger.Ledger
    every: float
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when every call is to hang up."""
    numbers: Iterator[int] = field(default_factory=itertools.count)
    """Of streams."""


class _Over(Exception):  # noqa: N818 - an outcome, and told already
    """The call cannot go on."""


class Side:
    """One client of a call."""

    def __init__(self, client: walking.Client, scene: Scene) -> None:
        self._client = client
        self._scene = scene
        self._answer: walking.Answer | None = None
        self._line: walking.Line | None = None
        self._listening: dict[walking.Line, asyncio.Task[None]] = {}
        self.inbound = streams.Stream(next(scene.numbers))
        """What the other side sends to this one."""
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the allocation has ended by itself."""

    @property
    def line(self) -> walking.Line:
        """Return the allocation in use."""
        if self._line is None:
            raise LookupError("not connected")
        return self._line

    async def connect(self) -> None:
        """Ask for servers and take one, or tell what went wrong and raise."""
        await self._ask(time.monotonic())
        self._line = await self._take(ledger.Kind.NEW)

    async def restart(self, other: "Side") -> None:
        """Take another allocation with the answer that is held, and go over to it."""
        before = self.line
        try:
            new = await self._take(ledger.Kind.RESTART)
        except _Over:
            return
        if await self.meet(other, line=new):
            self._line = new
            await self.catch_up()  # what was sent to the old one is still coming
            await self._leave(before)
        else:
            await self._leave(new)

    async def meet(self, other: "Side", *, line: walking.Line) -> bool:
        """Let packets pass between one's line and the other's; tell it where they may not."""
        near, far = line.allocation, other.line.allocation
        try:
            await near.permit(far.relayed.ip)
            await far.permit(near.relayed.ip)
        except turn.Failure as failure:
            why = f"no permission from {line.relay} to {other.line.relay} or back: {failure!r}"
            self._scene.told.mishap(ledger.Mishap.NO_CONNECTION, at=time.monotonic(), why=why)
            return False
        return True

    async def catch_up(self) -> None:
        """Wait for all that was sent to this side until now, but not for ever."""
        count, until = self.inbound.sent, time.monotonic() + _GRACE
        while not (self.inbound.has(count) or self.ended.done() or time.monotonic() > until):  # noqa: ASYNC110 - packets set no event: most need none
            await asyncio.sleep(_LOOK_EVERY)

    async def keep_alive(self, other: "Side") -> None:
        """Refresh the allocation, the permission and the credential, until cancelled."""
        refresh_at = time.monotonic() + _REFRESH_EVERY
        while True:
            if self._answer is None:
                raise LookupError("not connected")
            now = time.monotonic()
            await asyncio.sleep(max(0.0, min(refresh_at, self._answer.refresh_at) - now))
            now = time.monotonic()
            if now >= self._answer.refresh_at:
                await self._ask(now)
            if now >= refresh_at:
                refresh_at += _REFRESH_EVERY
                line = self.line
                try:
                    await line.allocation.refresh(_LIFETIME)
                    await line.allocation.permit(other.line.allocation.relayed.ip)
                except turn.Failure as failure:
                    self._end_early(line, failure)

    async def send(self, at: float, other: "Side") -> None:
        """Send the other side its next packet."""
        peer = other.line.allocation.relayed
        data = other.inbound.next_packet(at)
        with contextlib.suppress(turn.Failure):  # lost; that the line is dead is told elsewhere
            await self.line.allocation.send(peer, data)

    async def hang_up(self) -> None:
        """End everything that this client has, and hand in what came."""
        way = " and ".join(line.url for line in self._listening)
        for line in tuple(self._listening):
            await self._leave(line)
        self._scene.told.carried(self.inbound.packets(), way=f"to {way}")

    async def _ask(self, now: float) -> None:
        try:
            self._answer = await self._scene.endpoint.ask(self._client)
        except walking.NoAnswer as no:
            self._scene.told.mishap(ledger.Mishap.NO_ANSWER, at=now, why=str(no))
            if self._answer is None:
                raise _Over from no
            # Goes on with what it has, and asks again soon.
            self._answer = walking.Answer(offers=self._answer.offers, refresh_at=now + 1.0)

    async def _take(self, kind: ledger.Kind) -> walking.Line:
        if self._answer is None:
            raise LookupError("no answer")
        began = time.monotonic()
        walked = await walking.walk(self._answer, self._client.network, trusted=self._scene.trusted)
        told = self._scene.told
        held = ", held answer" if kind is ledger.Kind.RESTART else ""
        refusals = [code + held for code in walked.refusals]
        if walked.line is None:
            why = f"{kind}, {self._client.network}: {'; '.join(walked.told) or 'no URL to try'}"
            told.mishap(ledger.Mishap.NO_CONNECTION, at=began, why=why, refusals=refusals)
            raise _Over
        told.connected(kind, at=began, refusals=refusals)
        told.opened(walked.line.relay)
        self._listening[walked.line] = asyncio.create_task(self._listen(walked.line))
        return walked.line

    async def _listen(self, line: walking.Line) -> None:
        try:
            while True:
                _, data = await line.allocation.receive(_LISTEN)
                self.inbound.took(data, time.monotonic())
        except turn.Failure as failure:
            self._end_early(line, failure)

    async def _leave(self, line: walking.Line) -> None:
        listening = self._listening.pop(line)
        listening.cancel()  # first: a server closes a stream whose allocation has ended
        await asyncio.wait([listening])
        failure = await line.hang_up()
        self._scene.told.closed(line.relay, at=time.monotonic())
        if failure is not None:
            self._end_early(line, failure)

    def _end_early(self, line: walking.Line, failure: turn.Failure) -> None:
        if self.ended.done():
            return
        self.ended.set_result(None)
        self._scene.told.mishap(
            ledger.Mishap.ENDED_EARLY, at=time.monotonic(), why=f"{line.url}: {failure!r}"
        )


async def hold(
    scene: Scene,
    clients: tuple[walking.Client, walking.Client],
    *,
    seconds: float,
    restart_after: float | None = None,
) -> None:
    """Hold one call; the first client restarts ICE after some seconds of it, if any."""
    sides = tuple(Side(client, scene) for client in clients)
    try:
        connecting = await asyncio.gather(
            *(side.connect() for side in sides), return_exceptions=True
        )
        for outcome in connecting:
            if outcome is not None and not isinstance(outcome, _Over):
                raise outcome
        if any(connecting) or not await sides[0].meet(sides[1], line=sides[0].line):
            return
        await _talk(scene, *sides, seconds=seconds, restart_after=restart_after)
    finally:
        await asyncio.gather(*(side.hang_up() for side in sides))


async def _talk(
    scene: Scene, one: Side, two: Side, *, seconds: float, restart_after: float | None
) -> None:
    """Send both ways until it is time, or until an allocation has ended by itself."""
    tasks = [asyncio.create_task(one.keep_alive(two)), asyncio.create_task(two.keep_alive(one))]
    restarting = None
    began = at = time.monotonic()
    try:
        while at - began < seconds and not scene.closing.is_set():
            if one.ended.done() or two.ended.done():
                return
            if restart_after is not None and restarting is None and at - began > restart_after:
                restarting = asyncio.create_task(one.restart(two))
            await one.send(at, two)
            await two.send(at, one)
            await asyncio.sleep(at + scene.every - time.monotonic())
            # A sender that was held up does not catch up by a burst: nobody's microphone does.
            at = max(at + scene.every, time.monotonic())
        await asyncio.gather(one.catch_up(), two.catch_up())
    finally:
        await _cancelled(*tasks)
        if restarting is not None:
            await restarting  # soon over; cut off it would leave an allocation behind


async def _cancelled(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error
