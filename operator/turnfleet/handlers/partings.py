"""Counts and tells what the end of a relay cut, as the relay itself said it.

An Event is about the TurnRegion, also while that is going or gone: its relays drain longer than it
is there, and Events stay for an hour.
"""

from collections.abc import Callable

from turnfleet.handlers import metrics
from turnfleet.kube import announcing, parting, reading
from turnfleet.plan.cluster import observed, planned


class Partings:
    """Hears the last words of every relay. ``known`` returns a region that there is."""

    def __init__(
        self,
        *,
        known: Callable[[reading.RegionKey], observed.Identity | None],
        announcer: announcing.Announcer,
        counted: metrics.Metrics,
    ) -> None:
        self._known = known
        self._announcer = announcer
        self._counted = counted

    def heard(self, key: reading.RegionKey, relay: str, words: parting.Words) -> None:
        """Take in what a relay said."""
        if not words.cut:
            return
        self._counted.cut(key.namespace, key.name, words.cut)
        event = planned.Event(
            type=planned.EventType.WARNING,
            reason="AllocationsCut",
            message=f"{relay}: its end cut live allocations, {words.cut} of them: {words.reason}",
        )
        self._announcer.announce(self._known(key) or _gone(key), event)


def _gone(key: reading.RegionKey) -> observed.Identity:
    return observed.Identity(
        namespace=key.namespace, name=key.name, uid="", generation=0, created=0.0, deleting=True
    )
