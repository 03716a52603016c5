"""One of several replicas acts: whoever holds a Lease. The others wait and take over.

A holder renews every two seconds. One that does not get through for as long as a lease lasts stops
writing, since another may have taken over, and goes on where it was if none has. Expiry is judged
by how long a record has been seen unchanged, never by the clock of whoever wrote it.
"""

import asyncio
import datetime as dt
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from turnfleet.kube import client, failures, fields, kinds

LASTS: Final = 10.0
"""Seconds that a lease is good for after its last renewal."""
RENEWED_EVERY: Final = 2.0
"""Seconds; also how often those who wait look. Takeover: LASTS + this, and a request or two."""
_MARGIN: Final = 2.0
"""Seconds by which a holder stops before others may begin: writes under way have to end."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record:
    """A Lease as it was last read or written."""

    holder: str
    lasts: float
    transitions: int
    version: str

    @classmethod
    def of(cls, found: fields.Object) -> "_Record":
        spec = fields.mapping(found, "spec")
        return cls(
            holder=fields.text(spec, "holderIdentity"),
            lasts=float(fields.whole(spec, "leaseDurationSeconds") or LASTS),
            transitions=fields.whole(spec, "leaseTransitions") or 0,
            version=fields.text(found, "metadata", "resourceVersion"),
        )


class Leading:
    """One replica's claim. ``clock`` gives monotonic seconds, ``wall`` Unix ones."""

    def __init__(
        self,
        api: client.Client,
        *,
        namespace: str,
        name: str,
        identity: str,
        clock: Callable[[], float],
        wall: Callable[[], float],
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        """``identity`` has to differ between replicas, and between starts of one."""
        self._api = api
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._clock = clock
        self._wall = wall
        self._sleep = sleep
        self._seen: _Record | None = None
        self._seen_at = 0.0
        self._until = float("-inf")
        self._acquired = 0.0
        self._told = ""

    @property
    def holds(self) -> bool:
        """Return whether this replica may write now."""
        return self._clock() < self._until

    async def acquire(self) -> None:
        """Wait until this replica holds the lease."""
        told = ""
        while not await self._attempt():
            holder = self._seen.holder if self._seen is not None else ""
            if holder and holder != told:
                _log.info("Waiting: %s holds the lease %s", holder, self._name)
                told = holder
            await self._sleep(RENEWED_EVERY)
        _log.info("Holding the lease %s as %s", self._name, self._identity)

    async def keep(self, *, resumed: Callable[[], None] = lambda: None) -> str:
        """Renew until another replica holds the lease; return the sentence that says so.

        ``resumed`` is called whenever the lease is renewed again after that did not work: the API
        server is back, and nobody else hears of it sooner.
        """
        paused, renewed = False, True
        while True:
            await self._sleep(RENEWED_EVERY)
            before, renewed = renewed, await self._attempt()
            if not renewed and self._is_anothers():
                self._until = float("-inf")
                holder = self._seen.holder if self._seen is not None else ""
                return f"{holder} has taken the lease {self._name} over, so this replica ends."
            if renewed and not before:
                resumed()
            if paused == self.holds:
                paused = not self.holds
                if paused:
                    _log.warning("The lease could not be renewed in time: nothing is written now")
                else:
                    _log.info("The lease is renewed, and nobody had taken it: going on")

    async def release(self) -> None:
        """Give the lease back, so that another replica need not wait for it to expire."""
        held, self._until = self.holds, float("-inf")
        if not held or self._seen is None:
            return
        try:
            await self._api.replace(kinds.LEASE, self._manifest(self._seen, holder=""))
            _log.info("The lease %s is given back", self._name)
        except failures.Failure as failure:
            _log.info("The lease could not be given back and will expire: %s", failure)

    def _is_anothers(self) -> bool:
        return self._seen is not None and self._seen.holder not in {"", self._identity}

    async def _attempt(self) -> bool:
        """Acquire or renew; return whether that worked."""
        began = self._clock()
        try:
            if self._seen is None or self._seen.holder != self._identity:
                self._see(await self._get())
                if self._seen is not None and not self._is_free(self._seen):
                    return False
            self._take(await self._write(), began)
        except failures.Conflict:
            # Another was quicker, or wrote without our noticing: look, and decide next time.
            await self._look_again()
            return False
        except failures.Failure as failure:
            self._tell(failure)
            return False
        self._told = ""
        return True

    def _tell(self, failure: failures.Failure) -> None:
        """Log a failure that matters: while the lease is not held, and once until it is another."""
        said = str(failure)
        level = logging.DEBUG if self.holds or said == self._told else logging.WARNING
        if level == logging.WARNING:
            self._told = said
        _log.log(level, "The lease %s: %s", self._name, said)

    async def _look_again(self) -> None:
        try:
            self._see(await self._get())
        except failures.Failure as failure:
            _log.debug("The lease %s: %s", self._name, failure)

    async def _get(self) -> fields.Object | None:
        try:
            return await self._api.get(kinds.LEASE, self._name, namespace=self._namespace)
        except failures.NotFound:
            return None

    async def _write(self) -> fields.Object:
        if self._seen is None:
            return await self._api.create(kinds.LEASE, self._manifest(None, holder=self._identity))
        try:
            return await self._api.replace(
                kinds.LEASE, self._manifest(self._seen, holder=self._identity)
            )
        except failures.NotFound:
            self._seen = None  # deleted by hand; the next attempt makes it anew
            raise

    def _see(self, found: fields.Object | None) -> None:
        seen = None if found is None else _Record.of(found)
        if seen != self._seen:
            self._seen, self._seen_at = seen, self._clock()

    def _is_free(self, record: _Record) -> bool:
        expired = self._clock() >= self._seen_at + record.lasts
        return record.holder in {"", self._identity} or expired

    def _take(self, found: fields.Object, began: float) -> None:
        self._see(found)
        # From before the request was sent: others count from after it.
        self._until = began + LASTS - _MARGIN

    def _manifest(self, record: _Record | None, *, holder: str) -> dict[str, Any]:
        now = self._wall()
        changes = record is None or record.holder != self._identity
        if changes:
            self._acquired = now
        metadata: dict[str, Any] = {"namespace": self._namespace, "name": self._name}
        if record is not None:
            metadata["resourceVersion"] = record.version
        return {
            "apiVersion": kinds.LEASE.api_version,
            "kind": kinds.LEASE.name,
            "metadata": metadata,
            "spec": {
                "holderIdentity": holder,
                # A lease that was given back is nobody's after a second.
                "leaseDurationSeconds": int(LASTS) if holder else 1,
                "acquireTime": _micro_time(self._acquired),
                "renewTime": _micro_time(now),
                "leaseTransitions": (record.transitions if record is not None else 0)
                + (1 if changes and record is not None else 0),
            },
        }


def _micro_time(moment: float) -> str:
    return dt.datetime.fromtimestamp(moment, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
