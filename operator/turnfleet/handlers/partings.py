"""Counts and tells what the end of a relay cut, as the relay itself said it.

An Event is about the TurnRegion, also while that is going or gone: its relays drain longer than it
is there, and Events stay for an hour.
"""

from collections.abc import Mapping

from turnfleet.handlers import metrics
from turnfleet.kube import announcing, fields, holding, parting, reading
from turnfleet.plan.cluster import planned


class Partings:
    """Hears the last words of every relay. ``regions`` are all TurnRegions, as they change."""

    def __init__(
        self,
        regions: Mapping[holding.Key, fields.Object],
        *,
        announcer: announcing.Announcer,
        counted: metrics.Metrics,
    ) -> None:
        self._regions = regions
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
        found = self._regions.get(holding.Key(*key), _gone(key))
        self._announcer.announce(reading.identity(found), event)


def _gone(key: reading.RegionKey) -> fields.Object:
    return {"metadata": {"namespace": key.namespace, "name": key.name}}
