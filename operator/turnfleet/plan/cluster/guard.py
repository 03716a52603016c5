"""What no plan may do, whatever led to it: the last word on deleting and on other people's objects.

a region is emptied only by its deletion or by an explicit ``replicas: 0``
one plan takes away no more relays than the operator was started with
an object that something else controls is neither applied to nor deleted
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from turnfleet.model import region
from turnfleet.plan.cluster import members, naming, objects, observed


def budget(spec: region.RegionSpec, expected: int) -> int:
    """Return how many relays may be unavailable for a rollout: never all of several."""
    return min(spec.max_unavailable, max(1, expected - 1))


def allowed(
    delete: Sequence[members.Member], *, roster: members.Roster, policy: observed.Policy
) -> tuple[members.Member, ...]:
    """Return those relays that may really be deleted now.

    Of several relays that there can be one that is ready stays, if there is one. A region that is
    to have one relay, or none, or has one node, can only be changed by taking it away.
    """
    capped = tuple(delete[: policy.deletes_per_pass])
    ready = {member.uid for member in roster.alive if member.pod.ready}
    left = ready - {member.uid for member in capped}
    if ready and not left and roster.expected > 1:
        return tuple(member for member in capped if member.uid not in ready)
    return capped


def foreign(
    live: Mapping[objects.Key, objects.Live], identity: observed.Identity
) -> tuple[objects.Live, ...]:
    """Return the objects that have a name of ours and are not this region's."""
    ours = (naming.key(kind, identity.name) for kind in naming.KINDS)
    there = (live[key] for key in ours if key in live)
    return tuple(each for each in there if not _owned(each, identity))


def ours(
    seen: observed.Observed, identity: observed.Identity, foreign: Sequence[objects.Live]
) -> observed.Observed:
    """Return what is seen without a secret that is not this region's to use."""
    key = naming.key(objects.Kind.SECRET, identity.name)
    return replace(seen, auth=None) if key in {live.key for live in foreign} else seen


def _owned(live: objects.Live, identity: observed.Identity) -> bool:
    if live.owner is not None:
        return live.owner == identity.uid
    # Without a controller it is ours if it says so, as after a restore from a backup.
    match live.body:
        case {"metadata": {"labels": {**labels}}}:
            ours = naming.labels(identity.name)
            return all(labels.get(name) == value for name, value in ours.items())
        case _:
            return False
