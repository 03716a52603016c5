"""The conditions of a TurnRegion: each is a chain of questions, and the first answer counts.

Messages tell a person what to do next, and hold nothing that changes by itself: every change of a
message is a write.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from turnfleet.plan.cluster import certificates, facts, progress, readiness


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


def _secret_unusable(known: facts.Facts) -> facts.Answer | None:
    if known.auth is None or not known.auth.problem:
        return None
    return facts.no("NamedSecretUnusable", known.auth.problem)


def _secret_unwritten(known: facts.Facts) -> facts.Answer | None:
    if known.auth is None or known.auth.signing is not None:
        return None
    return facts.no("NotWritten", "its relays have not been given a secret yet")


def _secret_in_sync(known: facts.Facts) -> facts.Answer | None:
    if known.auth is None:
        return None
    return facts.yes("InSync", "endpoints sign with what its relays accept")


_CHAINS: Final[Sequence[tuple[str, Sequence[facts.Check]]]] = (
    ("Accepted", (_accepted,)),
    ("Progressing", progress.CHECKS),
    ("Ready", readiness.CHECKS),
    ("CredentialsInSync", (_secret_unusable, _secret_unwritten, _secret_in_sync)),
    ("CertificateValid", certificates.CHECKS),
)
