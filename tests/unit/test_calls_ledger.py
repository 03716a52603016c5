"""What the soak with calls concludes: it must be able to fail, and must not blame the innocent."""

import pytest
from tests.calls import ledger, pods, scenario, sightings, streams, verdict

_WELL = [200] * 10


@pytest.fixture
def told() -> ledger.Ledger:
    """Give the ledger of a run with a baseline from 0 to 10 and a rollout from 20 to 30."""
    told = ledger.Ledger(began=-5.0)
    told.begin(scenario.BASELINE, at=0.0)
    told.end(at=10.0, took=10.0)
    told.begin("rollout", at=20.0)
    told.end(at=30.0, took=8.0)
    return told


def _complaints(told: ledger.Ledger) -> tuple[str, ...]:
    return verdict.complaints(told, wanted=200, live=_WELL)


def test_a_run_without_a_mishap_holds_every_promise(told: ledger.Ledger) -> None:
    told.connected(ledger.Kind.NEW, at=25.0)
    told.carried([(1.0, 0.01), (25.0, 0.02)])
    assert _complaints(told) == ()
    assert "Every promise held." in verdict.written(told, wanted=200, live=_WELL)


@pytest.mark.parametrize("what", ledger.Mishap)
def test_one_mishap_is_a_failure_that_is_told_with_its_phase(
    told: ledger.Ledger, what: ledger.Mishap
) -> None:
    told.mishap(what, at=25.0, why="because")
    assert _complaints(told) == (f"1 x {what}",)
    assert f'{what} in "rollout", 1 x, first after 30 s: because' in verdict.written(
        told, wanted=200, live=_WELL
    )


def test_a_packet_counts_for_the_phase_that_it_was_sent_in(told: ledger.Ledger) -> None:
    told.carried([(-1.0, 0.1), (9.99, 0.1), (10.0, 0.1), (25.0, None), (31.0, 0.1)])
    assert {name: (t.sent, t.lost) for name, t in told.tallies().items()} == {
        ledger.BETWEEN: (3, 0),
        scenario.BASELINE: (1, 0),
        "rollout": (1, 1),
    }


def test_a_packet_lost_during_an_operation_is_a_failure(told: ledger.Ledger) -> None:
    told.carried([(25.0, None)])
    assert _complaints(told) == ("1 packets lost outside the baseline",)


def test_a_baseline_that_loses_packets_shows_nothing(told: ledger.Ledger) -> None:
    told.carried([(5.0, None)])
    assert _complaints(told) == ("1 packets lost in the baseline: this machine is too busy to say",)


def test_a_url_that_refuses_is_no_failure_unless_it_is_for_the_credential(
    told: ledger.Ledger,
) -> None:
    told.connected(ledger.Kind.RESTART, at=25.0, refusals=("403, held answer",))
    assert _complaints(told) == ()
    told.connected(ledger.Kind.RESTART, at=25.0, refusals=("401, held answer",))
    assert _complaints(told) == ("1 x 401, held answer",)


def test_an_operation_that_does_not_end_is_a_failure(told: ledger.Ledger) -> None:
    told.begin("scale", at=40.0)
    told.end(at=50.0, took=10.0, failure="no relay came")
    assert _complaints(told) == ("scale failed: no relay came",)


@pytest.mark.parametrize(("seconds", "held"), [(0.9, True), (1.1, False)])
def test_a_relay_has_to_leave_the_answers_within_a_second(
    told: ledger.Ledger, seconds: float, *, held: bool
) -> None:
    told.measured(verdict.ABSENT, of="a", seconds=seconds, at=25.0)
    assert (_complaints(told) == ()) is held


def test_too_few_live_allocations_show_nothing(told: ledger.Ledger) -> None:
    (sentence,) = verdict.complaints(told, wanted=200, live=[150, 160])
    assert "200 were wanted" in sentence


def test_operations_of_one_name_are_one_row(told: ledger.Ledger) -> None:
    told.begin("rollout", at=40.0)
    told.end(at=50.0, took=9.0)
    assert told.tallies()["rollout"].seconds == 20.0


def test_a_relay_is_empty_since_its_last_allocation_ended(told: ledger.Ledger) -> None:
    told.opened("a")
    told.opened("a")
    told.closed("a", at=5.0)
    assert told.emptied == {}
    told.closed("a", at=6.0)
    assert told.emptied == {"a": 6.0}
    told.opened("a")
    assert told.emptied == {}


def test_delays_are_told_by_the_share_of_packets_that_were_quicker(told: ledger.Ledger) -> None:
    told.carried([(5.0, n / 1000) for n in range(1, 101)])
    tally = told.tallies()[scenario.BASELINE]
    assert (tally.delay(0.5), tally.delay(0.99)) == (50.0, 99.0)


def test_a_packet_that_comes_twice_or_from_elsewhere_changes_nothing() -> None:
    stream, other = streams.Stream(1), streams.Stream(2)
    first, foreign = stream.next_packet(1.0), other.next_packet(1.0)
    stream.next_packet(1.1)
    stream.took(first, 1.25)
    stream.took(first, 1.5)
    stream.took(foreign, 1.5)
    stream.took(b"", 1.5)
    assert list(stream.packets()) == [(1.0, 0.25), (1.1, None)]
    assert stream.strays == 2


def test_a_replica_names_a_relay_until_its_last_answer_before_the_end() -> None:
    seen = sightings.Sightings()
    for replica in ("x", "y"):
        seen.answered(replica, ["a", "b"], asked=9.9)
    seen.answered("x", ["a", "b"], asked=10.1)
    seen.answered("x", ["a", "b"], asked=10.4)
    seen.answered("y", ["b"], asked=10.2)
    seen.answered("x", ["a"], asked=60.0)  # it is back
    named = seen.named_for("a", since=10.0, until=50.0)
    assert named == {"x": pytest.approx(0.4), "y": 0.0}


def test_a_replica_that_was_not_asked_or_never_named_it_says_nothing() -> None:
    seen = sightings.Sightings()
    seen.answered("x", ["a"], asked=9.9)
    seen.answered("y", ["b"], asked=9.9)
    seen.answered("y", ["b"], asked=10.1)
    assert seen.named_for("a", since=10.0, until=50.0) == {}


def _relay_pod(*, closed: bool = False, deleted: bool = False) -> dict[str, object]:
    return {
        "metadata": {
            "uid": "1",
            "name": "eu-x",
            "labels": {"turnfleet.io/component": "relay"},
            "annotations": {"turnfleet.io/closed": "why"} if closed else {},
            **({"deletionTimestamp": "now"} if deleted else {}),
        },
        "status": {"hostIP": "10.0.0.1"},
    }


def test_a_relay_is_closed_then_deleted_then_gone() -> None:
    over: list[tuple[pods.Story, float]] = []
    census = pods.Census(lambda story, at: over.append((story, at)))
    census.took("ADDED", _relay_pod(), at=1.0)
    census.took("MODIFIED", _relay_pod(closed=True), at=2.0)
    census.took("MODIFIED", _relay_pod(closed=True, deleted=True), at=3.0)
    census.took("DELETED", _relay_pod(closed=True, deleted=True), at=4.0)
    ((story, at),) = over
    assert (story.address, story.decided, story.deleted, at) == ("10.0.0.1", 2.0, 3.0, 4.0)


def test_a_relay_that_is_opened_again_was_closed_for_a_while() -> None:
    over: list[float | None] = []
    census = pods.Census(lambda story, at: over.append(story.decided))  # noqa: ARG005 - the shape
    census.took("MODIFIED", _relay_pod(closed=True), at=2.0)
    census.took("MODIFIED", _relay_pod(), at=3.0)
    assert over == [2.0]


def test_an_endpoint_counts_while_it_is_ready() -> None:
    census = pods.Census(lambda _story, _at: None)
    labels = {"app.kubernetes.io/name": "turnfleet", "app.kubernetes.io/component": "api"}
    pod = {
        "metadata": {"uid": "2", "name": "api-1", "labels": labels},
        "status": {"podIP": "10.1.0.1", "conditions": [{"type": "Ready", "status": "True"}]},
    }
    census.took("ADDED", pod, at=1.0)
    assert census.replicas() == {"api-1": "10.1.0.1"}
    census.took("DELETED", pod, at=2.0)
    assert census.replicas() == {}
