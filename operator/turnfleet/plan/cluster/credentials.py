"""The secret of a region: what relays accept, and what endpoints sign with meanwhile.

A named secret is copied, a missing one is made; what is there is kept. When a named secret changes,
relays accept the old one beside the new one until nothing signed with it can be valid any more, and
endpoints sign with the old one until every kubelet has brought the new one to its relays. There is
room for two: a further change waits until the old one has been retired.
"""

from dataclasses import dataclass, field, replace
from typing import Final

from turnfleet.model import region
from turnfleet.plan.cluster import observed

SPREADING: Final = 120.0
"""Seconds in which every kubelet has refreshed a mounted Secret, with room to spare."""
SKEW: Final = 300.0
"""Seconds that the clocks of endpoints and relays may be apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What becomes of a region's secret now."""

    auth: observed.AuthSecret | None
    """What the Secret has to hold; ``None``: there is nothing to put into it."""
    signing: bytes | None = field(default=None, repr=False)
    """What endpoints sign with; ``None``: relays cannot know anything yet."""
    problem: str = ""
    """Why the declared secret is not in force, as a sentence."""
    again: float | None = None
    """Unix seconds at which this changes by itself."""


def credentials(
    spec: region.RegionSpec,
    seen: observed.Observed,
    surroundings: observed.Surroundings,
    now: float,
) -> Credentials:
    """Return what becomes of a region's secret now."""
    held = seen.auth
    named = spec.auth.secret_name is not None
    source = seen.named_secret if named else (b"" if held else surroundings.fresh_secret)
    problem = seen.named_secret_problem if named and not seen.named_secret else ""
    wanted = _next(spec, held, source or b"", now)
    if wanted is not None and surroundings.agent_key:
        wanted = replace(wanted, agent_key=surroundings.agent_key)
    if held is None or wanted is None:
        return Credentials(auth=wanted, problem=problem)
    switch = _switch(spec, wanted)
    early = wanted.previous is not None and switch is not None and now < switch
    moments = (switch, wanted.retire_after)
    return Credentials(
        auth=wanted,
        signing=wanted.previous if early else wanted.current,
        problem=problem,
        again=min((time for time in moments if time is not None and time > now), default=None),
    )


def held(seen: observed.Observed) -> Credentials | None:
    """Return what stays in force while nothing may be changed, if anything is."""
    if seen.auth is None:
        return None
    return Credentials(auth=seen.auth, signing=seen.auth.current)


def _next(
    spec: region.RegionSpec, held: observed.AuthSecret | None, source: bytes, now: float
) -> observed.AuthSecret | None:
    if held is None:
        return observed.AuthSecret(current=source) if source else None
    if source and source != held.current and held.previous is None:
        return observed.AuthSecret(
            current=source,
            previous=held.current,
            generation=held.generation + 1,
            retire_after=float(int(now + SPREADING + spec.auth.credential_ttl + SKEW)),
            agent_key=held.agent_key,
        )
    if held.previous is not None and held.retire_after is not None and now >= held.retire_after:
        return replace(held, previous=None, retire_after=None)
    return held


def _switch(spec: region.RegionSpec, auth: observed.AuthSecret) -> float | None:
    """Return when endpoints begin to sign with the current secret."""
    if auth.retire_after is None:
        return None
    return auth.retire_after - spec.auth.credential_ttl - SKEW
