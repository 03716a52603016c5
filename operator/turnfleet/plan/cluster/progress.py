"""The condition Progressing: what is being done, and False where somebody has to do something."""

from collections.abc import Sequence
from typing import Final

from turnfleet import names
from turnfleet.model import region
from turnfleet.plan.cluster import closing, facts, members, relays, rollout


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
    listed = ", ".join(known.foreign)
    if known.collected:
        return facts.yes(
            "WaitingForDrain", f"an earlier region's objects are still there: {listed}"
        )
    return facts.no(
        "NameInUse",
        f"something else owns {listed}; delete that, or give this region another name",
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
    if known.moves.asking:
        return facts.yes("ScalingDown", "its relays are asked which of them carries least")
    if not known.moves.surplus:
        return None
    listed = facts.listed(known.moves.surplus)
    return facts.yes("ScalingDown", f"closed, and deleted one after the other: {listed}")


def _rolling(known: facts.Facts) -> facts.Answer | None:
    flawed = [member for member in known.roster.alive if member.flaw is not None]
    if not flawed:
        return None
    reasons = sorted({member.flaw.value for member in flawed if member.flaw is not None})
    task = f"{facts.count(len(flawed))} to replace ({', '.join(reasons)})"
    if known.moves.replacing:
        return facts.yes("RollingOut", task)
    if known.certificate is not None and known.certificate.problem:
        return facts.no(
            "WaitingForCertificate",
            f"{task}, but new ones could not start: {known.certificate.problem}",
        )
    if not known.may_roll:
        return facts.yes("WaitingForTurn", f"{task} once no other region rolls")
    return _halted(known, task)


def _halted(known: facts.Facts, task: str) -> facts.Answer:
    """Return what a rollout waits for whose turn it is."""
    if known.roster.leaving:
        listed = facts.listed(known.roster.leaving)
        return facts.yes("WaitingForDrain", f"{task} once these have drained: {listed}")
    if known.moves.stranded:
        return facts.no("NoOtherRegion", f"{task}, {_nowhere_else(known)}")
    untried = [member for member in known.roster.alive if member.untried]
    # One whose image cannot be had or started needs no time, but somebody who mends that.
    if _fresh(known) and not any(member.pod.trouble for member in untried):
        return facts.yes("RollingOut", f"{task} once {facts.listed(_fresh(known))} is ready")
    if untried:
        return facts.no(
            "RolloutStuck",
            f"{task}, but no more are taken away while one of the new kind does not pass its own"
            f" Allocate: {_troubled(untried)}. Mend that, or take the edit back",
        )
    out = [member for member in known.idle if not closing.is_for_a_flaw(member)]
    return facts.no(
        "RolloutStuck",
        f"{task}, but too few others take clients to take one more away: "
        f"{_troubled(out) or 'some do not exist'}",
    )


def _nowhere_else(known: facts.Facts) -> str:
    """Return why the only relay of a region is not replaced, and what there is to do."""
    residency = "" if known.spec is None else known.spec.residency
    which = f"no other region of residency {residency}" if residency else "no other region"
    about = f"-n {known.identity.namespace} tr {known.identity.name}"
    return (
        f"and while it is out {which} takes its clients: bring one up, or have two relays here, or"
        f" let clients go without: kubectl annotate {about} {names.ANNOTATION_FORCE_ROLLOUT}=true"
    )


def crowded(known: facts.Facts) -> facts.Answer | None:
    """Tell of relays that no node is left for."""
    roster = known.roster
    unplaced = any(member.pod.node is None for member in roster.alive)
    if roster.desired <= roster.room or not unplaced or roster.leaving:
        return None
    nodes = "1 node is" if roster.room == 1 else f"{roster.room} nodes are"
    return facts.no(
        "TooFewNodes",
        f"{facts.count(roster.desired)} need a node each, and {nodes} fit for one: label more nodes"
        " for relays.nodeSelector, or lower relays.replicas",
    )


def _starting(known: facts.Facts) -> facts.Answer | None:
    waiting = [member for member in known.roster.alive if not member.pod.ready]
    if not waiting:
        return None
    unplaced = all(member.pod.node is None for member in waiting)
    if unplaced and known.roster.leaving:
        listed = facts.listed(known.roster.leaving)
        return facts.yes("WaitingForDrain", f"new relays wait for the nodes of {listed}")
    if any(member.pod.trouble for member in waiting) or not _fresh(known):
        return facts.no("RelaysNotReady", _troubled(waiting))
    return facts.yes("ScalingUp", "relays are being started")


def _missing(known: facts.Facts) -> facts.Answer | None:
    if len(known.roster.alive) >= known.roster.desired:
        return None
    return facts.yes("ScalingUp", "relays are being made")


def _settled(known: facts.Facts) -> facts.Answer | None:
    until = [end for m in known.roster.leaving if (end := relays.draining_until(m)) is not None]
    if not until:
        return facts.yes("Settled", "everything is as declared")
    drain = "drains" if len(until) == 1 else "drain"
    return facts.yes(
        "Settled",
        f"everything is as declared; {facts.listed(known.roster.leaving)} {drain}, until"
        f" {max(until)} at the latest",
    )


def _fresh(known: facts.Facts) -> list[members.Member]:
    """Return the relays that may well be ready in a moment."""
    return [
        member
        for member in known.roster.alive
        if not member.served and known.now < member.pod.created + rollout.SETTLING
    ]


def _troubled(of: Sequence[members.Member]) -> str:
    """Return what keeps relays from being ready."""
    return "; ".join(
        f"{member.pod.name}: {_trouble(member)}"
        for member in sorted(of, key=lambda member: member.pod.name)[:_TROUBLES_MAX]
    )


def _trouble(member: members.Member) -> str:
    pod = member.pod
    if pod.node is not None and member.node is None:
        return f"node {pod.node} is gone"
    if member.node is not None and not member.node.ready:
        return f"node {pod.node} is not ready"
    if member.finding.missing:
        return f"node {pod.node} has no public address"
    if pod.closed is not None:
        return f"closed: {pod.closed}"
    return pod.trouble or f"it is not ready; see kubectl logs {pod.name}"


_TROUBLES_MAX: Final = 3

CHECKS: Final[Sequence[facts.Check]] = (
    _held,
    _ending,
    _in_the_way,
    _refused,
    _nowhere,
    _shrinking,
    _rolling,
    crowded,
    _starting,
    _missing,
    _settled,
)
"""The first that has an answer gives the condition."""
