"""Which state a relay is in, from facts alone. Pure, and without memory but ``since``.

facts, first that holds        state      ready  reason
-----------------------------  ---------  -----  -------------------------------
told to end                    Draining   no     Draining
coturn cannot run              Starting   no     the obstacle
no Allocate has worked yet     Starting   no     Unproven, or how it was refused
coturn is silent               Closed     no     Silent
something beside it is broken  Closed     no     the fault, which may be why coturn refuses
it carries all that it may     Closed     no     Full, unless coturn refuses for another reason
the last Allocate was refused  Closed     no     BadCredential, Full, ...
the public address changed     Closed     no     AddressChanged
closed by its owner            Closed     no     Closed
else                           Ready      yes
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, assert_never

from turnrelay import contract


class Reason(StrEnum):
    """Why a relay is not ready, in a word for programs."""

    NONE = ""
    """It is ready."""
    NO_ADDRESS = "NoAddress"
    """Its public address is not known yet, or does not fit."""
    NO_SECRET = "NoSecret"  # noqa: S105 - a reason, not a secret
    """The auth folder holds no usable secret."""
    NO_CERTIFICATE = "NoCertificate"
    """TLS is declared and there is no usable certificate."""
    PORT_TAKEN = "PortTaken"
    """Another program has one of its ports."""
    STATE_UNWRITABLE = "StateUnwritable"
    """The state folder cannot be written: it is full, read-only or another's."""
    DATABASE_UNUSABLE = "DatabaseUnusable"
    """What coturn reads cannot be brought up to date: locked, lost or damaged."""
    CLOCK_JUMPED = "ClockJumped"
    """The clock has just jumped so far forward that credentials may look expired."""
    CRASHED = "Crashed"
    """coturn ended by itself and is started again after a while."""
    OUT_OF_MEMORY = "OutOfMemory"
    """The kernel ended coturn for want of memory; it is started again after a while."""
    UNPROVEN = "Unproven"
    """No Allocate of its own has worked yet."""
    BAD_CREDENTIAL = "BadCredential"
    """coturn refuses the live secret (401)."""
    FORBIDDEN = "Forbidden"
    """coturn refuses allocations as such (403), as one that drains does."""
    FULL = "Full"
    """No room: 486 (quota), 508 (ports), or as much traffic as is allowed."""
    REFUSED = "Refused"
    """Another TURN error code."""
    SILENT = "Silent"
    """coturn runs and does not answer."""
    ADDRESS_CHANGED = "AddressChanged"
    """The public address is no longer the one that coturn was started with."""
    CLOSED = "Closed"
    """Its owner takes it out of the answers."""
    DRAINING = "Draining"
    """It ends with its last allocation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """What keeps coturn from running, or a running one from being offered."""

    reason: Reason
    sentence: str


@dataclass(frozen=True, slots=True)
class Unproven:
    """No Allocate has been tried since coturn started."""


@dataclass(frozen=True, slots=True)
class Proven:
    """The last Allocate worked, or it did before the one that got no answer."""

    doubtful: bool = False
    """The last one got no answer, and the next one decides."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The last Allocate was answered with an error code."""

    code: int


@dataclass(frozen=True, slots=True)
class Silent:
    """The last Allocate was not answered."""

    sentence: str


Proof = Unproven | Proven | Refused | Silent


def believe(found: Proof, *, before: Proof) -> Proof:
    """Return what to believe after an Allocate that proved ``found``.

    One lost answer must not take a relay out of the answers: on a busy host an answer may take
    longer than a probe waits, and the relay may be the last one of its region.
    """
    if isinstance(found, Silent) and before == Proven():
        return Proven(doubtful=True)
    return found


_NO_ROOM: Final = frozenset({486, 508})


def accepts_secret(found: Proof) -> bool:
    """Return whether an Allocate shows that coturn accepts the secret it was signed with.

    One that there is no room for has passed that question.
    """
    match found:
        case Proven(doubtful=False):
            return True
        case Refused(code=code):
            return code in _NO_ROOM
        case _:
            return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that the state depends on."""

    draining: bool = False
    obstacle: Obstacle | None = None
    """``None``: coturn runs."""
    once_proven: bool = False
    """Some Allocate has worked since coturn started."""
    proof: Proof = Unproven()
    at_cap: bool = False
    """It carries as much as its owner allows."""
    fault: Obstacle | None = None
    """What is broken beside a coturn that runs."""
    address_changed: bool = False
    closed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The state that follows, and why."""

    state: contract.State
    reason: Reason = Reason.NONE
    sentence: str = ""

    @property
    def ready(self) -> bool:
        """Whether the relay may be offered to new clients."""
        return self.state is contract.State.READY


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A verdict and when its state began (Unix seconds)."""

    verdict: Verdict
    since: float


def start(now: float) -> Standing:
    """Return the standing of a relay about which nothing is known."""
    return Standing(verdict=judge(Facts()), since=now)


def advance(standing: Standing, facts: Facts, now: float) -> Standing:
    """Return the standing that follows; ``since`` moves only with the state."""
    verdict = judge(facts)
    if verdict == standing.verdict:
        return standing
    same_state = verdict.state is standing.verdict.state
    return Standing(verdict=verdict, since=standing.since if same_state else now)


def judge(facts: Facts) -> Verdict:
    """Return the verdict on a relay; the table above is the order of the questions."""
    if facts.draining:
        return Verdict(
            state=contract.State.DRAINING,
            reason=Reason.DRAINING,
            sentence="it refuses new allocations and ends with the last live one",
        )
    if facts.obstacle is not None:
        return Verdict(
            state=contract.State.STARTING,
            reason=facts.obstacle.reason,
            sentence=facts.obstacle.sentence,
        )
    failing = _failing(facts)
    if not facts.once_proven:
        reason, sentence = failing or (Reason.UNPROVEN, "no Allocate of its own has worked yet")
        return Verdict(state=contract.State.STARTING, reason=reason, sentence=sentence)
    closing = failing or _closing(facts)
    if closing is not None:
        return Verdict(state=contract.State.CLOSED, reason=closing[0], sentence=closing[1])
    return Verdict(state=contract.State.READY)


def _closing(facts: Facts) -> tuple[Reason, str] | None:
    if facts.address_changed:
        return (
            Reason.ADDRESS_CHANGED,
            "its public address changed; only a new relay can serve the new one",
        )
    if facts.closed:
        return Reason.CLOSED, "its owner takes it out of the answers"
    return None


_REFUSALS: Final[Mapping[int, tuple[Reason, str]]] = {
    401: (Reason.BAD_CREDENTIAL, "coturn refuses the live secret (401)"),
    403: (Reason.FORBIDDEN, "coturn refuses new allocations (403)"),
    486: (Reason.FULL, "its quota of allocations is used up (486)"),
    508: (Reason.FULL, "its relay ports are used up (508)"),
}


def _failing(facts: Facts) -> tuple[Reason, str] | None:
    if isinstance(facts.proof, Silent):
        return Reason.SILENT, f"coturn does not answer an Allocate: {facts.proof.sentence}"
    if facts.fault is not None:
        return facts.fault.reason, facts.fault.sentence
    refused = _refused(facts.proof)
    # coturn refuses for the sake of the cap, or is about to.
    if facts.at_cap and (refused is None or refused[0] is Reason.FULL):
        return Reason.FULL, "its interface carries as much as limits.bandwidthPerRelay allows"
    return refused


def _refused(proof: Unproven | Proven | Refused) -> tuple[Reason, str] | None:
    match proof:
        case Unproven() | Proven():
            return None
        case Refused(code=code):
            other = (Reason.REFUSED, f"coturn refuses an Allocate with error {code}")
            return _REFUSALS.get(code, other)
        case _:
            assert_never(proof)
