"""Which figures of a running operator a scrape looks at, and where they are. Counts nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from turnfleet.handlers import asking, metrics, queue, surroundings
from turnfleet.kube import announcing, borrowing, fields, holding, leading, reading
from turnfleet.plan.cluster import observed


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where the figures are."""

    lead: leading.Leading
    queue: queue.Queue[reading.RegionKey]
    announcer: announcing.Announcer
    asking: asking.Asking
    turns: surroundings.Turns
    certificates: borrowing.Borrowing[observed.Certificate]
    regions: Mapping[holding.Key, fields.Object]
    """Every TurnRegion, as it changes."""


def watch(counted: metrics.Metrics, at: Sources) -> None:
    """Have scrapes look at all of them."""
    look = counted.watch
    look("turnfleet_operator_leading", "Whether this replica acts.", lambda: at.lead.holds)
    look(
        "turnfleet_operator_queue_depth",
        "Regions that are due and wait for a worker.",
        lambda: at.queue.depth,
    )
    look(
        "turnfleet_operator_events_dropped",
        "Events that were not posted.",
        lambda: at.announcer.dropped,
    )
    look(
        "turnfleet_operator_mute_relays",
        "Relays whose agents do not answer this operator.",
        lambda: at.asking.mute,
    )
    look(
        "turnfleet_operator_rolling_regions",
        "Regions whose relays are being replaced.",
        lambda: len(at.turns.rolling),
    )
    counted.watch_conditions(lambda: _conditions(at))
    counted.watch_certificates(lambda: _ends(at))


def _conditions(at: Sources) -> Iterator[tuple[str, str]]:
    for found in at.regions.values():
        for condition in fields.items(found, "status", "conditions"):
            yield fields.text(condition, "type"), fields.text(condition, "status")


def _ends(at: Sources) -> Iterator[tuple[str, str, float]]:
    for key, certificate in at.certificates.each():
        if certificate.fingerprint:
            yield key.namespace, key.name, certificate.not_after
