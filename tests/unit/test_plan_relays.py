"""What happens to relays next: rules by example, invariants by property."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from turnfleet.model import fleet
from turnfleet.plan import relays
from turnrelay import contract

NOW = 1_000_000.0
LONG_AGO = NOW - 3600


def key(text: str) -> fleet.RelayKey:
    region, _, relay = text.partition("/")
    return fleet.RelayKey(region, relay)


def desired(name: str, *, revision: str = "1", text: str = "t", budget: int = 1) -> relays.Desired:
    return relays.Desired(key=key(name), revision=revision, text=text, max_unavailable=budget)


def running(
    name: str,
    *,
    revision: str = "1",
    text: str = "t",
    state: contract.State = contract.State.READY,
    since: float = LONG_AGO,
) -> relays.Running:
    return relays.Running(key=key(name), revision=revision, text=text, state=state, since=since)


def names(keys: Iterable[fleet.RelayKey]) -> list[str]:
    return [str(each) for each in keys]


def test_a_new_region_starts_and_nothing_else_happens() -> None:
    changes = relays.changes(
        desired=[desired("a/1"), desired("b/1")], running=[running("a/1")], now=NOW
    )
    assert names(changes.start) == ["b/1"]
    assert not changes.update
    assert not changes.drain


def test_a_deleted_region_drains() -> None:
    changes = relays.changes(desired=[desired("a/1")], running=[*both("a"), *both("b")], now=NOW)
    assert names(changes.drain) == ["a/2", "b/1", "b/2"]


def test_a_live_edit_is_told_and_replaces_nothing() -> None:
    changes = relays.changes(
        desired=[desired("a/1", text="new")], running=[running("a/1", text="old")], now=NOW
    )
    assert names(changes.update) == ["a/1"]
    assert not changes.drain


def test_a_rollout_takes_one_relay_of_a_region_at_a_time() -> None:
    wanted = [desired("a/1", revision="2"), desired("a/2", revision="2")]
    first = relays.changes(desired=wanted, running=both("a"), now=NOW)
    assert names(first.drain) == ["a/1"]
    draining = [running("a/1", state=contract.State.DRAINING), running("a/2")]
    assert not relays.changes(desired=wanted, running=draining, now=NOW)
    starting = [
        running("a/1", revision="2", state=contract.State.STARTING, since=NOW),
        running("a/2"),
    ]
    assert not relays.changes(desired=wanted, running=starting, now=NOW)
    back = [running("a/1", revision="2"), running("a/2")]
    assert names(relays.changes(desired=wanted, running=back, now=NOW).drain) == ["a/2"]


def test_a_rollout_stops_at_a_relay_that_never_becomes_ready() -> None:
    wanted = [desired("a/1", revision="2"), desired("a/2", revision="2")]
    stuck = [
        running("a/1", revision="2", state=contract.State.STARTING, since=LONG_AGO),
        running("a/2"),
    ]
    assert not relays.changes(desired=wanted, running=stuck, now=NOW)


def test_the_edit_that_corrects_a_bad_one_replaces_the_stuck_relay_at_once() -> None:
    wanted = [desired("a/1", revision="3"), desired("a/2", revision="3")]
    stuck = [
        running("a/1", revision="2", state=contract.State.STARTING, since=NOW),
        running("a/2", revision="1"),
    ]
    assert names(relays.changes(desired=wanted, running=stuck, now=NOW).drain) == ["a/1"]


def test_one_region_rolls_at_a_time() -> None:
    wanted = [desired(name, revision="2") for name in ("a/1", "a/2", "b/1", "b/2")]
    changes = relays.changes(desired=wanted, running=[*both("a"), *both("b")], now=NOW)
    assert names(changes.drain) == ["a/1"]


def test_a_region_that_cannot_come_up_holds_the_others_up_only_for_a_while() -> None:
    wanted = [desired("a/1"), desired("b/1", revision="2")]
    waiting = running("a/1", state=contract.State.STARTING, since=NOW)
    assert not relays.changes(desired=wanted, running=[waiting, running("b/1")], now=NOW)
    later = NOW + relays.SETTLING + 1
    changes = relays.changes(desired=wanted, running=[waiting, running("b/1")], now=later)
    assert names(changes.drain) == ["b/1"]


def test_a_larger_budget_takes_more_relays_at_once() -> None:
    wanted = [desired(f"a/{n}", revision="2", budget=2) for n in range(1, 5)]
    present = [running(f"a/{n}") for n in range(1, 5)]
    assert names(relays.changes(desired=wanted, running=present, now=NOW).drain) == ["a/1", "a/2"]


def test_a_draining_relay_that_is_wanted_again_is_left_to_end() -> None:
    present = [running("a/1", state=contract.State.DRAINING)]
    assert not relays.changes(desired=[desired("a/1")], running=present, now=NOW)


def both(region: str) -> list[relays.Running]:
    return [running(f"{region}/1"), running(f"{region}/2")]


# --- properties -------------------------------------------------------------------------------

KEYS = st.builds(
    fleet.RelayKey, region=st.sampled_from(["a", "b", "c"]), relay=st.sampled_from(["1", "2", "3"])
)
WORDS = st.sampled_from(["x", "y"])
DESIRED = st.lists(
    st.builds(
        relays.Desired, key=KEYS, revision=WORDS, text=WORDS, max_unavailable=st.integers(1, 2)
    ),
    unique_by=lambda relay: relay.key,
)
RUNNING = st.lists(
    st.builds(
        relays.Running,
        key=KEYS,
        revision=WORDS,
        text=WORDS,
        state=st.sampled_from(contract.State),
        since=st.sampled_from([LONG_AGO, NOW]),
    ),
    unique_by=lambda relay: relay.key,
)


def execute(
    wanted: Mapping[fleet.RelayKey, relays.Desired],
    present: Mapping[fleet.RelayKey, relays.Running],
    changes: relays.Changes,
) -> dict[fleet.RelayKey, relays.Running]:
    """Return what runs after the changes and a while: the drained are gone, all others ready."""
    after = dict(present)
    for each in changes.start:
        after[each] = relays.Running(
            key=each,
            revision=wanted[each].revision,
            text=wanted[each].text,
            state=contract.State.STARTING,
            since=NOW,
        )
    for each in changes.update:
        after[each] = replace(after[each], text=wanted[each].text)
    for each in changes.drain:
        after[each] = replace(after[each], state=contract.State.DRAINING)
    return {
        each: replace(relay, state=contract.State.READY)
        for each, relay in after.items()
        if not relay.draining
    }


@given(wanted=DESIRED, present=RUNNING)
def test_planning_until_nothing_is_left_makes_what_runs_what_is_declared(
    wanted: list[relays.Desired], present: list[relays.Running]
) -> None:
    by_key = {relay.key: relay for relay in wanted}
    now_running = {relay.key: relay for relay in present}
    for _ in range(40):
        changes = relays.changes(desired=wanted, running=now_running.values(), now=NOW)
        settled = all(relay.state is contract.State.READY for relay in now_running.values())
        if not changes and settled:
            break
        now_running = execute(by_key, now_running, changes)
    assert {k: (r.revision, r.text) for k, r in now_running.items()} == {
        k: (r.revision, r.text) for k, r in by_key.items()
    }


@given(wanted=DESIRED, present=RUNNING, data=st.data())
def test_order_does_not_matter(
    wanted: list[relays.Desired], present: list[relays.Running], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(wanted)), data.draw(st.permutations(present))
    assert relays.changes(desired=wanted, running=present, now=NOW) == relays.changes(
        desired=shuffled[0], running=shuffled[1], now=NOW
    )


@given(wanted=DESIRED, present=RUNNING, held=st.frozensets(st.sampled_from(["a", "b", "c"])))
def test_nothing_of_a_held_region_starts_or_ends(
    wanted: list[relays.Desired], present: list[relays.Running], held: frozenset[str]
) -> None:
    changes = relays.changes(desired=wanted, running=present, now=NOW, held=held)
    touched = {each.region for each in (*changes.start, *changes.drain)}
    assert touched.isdisjoint(held)


def test_a_held_region_hears_of_what_changed_around_it() -> None:
    changes = relays.changes(
        desired=[desired("a/1", text="new"), desired("a/2", text="new", revision="2")],
        running=[running("a/1", text="old"), running("a/2", text="old")],
        now=NOW,
        held=["a"],
    )
    assert names(changes.update) == ["a/1"]
    assert not changes.drain


def test_a_clock_that_was_set_back_holds_up_no_rollout() -> None:
    wanted = [desired("a/1"), desired("b/1", revision="2")]
    later = running("a/1", state=contract.State.STARTING, since=NOW + 3600)
    changes = relays.changes(desired=wanted, running=[later, running("b/1")], now=NOW)
    assert names(changes.drain) == ["b/1"]


@given(wanted=DESIRED, present=RUNNING)
def test_a_rollout_never_takes_more_service_than_its_budget(
    wanted: list[relays.Desired], present: list[relays.Running]
) -> None:
    declared = {relay.key: relay for relay in wanted}
    seen = {relay.key: relay for relay in present}
    drained = relays.changes(desired=wanted, running=present, now=NOW).drain
    serving = [each for each in drained if each in declared and seen[each].serving]
    assert len({each.region for each in serving}) <= 1
    for region, group in groupby(serving, key=lambda each: each.region):
        members = [relay for each, relay in declared.items() if each.region == region]
        away = sum(1 for m in members if m.key not in seen or not seen[m.key].serving)
        assert len(list(group)) + away <= min(member.max_unavailable for member in members)


@given(wanted=DESIRED, present=RUNNING)
def test_only_what_is_outdated_or_undeclared_is_drained(
    wanted: list[relays.Desired], present: list[relays.Running]
) -> None:
    declared = {relay.key: relay for relay in wanted}
    for relay in present:
        if relay.key in relays.changes(desired=wanted, running=present, now=NOW).drain:
            assert relay.key not in declared or declared[relay.key].revision != relay.revision
            assert not relay.draining
