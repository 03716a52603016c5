"""What is known of a region when its status is written, and the shape of an answer about it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from turnfleet.model import region
from turnfleet.plan.cluster import acceptance, credentials, members, observed, rollout
from turnrelay import contract


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that the conditions of a region depend on."""

    identity: observed.Identity
    spec: region.RegionSpec | None
    verdict: acceptance.Verdict
    roster: members.Roster
    moves: rollout.Moves
    states: Mapping[str, contract.State]
    """What each relay does with clients, by uid."""
    foreign: tuple[str, ...] = ()
    """Objects that have a name of ours and are not ours: ``Kind/name``."""
    collected: bool = False
    """Whether all of those are being deleted."""
    failure: str = ""
    """Why pods cannot be created, in the cluster's own words."""
    auth: credentials.Credentials | None = None
    certificate: observed.Certificate | None = None
    nudged: frozenset[str] = frozenset()
    """Relays, by uid, that were asked to look at their files so lately that they may yet do it."""
    may_roll: bool = True
    now: float = field(kw_only=True)
    """Unix seconds."""

    @property
    def taking(self) -> tuple[members.Member, ...]:
        """Return the relays that take new clients, as somebody vouches for."""
        return tuple(member for member in self._open if not member.silent)

    @property
    def unseen(self) -> tuple[members.Member, ...]:
        """Return the relays that took new clients when they were last heard of."""
        return tuple(member for member in self._open if member.silent)

    @property
    def _open(self) -> tuple[members.Member, ...]:
        return tuple(
            member
            for member in self.roster.alive
            if self.states.get(member.uid) is contract.State.READY
        )

    @property
    def idle(self) -> tuple[members.Member, ...]:
        """Return the relays that take no new clients, though they have not been told to end."""
        serving = self._open
        return tuple(member for member in self.roster.alive if member not in serving)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a condition says: its status, a word for programs, a sentence for people."""

    status: bool
    reason: str
    message: str


Check = Callable[[Facts], Answer | None]
"""A question about a region; ``None``: it does not apply, ask the next one."""


def yes(reason: str, message: str) -> Answer:
    """Return an answer with status True."""
    return Answer(status=True, reason=reason, message=message)


def no(reason: str, message: str) -> Answer:
    """Return an answer with status False."""
    return Answer(status=False, reason=reason, message=message)


def first(checks: Sequence[Check], known: Facts) -> Answer | None:
    """Return the first answer that there is."""
    return next((answer for check in checks if (answer := check(known)) is not None), None)


def listed(of: Sequence[members.Member]) -> str:
    """Return relays as a message names them: in a fixed order, and not all of a crowd."""
    return listed_names([member.pod.name for member in of])


def listed_names(of: Sequence[str]) -> str:
    """Return names likewise."""
    more = len(of) - _LISTED_MAX
    return ", ".join(sorted(of)[:_LISTED_MAX]) + (f" and {more} more" if more > 0 else "")


def count(number: int) -> str:
    """Return a number of relays in words."""
    return "1 relay" if number == 1 else f"{number} relays"


_LISTED_MAX = 6
