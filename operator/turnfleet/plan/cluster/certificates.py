"""The condition CertificateValid: whether every relay serves what the region's TLS Secret holds.

True means that clients meet this certificate, for names that it is for, and that it lasts; relays
that are just taking it over, and complain of nothing, are named and count as if they had. What
relays serve is their own word: each finds it out by a handshake. Who signed it is for endpoints to
judge, which verify it from outside as clients do.
"""

from collections.abc import Sequence
from typing import Final

from turnfleet.plan.cluster import addresses, facts, members, observed, past

_NOTICE: Final = 1 / 6
"""The part of its life before its end in which a certificate counts as expiring. Renewers such as
cert-manager begin with a third left: half of their time has then passed in vain."""
_NOTICE_MAX: Final = 30 * 86400.0
_ANY_NODE: Final = "node"
_ANY_ADDRESS: Final = "192.0.2.1"
_TLS: Final = "tls"


def again(certificate: observed.Certificate | None, now: float) -> float | None:
    """Return when, in Unix seconds, the condition changes though nothing else does."""
    if certificate is None or certificate.problem:
        return None
    moments = (certificate.not_before, _warned(certificate), certificate.not_after)
    return min((moment for moment in moments if moment > now), default=None)


def _missing(known: facts.Facts) -> facts.Answer | None:
    if known.certificate is None or known.certificate.present:
        return None
    return facts.no(
        "Missing",
        f"{known.certificate.problem}: relays that start wait for it, those that run keep the"
        " certificate they have",
    )


def _unusable(known: facts.Facts) -> facts.Answer | None:
    if known.certificate is None or not known.certificate.problem:
        return None
    return facts.no(
        "Unusable", f"{known.certificate.problem}; relays that run keep the one they have"
    )


def _expired(known: facts.Facts) -> facts.Answer | None:
    certificate = known.certificate
    if certificate is None or certificate.not_after > known.now:
        return None
    kept = any(_serves_another(member, certificate) for member in known.roster.alive)
    effect = "relays that run keep the one before" if kept else "browsers refuse turns URLs"
    return facts.no(
        "Expired",
        f"the certificate ended at {past.moment(certificate.not_after)}, so {effect}; renew it in"
        " its Secret, relays take it over by themselves",
    )


def _premature(known: facts.Facts) -> facts.Answer | None:
    certificate = known.certificate
    if certificate is None or certificate.not_before <= known.now:
        return None
    return facts.no(
        "NotYetValid",
        f"the certificate begins only at {past.moment(certificate.not_before)}; relays keep the one"
        " they have until then",
    )


def _misnamed(known: facts.Facts) -> facts.Answer | None:
    if known.certificate is None:
        return None
    lacking = [name for name in _verified_names(known) if not _covers(known.certificate, name)]
    if not lacking:
        return None
    hint = ""
    if known.spec is not None and known.spec.addresses.hostname is None:
        hint = "; without addresses.hostname clients verify relays by their addresses"
    return facts.no(
        "NameMismatch",
        f"the certificate is not for {facts.listed_names(lacking)}, so relays go on with one that"
        f" is, if they have any, and the turns URLs of others are not offered{hint}",
    )


def _unserved(known: facts.Facts) -> facts.Answer | None:
    if known.certificate is None:
        return None
    others = [
        member
        for member in known.roster.alive
        if _serves_another(member, known.certificate) and not _takes_over(member, known)
    ]
    if not others:
        return None
    return facts.no(
        "NotServed",
        f"these still serve another certificate than the Secret's: {facts.listed(others)}"
        f"{_complaints(others)}",
    )


def _expiring(known: facts.Facts) -> facts.Answer | None:
    certificate = known.certificate
    if certificate is None or known.now < _warned(certificate):
        return None
    return facts.no(
        "Expiring",
        f"the certificate is served, and ends at {past.moment(certificate.not_after)}: it should"
        " have been renewed by now; relays take over what is put into its Secret",
    )


def _served(known: facts.Facts) -> facts.Answer | None:
    if known.certificate is None:
        return None
    unheard = [
        member
        for member in known.roster.alive
        if _has_yet_to_tell(member) or _serves_another(member, known.certificate)
    ]
    whether = f"; not known to be served yet by {facts.listed(unheard)}" if unheard else ""
    return facts.yes(
        "Valid",
        f"the certificate is good until {past.moment(known.certificate.not_after)}{whether}",
    )


def _warned(certificate: observed.Certificate) -> float:
    """Return when a certificate begins to count as expiring."""
    life = certificate.not_after - certificate.not_before
    return certificate.not_after - min(life * _NOTICE, _NOTICE_MAX)


def _verified_names(known: facts.Facts) -> list[str]:
    """Return the names and addresses that clients will look for in the certificate."""
    if known.spec is None:
        return []
    declared = known.spec.addresses
    there = [(member.pod.node, _published(member)) for member in known.roster.alive]
    if declared.hostname is None:
        return [address for _, published in there for address in published]
    names = [addresses.hostname(declared, node, published) for node, published in there]
    found = [name for name in names if name is not None]
    if not found:
        found = [addresses.hostname(declared, _ANY_NODE, (_ANY_ADDRESS,)) or declared.hostname]
    return list(dict.fromkeys(found))


def _published(member: members.Member) -> tuple[str, ...]:
    return member.pod.addresses or tuple(rung.address for rung in member.finding.publish)


def _covers(certificate: observed.Certificate, name: str) -> bool:
    """Return whether a name is among a certificate's; a star stands for one label (RFC 6125)."""
    lowered = name.lower()
    _, dot, parent = lowered.partition(".")
    return lowered in certificate.names or (bool(dot) and f"*.{parent}" in certificate.names)


def _serves_another(member: members.Member, certificate: observed.Certificate) -> bool:
    """Return whether a relay says so itself; one that listens without TLS serves none."""
    report = member.pod.report
    if not _presents(member) or report is None:
        return False
    # One that has just started serves nothing for an instant, and complains if that lasts.
    told = bool(report.certificate_fingerprint or report.complaints)
    return told and report.certificate_fingerprint != certificate.fingerprint


def _takes_over(member: members.Member, known: facts.Facts) -> bool:
    """Return whether a relay that serves another certificate may just not be done yet."""
    report = member.pod.report
    return member.uid in known.nudged and report is not None and not report.complaints


def _has_yet_to_tell(member: members.Member) -> bool:
    report = member.pod.report
    return _presents(member) and (report is None or not report.certificate_fingerprint)


def _presents(member: members.Member) -> bool:
    """Return whether clients may meet a certificate there."""
    return member.served and _TLS in member.pod.ports


def _complaints(of: Sequence[members.Member]) -> str:
    said = {
        sentence for member in of if member.pod.report for sentence in member.pod.report.complaints
    }
    return f"; they say: {'; '.join(sorted(said))}" if said else ""


CHECKS: Final[Sequence[facts.Check]] = (
    _missing,
    _unusable,
    _expired,
    _premature,
    _misnamed,
    _unserved,
    _expiring,
    _served,
)
"""The first that has an answer gives the condition; without TLS there is none."""
