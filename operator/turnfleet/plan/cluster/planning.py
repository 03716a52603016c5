"""From a TurnRegion and what a cluster holds of it to a plan. The way in; pure and total.

what was declared is     manifests      pods                                    status
-----------------------  -------------  --------------------------------------  -------
accepted                 where drifted  given addresses, closed, deleted        written
not accepted (a hold)    untouched      given addresses where there is a spec,  written
                                        opened where a rollout had closed them
of a region that ends    untouched      untouched: they drain by themselves     written
"""

from collections.abc import Mapping, Sequence

from turnfleet.model import region
from turnfleet.plan.cluster import (
    acceptance,
    annotations,
    certificates,
    conditions,
    credentials,
    delivery,
    drift,
    facts,
    guard,
    members,
    naming,
    objects,
    observed,
    past,
    planned,
    relays,
    rollout,
    status,
    transitions,
)
from turnfleet.plan.cluster.manifests import inventory, pod
from turnrelay import contract


def plan(
    *,
    identity: observed.Identity,
    wanted: observed.Wanted,
    seen: observed.Observed,
    surroundings: observed.Surroundings,
    policy: observed.Policy,
    now: float,
) -> planned.Plan:
    """Return what to do for one region now (``now`` in Unix seconds)."""
    verdict = acceptance.judge(wanted, surroundings, policy)
    spec = None if wanted.problems else wanted.spec
    told = None if spec is None else inventory.configure(spec, surroundings, policy)
    roster = members.roster(
        spec=spec,
        revision="" if spec is None or told is None else pod.revision(spec, policy, told),
        seen=seen,
        entries=past.entries(seen.status),
    )
    if spec is None or told is None or not verdict.accepted or identity.deleting:
        return _held(
            identity=identity,
            spec=spec,
            verdict=verdict,
            roster=roster,
            seen=seen,
            surroundings=surroundings,
            now=now,
        )
    foreign = guard.foreign(seen.live, identity)
    secrets = credentials.credentials(
        spec,
        guard.ours(seen, identity, foreign),
        surroundings,
        roster=roster,
        request=identity.rotate,
        now=now,
    )
    roster = members.left_behind(roster, secrets.missed)
    moves = rollout.moves(
        spec=spec,
        roster=roster,
        policy=policy,
        may_roll=surroundings.may_roll and not _is_uncertified(seen),
        may_be_empty=surroundings.elsewhere or identity.force_rollout,
        now=now,
    )
    parcel = delivery.parcel(told, secrets.auth, seen.certificate)
    nudges = {member.uid: delivery.nudge(member, parcel, now) for member in roster.alive}
    manifests = inventory.manifests(
        identity=identity,
        spec=spec,
        policy=policy,
        told=told,
        auth=secrets.auth,
        roster=roster,
        moves=moves,
    )
    missing = {each.key for each in manifests} - seen.live.keys()
    taken = [key for key in seen.taken if key in missing]
    known = facts.Facts(
        identity=identity,
        spec=spec,
        verdict=verdict,
        roster=roster,
        moves=moves,
        states=_states(roster, moves),
        foreign=tuple(map(str, (*(live.key for live in foreign), *taken))),
        collected=not taken and all(live.deleting for live in foreign),
        failure=seen.refusal or next((w.failure for w in seen.workloads if w.failure), ""),
        auth=secrets,
        certificate=seen.certificate,
        nudged=frozenset([uid for uid, nudge in nudges.items() if nudge.young]),
        may_roll=surroundings.may_roll,
        now=now,
    )
    written, events = _status(known, seen.status)
    return planned.Plan(
        apply=_apply(manifests, seen, foreign),
        annotate=annotations.annotate(roster, moves, nudges),
        delete=(
            *_ended(roster),
            *(_pod(member, grace=pod.grace(spec)) for member in moves.delete),
            *_obsolete(identity, spec, seen, roster, foreign),
        ),
        status=written,
        events=events,
        requeue=_first(
            moves.again,
            secrets.again,
            certificates.again(seen.certificate, now),
            *(nudge.again for nudge in nudges.values()),
        ),
        signing=secrets.signing,
        inquire=delivery.awaited(roster, moves, parcel),
        rolling=moves.rolling,
        taking=bool(known.taking),
    )


def _is_uncertified(seen: observed.Observed) -> bool:
    """Return whether a relay that starts now would wait for a certificate that it can use."""
    return seen.certificate is not None and bool(seen.certificate.problem)


def _held(
    *,
    identity: observed.Identity,
    spec: region.RegionSpec | None,
    verdict: acceptance.Verdict,
    roster: members.Roster,
    seen: observed.Observed,
    surroundings: observed.Surroundings,
    now: float,
) -> planned.Plan:
    """Return the plan that changes nothing: relays go on, and what becomes of them is told."""
    # A name that another region has is that one's to sign for.
    taken = verdict.reason is acceptance.Reason.NAME_TAKEN
    secrets = None if taken or identity.deleting else credentials.held(seen, surroundings)
    roster = members.left_behind(roster, () if secrets is None else secrets.refused_by(roster))
    moves = rollout.none(roster) if identity.deleting else rollout.held(roster)
    known = facts.Facts(
        identity=identity,
        spec=spec,
        verdict=verdict,
        roster=roster,
        moves=moves,
        states=_states(roster, moves),
        auth=secrets,
        certificate=seen.certificate,
        now=now,
    )
    written, events = _status(known, seen.status)
    return planned.Plan(
        annotate=() if identity.deleting else annotations.annotate(roster, moves, {}),
        status=written,
        events=events,
        requeue=certificates.again(seen.certificate, now),
        signing=None if secrets is None else secrets.signing,
        rolling=moves.rolling,
        # Endpoints drop a region that ends, and one whose name is another's.
        taking=bool(known.taking) and secrets is not None,
    )


def _apply(
    manifests: Sequence[objects.Manifest],
    seen: observed.Observed,
    foreign: Sequence[objects.Live],
) -> tuple[objects.Manifest, ...]:
    barred = {live.key for live in foreign}
    barred |= {live.key for live in seen.live.values() if live.deleting}
    return tuple(
        manifest
        for manifest in manifests
        if manifest.key not in barred and drift.drifted(manifest, seen.live.get(manifest.key))
    )


def _first(*moments: float | None) -> float | None:
    return min((moment for moment in moments if moment is not None), default=None)


def _ended(roster: members.Roster) -> tuple[planned.Delete, ...]:
    """Return the pods that have ended for good: no controller takes all of those away."""
    return tuple(
        _pod(member, grace=None)
        for member in roster.members
        if member.pod.ended and member.pod.deleting_until is None
    )


def _pod(member: members.Member, *, grace: int | None) -> planned.Delete:
    key = objects.Key(objects.Kind.POD, member.pod.name)
    # What was decided of a relay holds of that relay as it was: who has led meanwhile may have
    # opened it again and closed another.
    return planned.Delete(key=key, uid=member.uid, version=member.pod.version, grace=grace)


def _obsolete(
    identity: observed.Identity,
    spec: region.RegionSpec,
    seen: observed.Observed,
    roster: members.Roster,
    foreign: Sequence[objects.Live],
) -> tuple[planned.Delete, ...]:
    """Return the workload of another placement once it has no relays any more."""
    keys = [
        naming.key(kind, identity.name)
        for placement, kind in naming.WORKLOADS.items()
        if placement is not spec.relays.placement and not roster.of(kind)
    ]
    live = [seen.live[key] for key in keys if key in seen.live]
    return tuple(
        planned.Delete(key=each.key, uid=each.uid)
        for each in live
        if each not in foreign and not each.deleting
    )


def _states(roster: members.Roster, moves: rollout.Moves) -> dict[str, contract.State]:
    return {
        member.uid: relays.state(member, closed=member.uid in moves.closed)
        for member in roster.members
    }


def _status(
    known: facts.Facts, before: Mapping[str, object]
) -> tuple[dict[str, object] | None, tuple[planned.Event, ...]]:
    """Return the status if it has to be written, and what is new in it."""
    told = conditions.conditions(known)
    entries = relays.entries(known.spec, known.roster, closed=known.moves.closed, now=known.now)
    wanted = status.status(
        identity=known.identity,
        relays=entries,
        told=told,
        taking=len(known.taking),
        secret=None if known.auth is None else known.auth.auth,
        before=before,
        now=known.now,
    )
    written = None if status.same(wanted, before) else status.written(wanted)
    return written, (*transitions.events(entries, before), *status.events(told, before))
