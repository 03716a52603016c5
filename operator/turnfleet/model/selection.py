"""Who asks, and what was chosen for them. ``steer`` makes Selections, ``ice`` writes them out."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from turnfleet.model import fleet, geo, region


class Role(StrEnum):
    """Why a relay is in an answer, in the order that answers list them."""

    __hash__ = str.__hash__  # Enum's own is in Python, and answers are counted by these

    PRIMARY = "primary"
    """The best relay of the best region."""
    BACKUP = "backup"
    """Another relay of the primary's region, on another node and, if possible, in another zone."""
    FALLBACK = "fallback"
    """A relay of another region, for when the whole region fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One client, as far as choosing relays goes."""

    located: geo.Located
    user: str
    """What rendezvous hashing keys on: the caller's user, or this answer's random one."""
    pin: str | None = None
    """A region that primary and backup must come from while it is usable."""
    residency: str | None = None
    """A group that no role may leave."""


class Choice(NamedTuple):
    """One relay in one role. A tuple, since three are made for every answer."""

    role: Role
    region: fleet.Region
    member: fleet.Member
    estimate: float
    """Estimated RTT from the client to the region, ms."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mark:
    """Stands for a relay as clients are told of it, which is by all but its load.

    Compared by identity, which is fast. One mark is kept for as long as it stands for its relay, so
    what was made of it can be remembered by it, through every change of loads.
    """

    relay: fleet.Relay
    working: frozenset[region.Transport]
    silent: frozenset[str]
    spec: region.RegionSpec
    secret: fleet.Secret | None

    @classmethod
    def of(cls, within: fleet.Region, member: fleet.Member) -> "Mark":
        """Return a new mark."""
        return cls(
            relay=member.relay,
            working=member.health.working,
            silent=member.health.silent,
            spec=within.spec,
            secret=within.secret,
        )

    def stands_for(self, within: fleet.Region, member: fleet.Member) -> bool:
        """Tell whether clients are still told the same."""
        health = member.health
        return (
            (self.relay is member.relay or self.relay == member.relay)
            and self.working == health.working
            and self.silent == health.silent
            and (self.spec is within.spec or self.spec == within.spec)
            and (self.secret is within.secret or self.secret == within.secret)
        )


Marks = tuple[Mark | None, Mark | None, Mark | None]
"""Those of the relays in an answer, one place per role."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """Why a region (``relay`` is ``None``) or a relay was not chosen from."""

    region: str
    relay: str | None
    reason: fleet.Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """A usable region with the terms of its cost, all in ms."""

    region: str
    estimate: float
    load_penalty: float
    weight_penalty: float

    @property
    def cost(self) -> float:
        """Return what regions are ordered by."""
        return self.estimate + self.load_penalty + self.weight_penalty


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """An answer before it has URLs. ``choices`` is empty when nothing usable is allowed."""

    choices: tuple[Choice, ...]
    ranked: tuple[Ranked, ...]
    excluded: tuple[Exclusion, ...]
    located: geo.Located
    notes: tuple[fleet.Reason, ...] = ()
    """Conditions the client should know of, e.g. PinnedRegionDown."""

    def by_role(self, role: Role) -> Choice | None:
        """Return the choice in a role, or ``None`` where the role is missing."""
        return next((c for c in self.choices if c.role is role), None)
