"""The prober's small pure parts: pulse, queue, blame, damping, reports."""

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import courts

from turnfleet.model import fleet
from turnfleet.model import region as declared
from turnfleet.probe import blame, cadence, damping, findings, heartbeat, pacing, record

RHYTHM = cadence.Cadence()
A, B, C = (fleet.RelayKey("r", name) for name in "abc")


def beating() -> heartbeat.Heartbeat:
    return heartbeat.Heartbeat(RHYTHM, first_try=0.0)


def run(pulse: heartbeat.Heartbeat, *, until: float, answers: bool, start: float = 0.0) -> None:
    """Let a relay answer at once, or never, while tries are sent whenever they are due."""
    now = max(start, pulse.due)
    while now <= until:
        if pulse.advance(now) and answers:
            pulse.answered(now + 0.01)
        now = pulse.due


def test_a_relay_that_answers_is_tried_once_a_second() -> None:
    pulse = beating()
    sent = []
    for step in range(500):
        if pulse.advance(step / 100):
            sent.append(step / 100)
            pulse.answered(step / 100 + 0.01)
    assert sent == [0, 1, 2, 3, 4]
    assert pulse.pulse is heartbeat.Pulse.UP


@given(st.floats(0, 1))
def test_a_relay_that_dies_at_any_phase_is_down_within_two_and_a_half_seconds(
    phase: float,
) -> None:
    pulse = beating()
    run(pulse, until=5.0, answers=True)
    died = 5.0 + phase
    run(pulse, until=died, answers=True)
    run(pulse, until=died + 2.5, answers=False)
    assert pulse.pulse is heartbeat.Pulse.DOWN


def test_two_lost_tries_are_no_death() -> None:
    pulse = beating()
    run(pulse, until=3.0, answers=True)
    assert pulse.advance(4.0)
    assert pulse.advance(4.5)
    assert pulse.advance(5.0)
    pulse.answered(5.4)
    assert pulse.pulse is heartbeat.Pulse.UP
    assert pulse.silence(5.4) == 0


def test_a_dead_relay_is_still_tried_every_second_and_its_streak_starts_over() -> None:
    pulse = beating()
    run(pulse, until=3.0, answers=True)
    run(pulse, until=20.0, answers=False)
    assert pulse.streak == 0
    assert 20.0 < pulse.due <= 21.0
    run(pulse, until=pulse.due, answers=True)
    assert (pulse.pulse, pulse.streak) == (heartbeat.Pulse.UP, 1)


def test_a_queue_gives_each_relay_once_and_in_time() -> None:
    queue = pacing.Pacer()
    queue.schedule(A, 2.0)
    queue.schedule(B, 1.0)
    queue.schedule(A, 3.0)
    assert queue.take(0.9) is None
    assert queue.take(2.5) == B
    assert queue.take(2.5) is None
    queue.hasten(A, 2.6)
    queue.hasten(A, 9.0)
    queue.hasten(C, 0.0)
    assert queue.take(2.6) == A
    queue.schedule(C, 0.0)
    queue.drop(C)
    assert queue.take(9.9) is None


@given(st.lists(st.floats(0, 10), min_size=1, max_size=200), st.sampled_from([1.0, 10.0, 100.0]))
def test_a_queue_never_bursts(dues: list[float], per_second: float) -> None:
    queue = pacing.Pacer(per_second=per_second)
    for index, due in enumerate(dues):
        queue.schedule(fleet.RelayKey("r", str(index)), due)
    taken = []
    for tick in range(250):
        now = tick * 0.05
        while queue.take(now):
            taken.append(now)
    for second in range(12):
        within = [now for now in taken if second <= now < second + 1]
        assert len(within) <= per_second * 1.05 + 1


def exchanged(partner: fleet.RelayKey, outcome: str, *, proven: bool = True) -> blame.Exchange:
    return blame.Exchange(partner=partner, proven=proven, outcome=blame.Outcome(outcome))


@pytest.mark.parametrize(
    ("exchanges", "blamed"),
    [
        ([exchanged(B, "passed")], "clear"),
        ([exchanged(B, "lost"), exchanged(C, "passed")], "clear"),
        ([exchanged(B, "lost"), exchanged(A, "passed")], "unsure"),
        ([exchanged(B, "lost"), exchanged(C, "lost"), exchanged(A, "lost")], "closed"),
        ([exchanged(B, "lost"), exchanged(C, "lost"), exchanged(A, "passed")], "closed"),
        ([exchanged(B, "lost"), exchanged(C, "lost", proven=False)], "unsure"),
        ([exchanged(A, "lost")], "closed"),
        ([exchanged(A, "passed")], "clear"),
        ([exchanged(B, "no partner"), exchanged(A, "no partner")], "clear"),
        ([], "clear"),
    ],
)
def test_closed_ports_are_blamed_on_the_relay_that_fails_with_everybody(
    exchanges: list[blame.Exchange], blamed: str
) -> None:
    assert blame.judge(A, exchanges) is blame.Blame(blamed)


def test_partners_are_proven_ones_first_and_oneself_last() -> None:
    assert blame.partners(A, [A, B, C], frozenset({C})) == (C, B, A)
    assert blame.partners(A, [], frozenset()) == (A,)


def test_a_relay_that_flaps_waits_longer_each_time_up_to_a_minute() -> None:
    damper = damping.Damper(RHYTHM)
    now, waits = 0.0, []
    for _ in range(8):
        damper.lose(now)
        back = now + 1
        now = back
        while not damper.recovered(now, steady=True):
            now += 0.5
        waits.append(now - back)
    assert waits == [2, 4, 8, 16, 32, 60, 60, 60]


def test_a_relay_that_stayed_up_for_long_starts_over() -> None:
    damper = damping.Damper(RHYTHM)
    for lost_at in (0.0, 10.0, 20.0):
        damper.lose(lost_at)
        damper.recovered(lost_at + 1, steady=True)
        assert damper.recovered(lost_at + 9.9, steady=True)
    assert damper.hold == 8
    damper.recovered(25.0, steady=True)
    damper.lose(400.0)
    assert damper.hold == 2


def test_a_relay_that_ails_while_it_waits_waits_anew() -> None:
    damper = damping.Damper(RHYTHM)
    damper.lose(0.0)
    assert not damper.recovered(1.0, steady=True)
    damper.ail()
    assert not damper.recovered(2.5, steady=True)
    assert not damper.recovered(4.4, steady=True)
    assert not damper.recovered(4.5, steady=False)
    assert damper.recovered(4.5, steady=True)


@pytest.mark.parametrize(
    ("state", "ready", "word", "reason"),
    [
        ("Ready", True, "", None),
        ("Ready", False, "BadCredential", fleet.Reason.BAD_CREDENTIAL),
        ("Ready", False, "SomethingNew", fleet.Reason.STARTING),
        ("Starting", False, "", fleet.Reason.STARTING),
        ("Draining", True, "", fleet.Reason.DRAINING),
        ("Closed", True, "", fleet.Reason.CLOSED),
        ("Exploded", True, None, fleet.Reason.STARTING),
    ],
)
def test_what_an_agent_says_becomes_a_reason(
    state: str,
    ready: bool,  # noqa: FBT001 - a table
    word: object,
    reason: fleet.Reason | None,
) -> None:
    document = {"instance": "1", "state": state, "ready": ready, "reason": word, "load": 0.5}
    assert findings.read_report(document) == findings.Report(
        instance="1", reason=reason, usage=fleet.Usage(load=0.5)
    )


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(
    json_values
    | st.fixed_dictionaries(
        {"instance": st.text(), "state": st.text(), "ready": st.booleans()},
        optional={
            **dict.fromkeys(
                ("load", "allocations", "begun"), json_values | st.just(10**400) | st.just(-1)
            ),
            "reason": json_values,
        },
    )
)
def test_a_status_of_any_shape_is_a_report_or_nothing(document: object) -> None:
    report = findings.read_report(document)
    assert report is None or (math.isfinite(report.usage.load) and 0 <= report.usage.load <= 1000)
    assert report is None or report.usage.allocations >= 0
    assert report is None or report.usage.begun is None or report.usage.begun >= 0
    json.dumps(document)


@pytest.mark.parametrize(
    ("certificate", "told"),
    [
        ({"fingerprint": "ab12", "notAfter": 1.0}, "ab12"),
        ({"fingerprint": "f" * 1000}, "f" * 64),
        ({"fingerprint": 7}, ""),
        ([], ""),
        (None, ""),
    ],
)
def test_a_report_tells_which_certificate_is_served(certificate: object, told: str) -> None:
    document = {"instance": "1", "state": "Ready", "ready": True, "certificate": certificate}
    report = findings.read_report(document)
    assert report is not None
    assert report.certificate == told


def test_another_certificate_of_the_same_relay_is_news() -> None:
    known = record.Record(courts.target("eu1"), courts.RHYTHM, now=0.0, first_try=0.0)
    renewed = replace(courts.WELL, certificate="ab12")
    assert not known.is_renewed(renewed), "nothing is known of the one before"
    known.heard(courts.WELL, 0.0, fresh=1.0)
    assert not known.is_renewed(courts.WELL)
    assert known.is_renewed(renewed)
    assert not known.is_renewed(replace(renewed, instance="2")), "another relay's word"


def test_the_most_telling_reason_stands_for_the_relay() -> None:
    udp, tcp, tls = declared.Transport
    trial = findings.Trial(
        working=frozenset(),
        failing=(
            (udp, fleet.Reason.UNREACHABLE),
            (tcp, fleet.Reason.BAD_CREDENTIAL),
            (tls, fleet.Reason.CERTIFICATE_MISMATCH),
        ),
    )
    assert trial.reason is fleet.Reason.BAD_CREDENTIAL
    assert findings.Trial(working=frozenset({udp})).reason is None
    assert findings.Trial(working=frozenset()).reason is fleet.Reason.UNPROVEN
