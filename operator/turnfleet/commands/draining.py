"""Takes relays of a cluster out of the answers, and puts them back. Ends nothing, ever.

An annotation says what a person wants; the operator acts on it, and the status of the region says
when it has. How many allocations are left only the relay's own agent knows: it is asked from here,
and where that is not possible this is said.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from turnfleet import names
from turnfleet.commands import connecting, output, targets
from turnfleet.kube import client, failures, fields, kinds, secret
from turnfleet.model import fleet
from turnfleet.plan.cluster import naming, objects
from turnfleet.probe import agents
from turnrelay import contract

LOOK_EVERY: Final = 0.2
"""Seconds between two looks at whether the operator has acted."""
ACTED_WITHIN: Final = 15.0
"""Seconds after which it is said that it has not."""
ASK_EVERY: Final = 1.0
"""Seconds between two questions for the allocations that are left."""
EMPTY: Final = 2
"""Answers of no allocation, in a row, after which a relay is empty."""
_PATIENCE: Final = 2.0

Ask = Callable[[fleet.AgentAddress, str], Awaitable[object]]
"""Returns an agent's /status for a key; ``None``: it does not answer."""


@dataclass(slots=True, kw_only=True)
class Told:
    """What became of one relay."""

    relay: targets.Relay
    state: str = ""
    reason: str = ""
    seconds: float | None = None
    """Until the status said so; ``None``: it does not."""
    allocations: int | None = None
    """Live ones when it was asked last; ``None``: it was not, or did not say."""

    def as_json(self) -> dict[str, object]:
        """Return what a program reads."""
        return {
            "namespace": self.relay.namespace,
            "region": self.relay.region,
            "name": self.relay.name,
            "state": self.state,
            "reason": self.reason,
            "seconds": None if self.seconds is None else round(self.seconds, 2),
            "allocations": self.allocations,
        }


async def run(
    named: str,
    *,
    kubeconfig: Path | None,
    namespaces: Sequence[str] | None,
    reason: str | None,
    wait: bool,
    console: output.Console,
) -> int:
    """Drain what is named for a reason, or with ``None`` undo that; return the exit code."""
    async with (
        connecting.cluster(kubeconfig, verb="undrain" if reason is None else "drain") as api,
        agents.Agents(key="", timeout=_PATIENCE, at_once=16) as asked,
    ):

        async def ask(agent: fleet.AgentAddress, key: str) -> object:
            asked.key = key
            return await asked.document(agent)

        target = await targets.find(api, named, namespaces=namespaces)
        draining = Draining(api, target, ask=ask, console=console)
        return await draining.run(reason=reason, wait=wait)


class Draining:
    """One drain, or its undoing. ``clock`` gives monotonic seconds."""

    def __init__(
        self,
        api: client.Client,
        target: targets.Target,
        *,
        ask: Ask,
        console: output.Console,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        self._api = api
        self._target = target
        self._ask = ask
        self._console = console
        self._clock = clock
        self._sleep = sleep
        self._told = [Told(relay=relay) for relay in target.relays]

    async def run(self, *, reason: str | None, wait: bool) -> int:
        """Do it, and follow what becomes of it; return the exit code."""
        say, target = self._console.say, self._target
        await self._annotate(reason)
        if reason is not None:
            whole = " as a whole" if target.kind is kinds.NODE else ""
            undo = f"turnfleet undrain {target} {target.options}"
            say(f"{target} is drained{whole}; undo that with: {undo}")
        else:
            say(f"{target} is not drained any more.")
        if target.is_seen_in_part:
            other = "drain, too" if reason is not None else "are not drained any more, either"
            say(f"Relays of other namespaces on it {other}; --all-namespaces shows them.")
        if not target.relays:
            within = f" of {', '.join(target.looked)}" if target.looked is not None else ""
            say(f"No relay{within} runs there now; one that comes is treated likewise.")
        acted = await self._acted(closed=reason is not None)
        seen = not wait or await self._emptied()
        if self._console.as_json:
            relays = [told.as_json() for told in self._told]
            drained = reason is not None
            self._console.json({"target": str(target), "drained": drained, "relays": relays})
        return 0 if acted and seen else 1

    async def _annotate(self, reason: str | None) -> None:
        target = self._target
        await self._api.merge_patch(
            target.kind,
            target.name,
            {"metadata": {"annotations": {names.ANNOTATION_DRAIN: reason}}},
            namespace=target.namespace,
            uid=target.uid,
        )

    async def _acted(self, *, closed: bool) -> bool:
        """Wait until every relay is out of the answers, or in them; return whether all are."""
        began = self._clock()
        left = list(self._told)
        while left and self._clock() - began < ACTED_WITHIN:
            for told in await self._looked(left, closed=closed, since=began):
                left.remove(told)
            if left:
                await self._sleep(LOOK_EVERY)
        for told in left:
            shut = f" ({told.reason})" if told.reason else ""
            still = f"{told.state}{shut}" if told.state else "not in the status of its region"
            hint = "does the operator run?" if closed else "what else keeps it is told there"
            self._console.complain(f"{told.relay} is still {still}; {hint}")
        return not left

    async def _looked(self, left: Sequence[Told], *, closed: bool, since: float) -> list[Told]:
        """Note what the status says of relays; return those that are as they should be."""
        done = []
        for told in left:
            entry = await self._entry(told.relay)
            told.state, told.reason = fields.text(entry, "state"), fields.text(entry, "reason")
            is_open = told.state == contract.State.READY
            if entry and is_open is not closed:
                told.seconds = self._clock() - since
                where = "out of the answers" if closed else "in the answers again"
                self._console.say(f"{told.relay} is {where} ({told.seconds:.1f} s)")
                done.append(told)
        return done

    async def _entry(self, relay: targets.Relay) -> Mapping[str, Any] | None:
        """Return what the status of its region says of a relay; ``None``: nobody answers now."""
        try:
            region = await self._api.get(kinds.TURN_REGION, relay.region, namespace=relay.namespace)
        except failures.NotFound:
            return {}
        except (failures.Unavailable, failures.Throttled):
            return None
        listed = fields.items(region, "status", "relays")
        return next((e for e in listed if fields.text(e, "instance") == relay.uid), {})

    async def _emptied(self) -> bool:
        """Wait until no relay has an allocation; return whether that could be seen of all."""
        seen = await asyncio.gather(*(self._empty(told) for told in self._told))
        return all(seen)

    async def _empty(self, told: Told) -> bool:
        key = await self._key(told.relay)
        empty = missed = 0
        while key and empty < EMPTY and missed < EMPTY:
            entry = await self._entry(told.relay)
            if entry is None:
                await self._sleep(ASK_EVERY)
                continue
            if not entry:
                self._console.say(f"{told.relay} has ended")
                return True
            left = await self._left(entry, key)
            missed = missed + 1 if left is None else 0
            empty = empty + 1 if left == 0 else 0
            if left is not None and left != told.allocations:
                self._console.say(f"{told.relay}: {left} live allocations")
                told.allocations = left
            await self._sleep(ASK_EVERY)
        if empty < EMPTY:
            reason = "its agent does not answer from here" if key else "its key cannot be read"
            self._console.complain(
                f"{told.relay}: nobody here knows how many allocations are left, since {reason};"
                " its metric turnrelay_allocations tells"
            )
        return empty == EMPTY

    async def _left(self, entry: Mapping[str, Any], key: str) -> int | None:
        address, port = fields.text(entry, "agent", "address"), fields.whole(entry, "agent", "port")
        if not address or port is None:
            return None
        report = await self._ask(fleet.AgentAddress(address=address, port=port), key)
        return fields.whole(report, "allocations")

    async def _key(self, relay: targets.Relay) -> str:
        """Return what the agents of a region show their status for; empty: it cannot be read."""
        name = naming.key(objects.Kind.SECRET, relay.region).name
        try:
            found = await self._api.get(kinds.SECRET, name, namespace=relay.namespace)
        except (failures.NotFound, failures.Forbidden):
            return ""
        auth = secret.auth(found)
        return "" if auth is None else auth.agent_key
