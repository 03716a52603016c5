"""The condition Progressing: what is being done, and False where somebody has to do something."""

from collections.abc import Sequence
from typing import Final

from turnfleet.model import region
from turnfleet.plan.cluster import facts


def _held(known: facts.Facts) -> facts.Answer | None:
    if known.verdict.accepted:
        return None
    return facts.no(
        "Held", "nothing is changed while the spec is not accepted; its relays go on as they are"
    )


def _ending(known: facts.Facts) -> facts.Answer | None:
    if not known.identity.deleting:
        return None
    return facts.yes("Deleting", "its relays drain and end with their last allocation")


def _in_the_way(known: facts.Facts) -> facts.Answer | None:
    if not known.foreign:
        return None
    names = ", ".join(known.foreign)
    if known.collected:
        return facts.yes("WaitingForDrain", f"an earlier region's objects are still there: {names}")
    return facts.no(
        "NameInUse",
        f"something else owns {names}; delete that, or give this region another name",
    )


def _refused(known: facts.Facts) -> facts.Answer | None:
    if not known.failure:
        return None
    return facts.no("PodsRefused", f"the cluster refuses relay pods: {known.failure}")


def _nowhere(known: facts.Facts) -> facts.Answer | None:
    if known.roster.matching or known.spec is None:
        return None
    every_node = known.spec.relays.placement is region.Placement.EVERY_NODE
    if not (every_node or known.roster.desired):
        return None
    return facts.no(
        "NoNodes",
        "no node has the labels of relays.nodeSelector and no taint that relays.tolerations leave"
        " out: label a node, or correct the two; relays that run are left alone",
    )


def _shrinking(known: facts.Facts) -> facts.Answer | None:
    if not known.moves.surplus:
        return None
    names = facts.listed(known.moves.surplus)
    return facts.yes("ScalingDown", f"closed, and deleted one after the other: {names}")


def _rolling(known: facts.Facts) -> facts.Answer | None:
    flawed = [member for member in known.roster.alive if member.flaw is not None]
    if not flawed:
        return None
    reasons = sorted({member.flaw.value for member in flawed if member.flaw is not None})
    task = f"{facts.count(len(flawed))} to replace ({', '.join(reasons)})"
    if known.moves.replacing:
        return facts.yes("RollingOut", task)
    if not known.may_roll:
        return facts.yes("WaitingForTurn", f"{task} once no other region rolls")
    if known.roster.leaving:
        names = facts.listed(known.roster.leaving)
        return facts.yes("WaitingForDrain", f"{task} once these have drained: {names}")
    idle = [member for member in known.idle if member.uid not in known.moves.closed]
    return facts.no(
        "RolloutStuck",
        f"{task}, but too few others are ready to take one more away; see to"
        f" {facts.listed(idle) or 'those that do not exist'}",
    )


def _stuck(known: facts.Facts) -> facts.Answer | None:
    stuck = [m for m in known.roster.alive if m.pod.trouble and not m.pod.ready]
    if not stuck:
        return None
    if known.roster.leaving and all(member.pod.node is None for member in stuck):
        names = facts.listed(known.roster.leaving)
        return facts.yes("WaitingForDrain", f"new relays wait for the nodes of {names}")
    troubles = "; ".join(sorted({member.pod.trouble for member in stuck}))
    return facts.no("PodsStuck", f"{facts.listed(stuck)}: {troubles}")


def _growing(known: facts.Facts) -> facts.Answer | None:
    starting = [member for member in known.roster.alive if not member.served]
    if not starting and len(known.roster.alive) >= known.roster.desired:
        return None
    return facts.yes("ScalingUp", "relays are being started")


def _settled(known: facts.Facts) -> facts.Answer | None:
    del known
    return facts.yes("Settled", "everything is as declared")


CHECKS: Final[Sequence[facts.Check]] = (
    _held,
    _ending,
    _in_the_way,
    _refused,
    _nowhere,
    _shrinking,
    _rolling,
    _stuck,
    _growing,
    _settled,
)
"""The first that has an answer gives the condition."""
