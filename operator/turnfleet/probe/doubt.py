"""Whether the prober should doubt itself rather than its fleet. Pure.

| seen                                                       | believed                            |
|------------------------------------------------------------|-------------------------------------|
| some relays silent, most answer                            | they are dead                       |
| over half silent together, at least three, no proof        | the prober is cut off: keep the set |
| the same, but a TCP port refuses or takes and never speaks | those relays are dead: proof        |
| nothing is left that answers, offered or held back         | keep the set, proof or not          |
| over half silent for over 30 s while others do answer      | they are dead                       |

"Together" needs no window of its own: a relay leaves the set 1.5 s after its first unanswered try,
so only those that fell silent within about that time are held against those that answered since.
Nor is anything concluded before everybody else has been asked, which takes an interval: one relay
that dies would pass for all of them otherwise, if it is the only one on offer.
"""

from dataclasses import dataclass
from enum import Enum

from turnfleet.probe import cadence


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """How the relays that were offered until now look. Refusals and drains are not counted."""

    standing: int
    """Those, held back ones included, that answered after the first of the others fell silent."""
    unasked: int = 0
    """Those that would count as standing, had there been time to ask them since."""
    silent: int
    """Those that are silent without a proof of death."""
    failed: int
    """Those that are proven dead, or do not relay."""


class Belief(Enum):
    """How far silence counts."""

    ALL = "all"
    """It counts: silent relays are dead."""
    PROOF = "proof"
    """Only a proof of death counts."""
    NOTHING = "nothing"
    """The last set stays, whatever happens to it."""


class Doubt:
    """Remembers since when the prober doubts itself."""

    def __init__(self, rhythm: cadence.Cadence) -> None:
        self._rhythm = rhythm
        self._since: float | None = None
        self._until = 0.0
        self._belief = Belief.ALL
        self.sentence: str | None = None
        """What to tell an operator; ``None`` while there is no doubt."""

    def consider(self, census: Census, now: float) -> Belief:
        """Return what may be believed now."""
        belief = self._belief_in(census, now)
        if belief is not Belief.ALL:
            if self._since is None:
                self._since = now
            self._until = now + self._rhythm.doubt_grace
            self._belief = belief
            self.sentence = _sentence(belief, census)
        elif now >= self._until:
            self._since = None
            self._belief = belief
            self.sentence = None
        return self._belief

    def _belief_in(self, census: Census, now: float) -> Belief:
        well = census.standing + census.unasked
        if not well and census.silent + census.failed:
            return Belief.NOTHING
        lasting = self._since is not None and now - self._since >= self._rhythm.doubt_max
        many = census.silent >= self._rhythm.doubt_minimum
        if many and census.silent > well and not lasting:
            return Belief.PROOF
        return Belief.ALL


def _sentence(belief: Belief, census: Census) -> str:
    if belief is Belief.NOTHING:
        seen = f"none of the {census.silent + census.failed} relays on offer answers"
    else:
        seen = f"{census.silent} relays fell silent together and only {census.standing} answer"
    return f"{seen}: keeping the last set, since it may be this endpoint that is cut off"
