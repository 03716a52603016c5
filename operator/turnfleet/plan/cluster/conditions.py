"""The conditions of a TurnRegion: each is a chain of questions, and the first answer counts.

Messages tell a person what to do next, and hold nothing that changes by itself: every change of a
message is a write.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from turnfleet.plan.cluster import facts, past, progress, readiness

_EXPIRING: Final = 7 * 86400.0
"""Seconds before its end at which a certificate should long have been renewed."""


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


def _certificate_unusable(known: facts.Facts) -> facts.Answer | None:
    if known.certificate is None or not known.certificate.problem:
        return None
    return facts.no("Unusable", known.certificate.problem)


def _certificate_expires(known: facts.Facts) -> facts.Answer | None:
    certificate = known.certificate
    if certificate is None or certificate.not_after - known.now > _EXPIRING:
        return None
    end = past.moment(certificate.not_after)
    over = certificate.not_after <= known.now
    return facts.no(
        "Expired" if over else "Expiring",
        f"the certificate {'ended' if over else 'ends'} at {end}; renew it in its Secret, relays"
        " take it over by themselves",
    )


def _certificate_good(known: facts.Facts) -> facts.Answer | None:
    if known.certificate is None:
        return None
    return facts.yes(
        "Valid", f"the certificate is good until {past.moment(known.certificate.not_after)}"
    )


_CHAINS: Final[Sequence[tuple[str, Sequence[facts.Check]]]] = (
    ("Accepted", (_accepted,)),
    ("Progressing", progress.CHECKS),
    ("Ready", readiness.CHECKS),
    ("CredentialsInSync", (_secret_unusable, _secret_unwritten, _secret_in_sync)),
    ("CertificateValid", (_certificate_unusable, _certificate_expires, _certificate_good)),
)
