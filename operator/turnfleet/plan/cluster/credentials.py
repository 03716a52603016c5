"""The secret of a region: what relays accept, and what endpoints sign with meanwhile.

A named secret is copied, a missing one is made; what is there is kept until a rotation
(``rotation``) is due: on a timer or when asked for where the operator owns the secret, and when the
named one is another. There is room for two secrets: a further change waits until the old one has
been retired, unless it is to be dropped at once.

Level-triggered: how far a rotation is follows from the Secret itself, from what relays say and from
what endpoints are known to sign with, so an operator that starts in the middle of one goes on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from turnfleet.model import region
from turnfleet.plan.cluster import members, observed, rotation

SKEW: Final = 300.0
"""Seconds that the clocks of endpoints and relays may be apart, and that an endpoint may go on with
what it was told before."""
_LONGEST: Final = 86_400
"""Seconds: no credential was ever good for longer, whatever a Secret says that people can edit."""
_SOON: Final = 5.0
"""Seconds in which a nudged relay has a new secret. Only then is it said whom a rotation waits for,
since each relay that confirms would be a write, and whom it has left behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What becomes of a region's secret now."""

    auth: observed.AuthSecret | None
    """What the Secret has to hold; ``None``: there is nothing to put into it."""
    signing: bytes | None = field(default=None, repr=False)
    """What endpoints sign with; ``None``: relays cannot know anything yet."""
    problem: str = ""
    """Why the declared secret is not in force, as a sentence."""
    phase: rotation.Phase = rotation.Phase.SETTLED
    awaited: tuple[members.Member, ...] = ()
    """Relays that hold up the switch to a new secret."""
    missed: tuple[members.Member, ...] = ()
    """Relays that would refuse what endpoints sign with now."""
    queued: bool = False
    """Whether another rotation begins once the one under way is over."""
    again: float | None = None
    """Unix seconds at which this changes by itself."""

    def is_late(self, now: float) -> bool:
        """Return whether a rotation takes longer than relays that are there need."""
        return self._since(now) >= rotation.AWAY

    def tells_names(self, now: float) -> bool:
        """Return whether it is time to say whom a rotation waits for."""
        return self._since(now) >= _SOON

    def refused_by(self, roster: members.Roster) -> tuple[members.Member, ...]:
        """Return the relays that refuse what endpoints sign with, by what they said last."""
        if self.auth is None or self.signing != self.auth.current:
            return ()  # The secret before the current one is what every relay has.
        return rotation.missed(roster, self.auth)

    def _since(self, now: float) -> float:
        began = None if self.auth is None else self.auth.rotated_at
        return 0.0 if began is None else now - began


def credentials(
    spec: region.RegionSpec,
    seen: observed.Observed,
    surroundings: observed.Surroundings,
    *,
    roster: members.Roster,
    request: str = "",
    now: float,
) -> Credentials:
    """Return what becomes of a region's secret now; ``request`` is the annotation's text."""
    named = spec.auth.secret_name is not None
    problem = seen.named_secret_problem if named and not seen.named_secret else ""
    asked = rotation.request(request)
    if seen.auth is None:
        source = seen.named_secret if named else _lost(roster, surroundings)
        if not source:
            return Credentials(auth=None, problem=problem)
        first = observed.AuthSecret(
            current=source,
            generation=1 + _known(roster),
            rotated_at=float(int(now)),
            request="" if asked is None else asked.id,
            ttl=spec.auth.credential_ttl,
            agent_key=surroundings.agent_key,
        )
        return Credentials(auth=first, problem=problem)
    source = seen.named_secret if named else surroundings.fresh_secret
    auth = _kept(seen.auth, spec, surroundings, now)
    auth = _begun(auth, spec, source or b"", asked, now)
    switched = _is_switched(auth, surroundings)
    if switched and auth.previous is not None and auth.retire_after is None:
        auth = replace(auth, retire_after=_retirement(auth, now))
    awaited = () if switched else rotation.awaited(roster, auth, now)
    # Closed before endpoints sign with what they would refuse.
    missed = () if awaited else rotation.missed(roster, auth)
    return Credentials(
        auth=auth,
        signing=auth.previous if awaited else auth.current,
        problem=problem,
        phase=_phase(auth, awaited or (missed if auth.previous is None else ())),
        awaited=awaited,
        missed=missed if now >= (auth.rotated_at or 0.0) + _SOON else (),
        queued=_is_queued(auth, spec, source or b"", asked),
        again=_again(auth, spec, waits=bool(awaited or missed), now=now),
    )


def held(seen: observed.Observed, surroundings: observed.Surroundings) -> Credentials | None:
    """Return what stays in force while nothing may be changed, if anything is."""
    auth = seen.auth
    if auth is None:
        return None
    switched = _is_switched(auth, surroundings)
    return Credentials(
        auth=auth,
        signing=auth.current if switched else auth.previous,
        phase=rotation.Phase.SETTLED if auth.previous is None else rotation.Phase.OVERLAP,
    )


def _known(roster: members.Roster) -> int:
    """Return the highest generation that a relay has of a Secret that was lost; 0: none."""
    reports = (member.pod.report for member in roster.members)
    return max((report.generation for report in reports if report is not None), default=0)


def _lost(roster: members.Roster, surroundings: observed.Surroundings) -> bytes:
    """Return what a region without its Secret gets: what its relays have, if there are any."""
    relays = any(member.pod.node is not None for member in roster.members)
    return (surroundings.signed if relays else None) or surroundings.fresh_secret


def _kept(
    auth: observed.AuthSecret,
    spec: region.RegionSpec,
    surroundings: observed.Surroundings,
    now: float,
) -> observed.AuthSecret:
    """Return a Secret with what time and others have changed, before anything is begun."""
    ttl, expires_by = spec.auth.credential_ttl, auth.expires_by
    if expires_by is not None:
        past = expires_by + SKEW < now
        expires_by = None if past else min(expires_by, float(int(now) + _LONGEST))
    if ttl < auth.ttl:
        # What was signed until now outlives what will be.
        expires_by = max(expires_by or 0.0, float(int(now + min(auth.ttl, _LONGEST)) + 1))
    auth = replace(
        auth, ttl=ttl, expires_by=expires_by, agent_key=surroundings.agent_key or auth.agent_key
    )
    if auth.rotated_at is None or auth.rotated_at > now + SKEW:
        auth = replace(auth, rotated_at=float(int(now)))  # unknown, or by a clock that was ahead
    if auth.previous is None:
        return replace(auth, retire_after=None)
    if auth.retire_after is None:
        return auth
    if now >= auth.retire_after:
        return replace(auth, previous=None, retire_after=None)
    latest = _retirement(auth, now)
    return replace(auth, retire_after=latest) if auth.retire_after > latest + SKEW else auth


def _begun(
    auth: observed.AuthSecret,
    spec: region.RegionSpec,
    source: bytes,
    asked: rotation.Request | None,
    now: float,
) -> observed.AuthSecret:
    """Return a Secret in which a rotation that is due has begun; ``source`` is the new secret."""
    if asked is not None and asked.id == auth.request:
        asked = None
    drop = asked is not None and asked.now
    if auth.previous is not None and not drop:
        return auth  # there is room for two
    if spec.auth.secret_name is not None:
        new = bool(source) and source != auth.current
        due = new or (drop and auth.previous is not None)
        source = source if new else auth.current
    else:
        on_time = auth.rotated_at is not None and now >= auth.rotated_at + spec.auth.rotate_every
        due = bool(source) and (asked is not None or on_time)
    noted = replace(auth, request=auth.request if asked is None else asked.id)
    if not due:
        return noted
    return replace(
        noted,
        current=source,
        previous=None if drop else auth.current,
        # Also where only the old one is dropped: relays are to look at their files again.
        generation=auth.generation + 1,
        retire_after=None,
        rotated_at=float(int(now)),
    )


def _is_queued(
    auth: observed.AuthSecret,
    spec: region.RegionSpec,
    source: bytes,
    asked: rotation.Request | None,
) -> bool:
    """Return whether what is wanted has not begun: there is no room for it yet."""
    if spec.auth.secret_name is not None:
        return bool(source) and source != auth.current
    return asked is not None and asked.id != auth.request


def _is_switched(auth: observed.AuthSecret, surroundings: observed.Surroundings) -> bool:
    """Return whether endpoints sign with the current secret, and do not go back on that."""
    alone = auth.previous is None or auth.retire_after is not None
    return alone or surroundings.signed == auth.current


def _retirement(auth: observed.AuthSecret, now: float) -> float:
    """Return when nothing that endpoints have signed until now can be good any more."""
    return float(int(max(now + auth.ttl, auth.expires_by or 0.0) + SKEW) + 1)


def _phase(auth: observed.AuthSecret, lacking: Sequence[members.Member]) -> rotation.Phase:
    if auth.retire_after is not None:
        return rotation.Phase.OVERLAP
    if lacking:
        return rotation.Phase.SPREADING
    return rotation.Phase.SETTLED if auth.previous is None else rotation.Phase.SWITCHING


def _again(
    auth: observed.AuthSecret, spec: region.RegionSpec, *, waits: bool, now: float
) -> float | None:
    """Return when the next thing happens by time alone."""
    began = now if auth.rotated_at is None else auth.rotated_at
    moments = [began + _SOON, began + rotation.AWAY] if waits else []
    if auth.retire_after is not None:
        moments.append(auth.retire_after)
    elif auth.previous is None and spec.auth.secret_name is None:
        moments.append(began + spec.auth.rotate_every)
    return min((moment for moment in moments if moment > now), default=None)
