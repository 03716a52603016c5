"""The current Fleet: sources publish regions, probes publish health, readers take the snapshot."""

from collections.abc import Callable, Mapping, Sequence

from turnfleet.model import fleet

_UNPROBED = fleet.Health()


class Board:
    """Holds one immutable Fleet, replaced whole: a reader never sees half a change."""

    def __init__(self) -> None:
        self.fleet = fleet.Fleet(version=0, regions={})
        self._published: tuple[fleet.Published, ...] = ()
        self._health: Mapping[fleet.RelayKey, fleet.Health] = {}
        self._listeners: list[Callable[[], None]] = []

    @property
    def published(self) -> tuple[fleet.Published, ...]:
        """Return what the source said last: what a prober has to look at."""
        return self._published

    def on_publish(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` whenever the source publishes something new."""
        self._listeners.append(listener)

    def publish_regions(self, regions: Sequence[fleet.Published]) -> None:
        """Take a new set of regions from the source; a set equal to the last changes nothing."""
        published = tuple(regions)
        if published == self._published:
            return
        self._published = published
        self._swap()
        for listener in self._listeners:
            listener()

    def publish_health(self, health: Mapping[fleet.RelayKey, fleet.Health]) -> None:
        """Take a new verdict on every relay; equal verdicts change nothing."""
        if health == self._health:
            return
        self._health = dict(health)
        self._swap()

    def _swap(self) -> None:
        before = {m.relay.key: m for r in self.fleet.regions.values() for m in r.members}
        regions = {
            region.spec.name: fleet.Region(
                spec=region.spec,
                members=tuple(
                    self._member(relay, before.get(relay.key)) for relay in region.relays
                ),
                secret=region.secret,
            )
            for region in self._published
        }
        self.fleet = fleet.Fleet(version=self.fleet.version + 1, regions=regions)

    def _member(self, relay: fleet.Relay, before: fleet.Member | None) -> fleet.Member:
        """Return a relay with its health: the same object while neither changes.

        What readers made of it then stays good for them.
        """
        health = self._health.get(relay.key, _UNPROBED)
        if before is not None and before.relay == relay and before.health == health:
            return before
        return fleet.Member(relay=relay, health=health)
