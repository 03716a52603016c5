"""What the condition CertificateValid says of a TLS Secret, and when it is looked at again."""

from dataclasses import replace
from typing import Any

import pytest
from tests.support import clusterplans

from turnfleet import names
from turnfleet.plan.cluster import certificates, delivery, observed, planned

NOW = clusterplans.NOW
DAY = 86400.0
NAMES = ("*.turn.example.com",)


def a_certificate(*, ends: float = 80 * DAY, **other: Any) -> observed.Certificate:
    told: dict[str, Any] = {"fingerprint": "ab12", "not_before": NOW - 10 * DAY, "names": NAMES}
    return observed.Certificate(**(told | other), not_after=NOW + ends)


def a_plan(certificate: observed.Certificate | None, **report: Any) -> planned.Plan:
    """Return the plan for two relays that serve ab12; ``report`` is what one says otherwise."""
    case = clusterplans.read("certificate-served")
    first, *others = case.seen.pods
    assert first.report is not None
    told = None if report.get("at", 1) is None else replace(first.report, **report)
    pods = (replace(first, report=told), *others)
    # Something else differs too, so that the status is written in any case.
    return replace(
        case, seen=replace(case.seen, pods=pods, certificate=certificate, status={})
    ).plan()


def condition(certificate: observed.Certificate | None, **report: Any) -> tuple[str, str, str]:
    status: Any = a_plan(certificate, **report).status
    (found,) = [one for one in status["conditions"] if one["type"] == "CertificateValid"]
    return found["status"], found["reason"], found["message"]


@pytest.mark.parametrize(
    ("certificate", "told"),
    [
        (a_certificate(), ("True", "Valid")),
        (a_certificate(ends=14 * DAY, not_before=NOW - 76 * DAY), ("False", "Expiring")),
        (a_certificate(ends=16 * DAY, not_before=NOW - 74 * DAY), ("True", "Valid")),
        (a_certificate(ends=29 * DAY, not_before=NOW - 700 * DAY), ("False", "Expiring")),
        (a_certificate(ends=31 * DAY, not_before=NOW - 700 * DAY), ("True", "Valid")),
        (a_certificate(ends=1 * DAY, not_before=NOW - 4 * DAY), ("True", "Valid")),
        (a_certificate(ends=0), ("False", "Expired")),
        (a_certificate(not_before=NOW + 1), ("False", "NotYetValid")),
        (observed.Certificate(present=False, problem="there is none"), ("False", "Missing")),
        (a_certificate(problem="its tls.key is encrypted"), ("False", "Unusable")),
        (a_certificate(names=("turn.example.com",)), ("False", "NameMismatch")),
        (a_certificate(names=("*.example.com",)), ("False", "NameMismatch")),
        (a_certificate(names=("node-1.turn.example.com",)), ("False", "NameMismatch")),
        (a_certificate(fingerprint="ef56"), ("False", "NotServed")),
    ],
)
def test_a_certificate_is_judged_by_what_clients_meet(
    certificate: observed.Certificate, told: tuple[str, str]
) -> None:
    assert condition(certificate)[:2] == told


def test_one_that_is_out_of_its_dates_says_whether_clients_meet_it() -> None:
    assert "so browsers refuse turns URLs" in condition(a_certificate(ends=0))[2]
    _, reason, message = condition(a_certificate(ends=0, fingerprint="ef56"))
    assert reason == "Expired"
    assert "so relays that run keep the one before" in message


def test_nothing_is_said_where_there_is_no_tls() -> None:
    status: Any = a_plan(None).status
    assert "CertificateValid" not in {one["type"] for one in status["conditions"]}


def test_a_relay_that_serves_another_certificate_is_named_with_what_it_says() -> None:
    said = ("the certificate cannot be written to /run/turnrelay: No space left on device",)
    status, reason, message = condition(
        a_certificate(), certificate_fingerprint="cd34", complaints=said
    )
    assert (status, reason) == ("False", "NotServed")
    assert "turn-eu-a; they say: the certificate cannot be written" in message
    assert "turn-eu-b" not in message


@pytest.mark.parametrize("said", [{"at": None}, {"certificate_fingerprint": ""}])
def test_a_relay_that_has_yet_to_tell_speaks_against_nothing_and_is_named(
    said: dict[str, Any],
) -> None:
    status, reason, message = condition(a_certificate(), **said)
    assert (status, reason) == ("True", "Valid")
    assert message.endswith("not known to be served yet by turn-eu-a")


def test_a_relay_that_serves_nothing_and_complains_is_named() -> None:
    said = ("no TLS handshake at 203.0.113.1 port 443 within 2 s",)
    told = condition(a_certificate(), certificate_fingerprint="", complaints=said)
    assert told[:2] == ("False", "NotServed")
    assert said[0] in told[2]


def test_without_host_names_the_certificate_has_to_be_for_every_address() -> None:
    case = clusterplans.read("certificate-served")
    assert case.wanted.spec is not None
    plain = replace(case.wanted.spec, addresses=replace(case.wanted.spec.addresses, hostname=None))
    wanted = replace(case.wanted, spec=plain)
    for issued, told in (
        (("203.0.113.1", "203.0.113.2"), "Valid"),
        (("203.0.113.1",), "NameMismatch"),
        (NAMES, "NameMismatch"),
    ):
        seen = replace(case.seen, certificate=a_certificate(names=issued), status={})
        status: Any = replace(case, wanted=wanted, seen=seen).plan().status
        assert told in {one["reason"] for one in status["conditions"]}


def test_a_region_without_relays_is_judged_by_its_template() -> None:
    case = clusterplans.read("certificate-served")
    for issued, told in ((NAMES, "Valid"), (("*.other.example.com",), "NameMismatch")):
        seen = replace(case.seen, pods=(), certificate=a_certificate(names=issued), status={})
        status: Any = replace(case, seen=seen).plan().status
        assert told in {
            one["reason"] for one in status["conditions"] if one["type"] == "CertificateValid"
        }


def test_it_is_looked_at_again_when_it_begins_expires_and_ends() -> None:
    certificate = a_certificate(not_before=NOW + DAY, ends=91 * DAY)
    moments = []
    at: float | None = NOW
    while at is not None and (at := certificates.again(certificate, at)) is not None:
        moments.append((at - NOW) / DAY)
    assert moments == [1, 76, 91]
    assert certificates.again(None, NOW) is None
    assert certificates.again(replace(certificate, problem="broken"), NOW) is None


def test_a_plan_for_a_settled_region_comes_back_for_its_certificate_or_its_secret() -> None:
    rotation = NOW - 3600 + 30 * DAY
    assert a_plan(a_certificate()).requeue == rotation
    assert a_plan(a_certificate(ends=20 * DAY)).requeue == NOW + 15 * DAY


class Renewal:
    """A region whose certificate was just renewed, and whose relays have been nudged so often."""

    def __init__(self, **report: Any) -> None:
        case = clusterplans.read("certificate-served")
        pods = tuple(
            replace(pod, report=replace(pod.report, generation=1, **report))
            for pod in case.seen.pods
            if pod.report is not None
        )
        renewed = a_certificate(fingerprint="ef56")
        # The status is always written: something else differs too.
        self.case = replace(
            case, seen=replace(case.seen, pods=pods, certificate=renewed, status={})
        )

    def told(self, *, after: float) -> tuple[str, str]:
        """Return what the condition says so late; nudges of that moment are carried out."""
        plan = replace(self.case, now=NOW + after).plan()
        given = {step.uid: step.annotations.get(names.ANNOTATION_MOUNTED) for step in plan.annotate}
        pods = tuple(
            replace(pod, mounted=given.get(pod.uid) or pod.mounted) for pod in self.case.seen.pods
        )
        self.case = replace(self.case, seen=replace(self.case.seen, pods=pods))
        self.again = plan.requeue
        status: Any = plan.status
        (found,) = [one for one in status["conditions"] if one["type"] == "CertificateValid"]
        return found["reason"], found["message"]


def test_relays_that_are_just_taking_a_renewal_over_are_named_and_speak_against_nothing() -> None:
    renewal = Renewal()
    for after in (0, 1, 14, 15, 29):
        reason, message = renewal.told(after=after)
        assert reason == "Valid", after
        assert message.endswith("not known to be served yet by turn-eu-a, turn-eu-b")
        assert renewal.again is not None
        assert renewal.again <= NOW + after + delivery.AGAIN
    assert renewal.told(after=30)[0] == "NotServed"
    assert renewal.told(after=31)[0] == "NotServed"
    assert renewal.told(after=300)[0] == "NotServed"


def test_a_relay_that_complains_of_a_renewal_does_not_get_time() -> None:
    assert Renewal(complaints=("the disk is full",)).told(after=0)[0] == "NotServed"


def test_a_clock_that_goes_back_gives_nobody_time_for_ever() -> None:
    renewal = Renewal()
    renewal.told(after=1000)
    renewal.told(after=0)
    assert renewal.told(after=20)[0] == "NotServed"
