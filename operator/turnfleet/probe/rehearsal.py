"""A client's whole test of one relay: every URL, then a packet to another relay and back."""

import asyncio
import contextlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from turnfleet.model import fleet
from turnfleet.model import region as declared
from turnfleet.probe import blame, cadence, findings, reaching, targets
from turnrelay import turn

_ATTEMPTS: Final = 3
"""Packets sent per direction: UDP may lose one."""
_PAYLOAD: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """The outcome: about the relay, and who relayed a packet besides."""

    trial: findings.Trial
    unsure: bool = False
    """Packets were lost, and it is not clear by whom: worth another test soon."""
    relayed: frozenset[fleet.RelayKey]


class Rehearsal:
    """Runs client's tests."""

    def __init__(
        self, rhythm: cadence.Cadence, *, reacher: reaching.Reacher, rng: random.Random
    ) -> None:
        self._rhythm = rhythm
        self._reacher = reacher
        self._rng = rng

    async def run(
        self,
        target: targets.Target,
        partners: Sequence[targets.Target],
        *,
        proven: frozenset[fleet.RelayKey],
    ) -> Rehearsed:
        """Test ``target``. ``partners`` come in order of preference, itself last."""
        async with contextlib.AsyncExitStack() as keep:
            reached = await asyncio.gather(
                *(self._reacher.reach(target, url, keep=keep) for url in target.urls)
            )
            open_ones = [r for r in reached if r.allocation is not None]
            if not open_ones or open_ones[0].allocation is None:
                return Rehearsed(trial=summary(target, reached), relayed=frozenset())
            exchanges: list[blame.Exchange] = []
            for partner in partners:
                outcome = await self._exchange(
                    open_ones[0].allocation, partner, ipv6=open_ones[0].url.ipv6
                )
                exchanges.append(
                    blame.Exchange(
                        partner=partner.key, proven=partner.key in proven, outcome=outcome
                    )
                )
                if outcome is blame.Outcome.PASSED:
                    break
        passed = [e for e in exchanges if e.outcome is blame.Outcome.PASSED]
        relayed = frozenset(
            key for e in passed if e.partner != target.key for key in (target.key, e.partner)
        )
        match blame.judge(target.key, exchanges):
            case blame.Blame.CLOSED:
                return Rehearsed(trial=_closed(target), relayed=relayed)
            case blame.Blame.UNSURE:
                return Rehearsed(trial=summary(target, reached), relayed=relayed, unsure=True)
            case blame.Blame.CLEAR:
                return Rehearsed(trial=summary(target, reached), relayed=relayed)

    async def _exchange(
        self, mine: turn.Allocation, partner: targets.Target, *, ipv6: bool
    ) -> blame.Outcome:
        """Send a packet from ``mine`` to a new allocation on ``partner``, and one back."""
        url = next((url for url in partner.urls if url.ipv6 is ipv6), partner.urls[0])
        async with contextlib.AsyncExitStack() as keep:
            reached = await self._reacher.reach(partner, url, keep=keep)
            theirs = reached.allocation
            if theirs is None or (":" in theirs.relayed.ip) != (":" in mine.relayed.ip):
                return blame.Outcome.NO_PARTNER
            try:
                await mine.permit(theirs.relayed.ip)
                await theirs.permit(mine.relayed.ip)
                async with asyncio.timeout(2 * self._rhythm.packet_timeout):
                    await self._carry(mine, theirs)
                    await self._carry(theirs, mine)
            except (turn.Failure, TimeoutError):
                return blame.Outcome.LOST
            return blame.Outcome.PASSED

    async def _carry(self, sender: turn.Allocation, receiver: turn.Allocation) -> None:
        """Send one packet until it arrives; raise turn.Silent when none does."""
        payload = self._rng.randbytes(_PAYLOAD)
        for attempt in range(_ATTEMPTS):
            await sender.send(receiver.relayed, payload)
            try:
                while (await receiver.receive(self._rhythm.packet_timeout / _ATTEMPTS)) != (
                    sender.relayed,
                    payload,
                ):
                    pass
            except turn.Silent:
                if attempt == _ATTEMPTS - 1:
                    raise
            else:
                return


def summary(target: targets.Target, reached: Sequence[reaching.Reached]) -> findings.Trial:
    """Fold what each URL gave. Addresses that nobody can judge from here do not count against it.

    An address without a single working URL is set aside while another address works; of the rest,
    a transport works where it works on every address.
    """
    judged = [r for r in reached if r.reason is not None or r.allocation is not None]
    alive = {r.url.address for r in judged if r.allocation is not None}
    failing: dict[declared.Transport, fleet.Reason] = {}
    seen: set[declared.Transport] = set()
    for r in judged:
        if alive and r.url.address not in alive:
            continue
        seen.add(r.url.transport)
        if r.reason is not None:
            failing.setdefault(r.url.transport, r.reason)
    for transport in target.transports - seen:
        failing[transport] = fleet.Reason.UNREACHABLE
    return findings.Trial(
        working=target.transports.difference(failing),
        failing=tuple(sorted(failing.items())),
        silent=frozenset(r.url.address for r in judged) - alive if alive else frozenset(),
    )


def _closed(target: targets.Target) -> findings.Trial:
    reason = fleet.Reason.RELAY_PORTS_CLOSED
    return findings.Trial(
        working=frozenset(), failing=tuple((t, reason) for t in sorted(target.transports))
    )
