"""Who asks, and what was chosen for them. ``steer`` makes Selections, ``ice`` writes them out."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from turnfleet.model import estimate, fleet, geo, region


class Role(StrEnum):
    """Why a relay is in an answer, in the order that answers list them."""

    __hash__ = str.__hash__  # Enum's own is in Python, and answers are counted by these

    PRIMARY = "primary"
    """The best relay of the best region."""
    BACKUP = "backup"
    """Another relay of the primary's region, on another node and, if possible, in another zone; of
    the nearest other region, where that one has none."""
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


Told = tuple[
    fleet.Relay,
    frozenset[region.Transport],
    frozenset[str],
    region.RegionSpec,
    fleet.Secret | None,
]
"""What clients are told of a relay, which is all but its load. Plain, to be compared in one go."""


def told(of: fleet.Region, member: fleet.Member) -> Told:
    """Return what clients are told of a region's relay."""
    health = member.health
    return member.relay, health.working, health.silent, of.spec, of.secret


@dataclass(slots=True, eq=False)  # thousands at once: frozen takes thrice as long
class Mark:
    """Stands for a relay for as long as clients are told the same of it.

    Compared by identity, which is fast: what was made of what they are told can be remembered by
    it, through every change of loads.
    """

    told: Told


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
    expected: estimate.Estimate
    """How sure it is is no term of the cost."""
    load_penalty: float
    weight_penalty: float

    @property
    def estimate(self) -> float:
        """Return the estimated RTT."""
        return self.expected.rtt

    @property
    def deviation(self) -> float:
        """Return how sure the estimate is."""
        return self.expected.deviation

    @property
    def penalty(self) -> float:
        """Return what the region costs beside its distance."""
        return self.load_penalty + self.weight_penalty

    @property
    def cost(self) -> float:
        """Return what regions are ordered by."""
        return self.expected.rtt + self.load_penalty + self.weight_penalty


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
