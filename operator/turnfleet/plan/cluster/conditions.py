"""The conditions of a TurnRegion: each is a chain of questions, and the first answer counts.

Messages tell a person what to do next, and hold nothing that changes by itself: every change of a
message is a write.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from turnfleet.plan.cluster import certificates, facts, progress, readiness, syncing


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition, before it is known since when it holds."""

    type: str
    answer: facts.Answer


def conditions(known: facts.Facts) -> tuple[Condition, ...]:
    """Return the conditions that can be told, in a fixed order."""
    return tuple(
        Condition(type=kind, answer=answer)
        for kind, checks in _CHAINS
        if (answer := facts.first(checks, known)) is not None
    )


def _accepted(known: facts.Facts) -> facts.Answer | None:
    verdict = known.verdict
    return facts.Answer(
        status=verdict.accepted, reason=verdict.reason.value, message=verdict.sentence
    )


_CHAINS: Final[Sequence[tuple[str, Sequence[facts.Check]]]] = (
    ("Accepted", (_accepted,)),
    ("Progressing", progress.CHECKS),
    ("Ready", readiness.CHECKS),
    ("CredentialsInSync", syncing.CHECKS),
    ("CertificateValid", certificates.CHECKS),
)
