"""What the operator writes onto relay pods: addresses, why they are closed, what they may cost.

And the nudge to look at their files again.
"""

from collections.abc import Mapping

from turnfleet import names
from turnfleet.plan.cluster import delivery, members, planned, rollout, shedding


def annotate(
    roster: members.Roster,
    moves: rollout.Moves,
    nudges: Mapping[str, delivery.Nudge],
) -> tuple[planned.Annotate, ...]:
    """Return the annotations that differ from what pods have, one step for each pod.

    ``nudges`` are by uid.
    """
    steps = (
        _step(member, moves, nudges.get(member.uid, delivery.Nudge()))
        for member in roster.alive
        if member not in moves.delete
    )
    return tuple(step for step in steps if step is not None)


def _step(
    member: members.Member, moves: rollout.Moves, nudge: delivery.Nudge
) -> planned.Annotate | None:
    pod = member.pod
    wanted: dict[str, str | None] = {}
    if member.finding.publish:
        rungs = member.finding.publish
        wanted[names.ANNOTATION_ADDRESSES] = ",".join(rung.address for rung in rungs)
        wanted[names.ANNOTATION_ADDRESS_SOURCES] = ",".join(rung.source.value for rung in rungs)
    if nudge.value is not None:
        wanted[names.ANNOTATION_MOUNTED] = nudge.value
    closed = moves.closed.get(member.uid)
    if closed != pod.closed:
        wanted[names.ANNOTATION_CLOSED] = closed
    cheap = member in moves.cheap
    if cheap and not shedding.costs_little(member):
        wanted[names.ANNOTATION_DELETION_COST] = str(shedding.COST)
    elif not cheap and shedding.costs_little(member):
        wanted[names.ANNOTATION_DELETION_COST] = None
    if not wanted:
        return None
    return planned.Annotate(pod=pod.name, uid=pod.uid, annotations=wanted)
