"""``/api/regions``: the fleet as the endpoint sees it, whole or only what anybody may know."""

from collections.abc import Sequence

from turnfleet.api import explaining
from turnfleet.model import fleet
from turnfleet.steer import census, loading


def document(
    current: fleet.Fleet, *, inside: bool, one_machine: bool, attributions: Sequence[str]
) -> dict[str, object]:
    """Return the regions by name; ``inside``: with their relays, states and loads."""
    regions = [current.regions[name] for name in sorted(current.regions)]
    return {
        "oneMachine": one_machine,
        "attributions": list(attributions),
        "regions": [_inside(region) if inside else _outside(region) for region in regions],
    }


def _outside(region: fleet.Region) -> dict[str, object]:
    spec = region.spec
    return {
        "name": spec.name,
        "residency": spec.residency,
        "latitude": spec.latitude,
        "longitude": spec.longitude,
    }


def _inside(region: fleet.Region) -> dict[str, object]:
    relays = [_relay(member) for member in region.members]
    reason = census.closed(region, usable=any(relay["usable"] for relay in relays))
    return {
        **_outside(region),
        "weight": region.spec.weight,
        "realm": region.spec.realm,
        "usable": reason is None,
        "reason": reason,
        "sentence": reason.sentence if reason is not None else None,
        "relays": relays,
    }


def _relay(member: fleet.Member) -> dict[str, object]:
    relay, health, taken = member.relay, member.health, loading.of(member)
    reason = census.unusable(member)
    return {
        "name": relay.name,
        "node": relay.node,
        "zone": relay.zone,
        "addresses": list(relay.addresses),
        "hostname": relay.hostname,
        "state": relay.state,
        "usable": reason is None,
        "reason": reason,
        "sentence": reason.sentence if reason is not None else None,
        "transports": sorted(health.working),
        "failing": explaining.failing(health),
        "load": round(taken.reported, 3),
        "pending": round(taken.pending, 3),
        "full": taken.full,
    }
