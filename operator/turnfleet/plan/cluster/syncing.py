"""The condition CredentialsInSync: whether endpoints sign with what relays accept.

And what a rotation under way waits for.
"""

from collections.abc import Sequence
from typing import Final

from turnfleet.plan.cluster import credentials, facts, past, rotation


def _unusable(known: facts.Facts) -> facts.Answer | None:
    if known.auth is None or not known.auth.problem:
        return None
    return facts.no("NamedSecretUnusable", known.auth.problem)


def _unwritten(known: facts.Facts) -> facts.Answer | None:
    if known.auth is None or known.auth.signing is not None:
        return None
    return facts.no("NotWritten", "its relays have not been given a secret yet")


def _stuck(known: facts.Facts) -> facts.Answer | None:
    if known.auth is None or not known.auth.awaited or not known.auth.is_late(known.now):
        return None
    return facts.no(
        "RotationStuck",
        "endpoints go on signing with the old secret, since these relays answer and do not accept"
        f" the new one: {facts.listed(known.auth.awaited)}; see their logs, or delete their pods",
    )


def _spreading(known: facts.Facts) -> facts.Answer | None:
    if known.auth is None or known.auth.phase is not rotation.Phase.SPREADING:
        return None
    if not known.auth.awaited:
        return facts.yes(
            "RotationSpreading", "the old secret was dropped, and relays are given the new one"
        )
    awaited = known.auth.awaited if known.auth.tells_names(known.now) else ()
    whom = f": {facts.listed(awaited)}" if awaited else ""
    return facts.yes(
        "RotationSpreading",
        f"endpoints sign with the old secret until every relay accepts the new one{whom}"
        f"{_another(known.auth)}",
    )


def _switching(known: facts.Facts) -> facts.Answer | None:
    if known.auth is None or known.auth.phase is not rotation.Phase.SWITCHING:
        return None
    return facts.yes(
        "RotationSwitching",
        "every relay accepts the new secret; endpoints are told to sign with it"
        f"{_another(known.auth)}",
    )


def _another(auth: credentials.Credentials) -> str:
    return "; another rotation waits until this one is over" if auth.queued else ""


def _missed(known: facts.Facts) -> facts.Answer | None:
    if known.auth is None or not known.auth.missed:
        return None
    return facts.no(
        "RelaysBehind",
        "endpoints sign with a secret that these relays have not got: "
        f"{facts.listed(known.auth.missed)}; they are closed until their kubelets have brought it",
    )


def _overlap(known: facts.Facts) -> facts.Answer | None:
    auth = None if known.auth is None else known.auth.auth
    if auth is None or auth.retire_after is None:
        return None
    return facts.yes(
        "RotationOverlap",
        "endpoints sign with the new secret, and relays accept the old one until"
        f" {past.moment(auth.retire_after)}",
    )


def _queued(known: facts.Facts) -> facts.Answer | None:
    auth = None if known.auth is None else known.auth.auth
    if known.auth is None or auth is None or auth.retire_after is None or not known.auth.queued:
        return None
    return facts.yes(
        "RotationQueued",
        f"the last rotation overlaps until {past.moment(auth.retire_after)}; the next one begins"
        f" then (turnfleet rotate {known.identity.name} --now does not wait, and has every earlier"
        " secret refused)",
    )


def _in_sync(known: facts.Facts) -> facts.Answer | None:
    if known.auth is None:
        return None
    return facts.yes("InSync", "endpoints sign with what its relays accept")


CHECKS: Final[Sequence[facts.Check]] = (
    _unusable,
    _unwritten,
    _stuck,
    _missed,
    _spreading,
    _switching,
    _queued,
    _overlap,
    _in_sync,
)
"""The first that has an answer gives the condition."""
