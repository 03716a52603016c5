"""Posts Events about TurnRegions, for ``kubectl describe`` and whoever collects them.

Best effort and never in the way: what the limits do not let through is dropped and counted, since
conditions say the same for as long as it is so.
"""

import asyncio
import datetime as dt
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from turnfleet.kube import client, failures, kinds
from turnfleet.plan.cluster import observed, planned

REPEATED_AFTER: Final = 600.0
"""Seconds within which the same Event about the same region is posted once."""
BURST: Final = 50
"""Events that may be posted at once, for all regions together."""
PER_SECOND: Final = 2.0
"""How fast that allowance comes back."""
_REMEMBERED: Final = 4096
_QUEUED: Final = 1000
_NOTE_MAX: Final = 1000
"""Bytes; the API server takes 1024."""
_REASON_MAX: Final = 128

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Letter:
    identity: observed.Identity
    event: planned.Event
    at: float


class Announcer:
    """Posts Events as ``instance`` of the operator. ``clock`` gives Unix seconds."""

    def __init__(self, api: client.Client, *, instance: str, clock: Callable[[], float]) -> None:
        self.dropped = 0
        self._api = api
        self._instance = instance
        self._clock = clock
        self._letters: asyncio.Queue[_Letter] = asyncio.Queue(_QUEUED)
        self._posted: OrderedDict[tuple[str, planned.Event], float] = OrderedDict()
        self._allowance = float(BURST)
        self._counted_at = clock()
        self._number = 0

    def announce(self, identity: observed.Identity, event: planned.Event) -> None:
        """Post an Event soon, unless it was posted lately or there are too many."""
        now = self._clock()
        key = (identity.uid, event)
        if abs(now - self._posted.get(key, float("-inf"))) < REPEATED_AFTER:
            return
        if not self._allowed(now) or self._letters.full():
            self.dropped += 1
            return
        self._posted[key] = now
        self._posted.move_to_end(key)
        if len(self._posted) > _REMEMBERED:
            self._posted.popitem(last=False)
        self._letters.put_nowait(_Letter(identity=identity, event=event, at=now))

    async def run(self) -> None:
        """Post for ever."""
        while True:
            letter = await self._letters.get()
            try:
                await self._api.create(kinds.EVENT, self._manifest(letter))
            except failures.Failure as failure:
                self.dropped += 1
                _log.debug("An Event could not be posted: %s", failure)

    def _allowed(self, now: float) -> bool:
        passed, self._counted_at = max(now - self._counted_at, 0.0), now
        self._allowance = min(self._allowance + passed * PER_SECOND, float(BURST))
        if self._allowance < 1:
            return False
        self._allowance -= 1
        return True

    def _manifest(self, letter: _Letter) -> dict[str, object]:
        whose, event = letter.identity, letter.event
        self._number += 1
        moment = dt.datetime.fromtimestamp(letter.at, dt.UTC)
        return {
            "apiVersion": kinds.EVENT.api_version,
            "kind": kinds.EVENT.name,
            "metadata": {
                "namespace": whose.namespace,
                "name": f"{whose.name}.{int(letter.at * 1e6):x}{self._number:x}",
            },
            "eventTime": moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "reportingController": "turnfleet.io/operator",
            "reportingInstance": self._instance[:_REASON_MAX],
            "action": "Reconcile",
            "reason": event.reason[:_REASON_MAX],
            "type": event.type.value,
            "note": event.message.encode()[:_NOTE_MAX].decode(errors="ignore"),
            "regarding": {
                "apiVersion": kinds.TURN_REGION.api_version,
                "kind": kinds.TURN_REGION.name,
                "namespace": whose.namespace,
                "name": whose.name,
                "uid": whose.uid,
            },
        }
