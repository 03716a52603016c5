"""The current Fleet: sources publish regions, probes publish health, readers take the snapshot.

How much of a relay is taken is worked out here, once a second at most: from what agents report and
from the answers that were given since. So is which relays are doubted, of those complained of.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from turnfleet.model import fleet
from turnfleet.model import region as declared
from turnfleet.steer import doubting, expecting, loading

_UNPROBED = fleet.Health()

Suspects = Callable[[float], Sequence[fleet.RelayKey]]
"""Returns whom clients complain of at a time (Unix seconds), the most suspicious first."""


class Board:
    """Holds one immutable Fleet, replaced whole: a reader never sees half a change."""

    def __init__(self) -> None:
        self.fleet = fleet.Fleet(version=0, regions={})
        self._published: tuple[fleet.Published, ...] = ()
        self._health: Mapping[fleet.RelayKey, fleet.Health] = {}
        self._listeners: list[Callable[[], None]] = []
        self._expecting = expecting.Expecting()
        self._second = 0
        self._asked = False
        """Whether somebody did since loads last had to wait for that."""
        self._counted = False
        """Whether occupancies may differ from those of the current fleet."""
        self._suspects: Suspects | None = None
        self._suspected: Sequence[fleet.RelayKey] = ()
        self._suspected_in: Mapping[str, Sequence[str]] = {}
        """The same by region."""

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
        self._expecting.keep({relay.key for region in published for relay in region.relays})
        self._swap()
        for listener in self._listeners:
            listener()

    def publish_health(self, health: Mapping[fleet.RelayKey, fleet.Health]) -> None:
        """Take a new verdict on every relay; equal verdicts change nothing.

        Those that differ in load alone wait for the next second while somebody asks: that has a new
        fleet anyway, and two in a second would be one too many for a large one.
        """
        if health == self._health:
            return
        before, self._health = self._health, dict(health)
        if self._asked and _only_loads_differ(before, self._health):
            self._asked, self._counted = False, True
        else:
            self._swap()

    def heard(self, key: fleet.RelayKey, usage: fleet.Usage, *, at: float) -> None:
        """Take what a relay's agent has counted by ``at`` (Unix seconds)."""
        self._expecting.heard(key, usage, second=int(at))
        self._counted = True

    def suspect(self, suspects: Suspects) -> None:
        """Ask ``suspects`` whom clients complain of, whenever a second begins in which they ask."""
        self._suspects = suspects

    def handed_out(self, urls: Mapping[fleet.RelayKey, int], *, second: int) -> None:
        """Take how many URLs of relays were handed out by ``second`` (Unix), since the last time.

        To be called whenever a second begins in which somebody asks.
        """
        self._second, self._asked = second, True
        self._expecting.handed_out(urls, second=second)
        if self._suspicion_changed() or urls or self._counted:
            self._counted = False
            self._swap()

    def _suspicion_changed(self) -> bool:
        """Take whom clients complain of now, and return whether that is news."""
        suspected = self._suspects(self._second) if self._suspects is not None else ()
        if suspected == self._suspected:
            return False
        by_region: dict[str, list[str]] = {}
        for key in suspected:
            by_region.setdefault(key.region, []).append(key.relay)
        self._suspected, self._suspected_in = suspected, by_region
        return True

    def _swap(self) -> None:
        """Put a new fleet in place, made of all of the old one that is still so.

        What readers made of a region or a relay then stays good for them.
        """
        before = self.fleet.regions
        regions = {
            region.spec.name: self._region(region, before.get(region.spec.name))
            for region in self._published
        }
        if regions.keys() != before.keys() or any(
            region is not before[name] for name, region in regions.items()
        ):
            self.fleet = fleet.Fleet(version=self.fleet.version + 1, regions=regions)

    def _region(self, published: fleet.Published, before: fleet.Region | None) -> fleet.Region:
        known = {member.relay.name: member for member in before.members} if before else {}
        usual = 0.0
        if any(loading.novelty(relay, at=self._second) for relay in published.relays):
            usual = self._usual(published.spec, known.values())
        members = [
            self._member(relay, published.spec, known.get(relay.name), usual)
            for relay in published.relays
        ]
        region = fleet.Region(
            spec=published.spec,
            members=tuple(self._marked(published.spec.name, members)),
            secret=published.secret,
        )
        return before if before is not None and before == region else region

    def _marked(self, name: str, members: Sequence[fleet.Member]) -> Sequence[fleet.Member]:
        """Return a region's members as they are doubted or not."""
        suspects = self._suspected_in.get(name, ())
        if not suspects and not any(member.doubted for member in members):
            return members
        doubted = doubting.doubted(members, suspects)
        return [
            member
            if member.doubted is (member.relay.name in doubted)
            else replace(member, doubted=not member.doubted)
            for member in members
        ]

    def _usual(self, spec: declared.RegionSpec, members: Collection[fleet.Member]) -> float:
        """Return the mean load of the relays of a region that are well and not new."""
        return loading.mean(
            spec,
            [
                member
                for member in members
                if member.health.reason is None
                and not loading.novelty(member.relay, at=self._second)
            ],
        )

    def _member(
        self,
        relay: fleet.Relay,
        spec: declared.RegionSpec,
        before: fleet.Member | None,
        usual: float,
    ) -> fleet.Member:
        key, expected = relay.key, self._expecting
        health = self._health.get(key, _UNPROBED)
        reported = expected.reported(key)
        occupancy = loading.settle(
            reported=health.load if reported is None else reported,
            pending=expected.pending(key, capacity=loading.capacity(spec, relay)),
            floor=usual * loading.novelty(relay, at=self._second) if usual else 0.0,
            before=before.occupancy if before else None,
        )
        made = relay, health, occupancy
        # Tuples take what is the same object as equal at once: thousands of relays, every second.
        if before is not None and (before.relay, before.health, before.occupancy) == made:
            return before
        return fleet.Member(relay=relay, health=health, occupancy=occupancy)


def _only_loads_differ(
    one: Mapping[fleet.RelayKey, fleet.Health], other: Mapping[fleet.RelayKey, fleet.Health]
) -> bool:
    return one.keys() == other.keys() and all(
        health.reason is (same := other[key]).reason
        and health.working == same.working
        and health.failing == same.failing
        and health.silent == same.silent
        for key, health in one.items()
    )
