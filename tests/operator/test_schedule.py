import itertools

import hypothesis
from hypothesis import strategies as st

from turnfleet.handlers import schedule


def _schedule() -> schedule.Schedule[str]:
    return schedule.Schedule(chance=lambda: 1.0)


def test_marks_of_one_key_become_one() -> None:
    due = _schedule()
    for _ in range(5):
        due.mark("eu", at=1.0)
    assert due.take(1.0) == "eu"
    due.done("eu", now=1.0)
    assert due.take(9.0) is None


def test_nobody_is_taken_before_it_is_due() -> None:
    due = _schedule()
    due.mark("eu", at=5.0)
    assert due.take(4.9) is None
    assert due.next_due() == 5.0
    assert due.take(5.0) == "eu"


def test_the_earlier_of_two_marks_counts() -> None:
    due = _schedule()
    due.mark("eu", at=5.0)
    due.mark("eu", at=2.0)
    due.mark("eu", at=3.0)
    assert due.take(2.0) == "eu"


def test_a_mark_while_its_key_is_worked_on_is_not_lost() -> None:
    due = _schedule()
    due.mark("eu", at=0.0)
    assert due.take(0.0) == "eu"
    due.mark("eu", at=1.0)
    assert due.take(1.0) is None, "one at a time"
    due.done("eu", now=2.0)
    assert due.take(2.0) == "eu"


def test_a_failure_is_tried_again_later_each_time() -> None:
    due = _schedule()
    due.mark("eu", at=0.0)
    now, waits = 0.0, []
    for _ in range(10):
        assert due.take(now) == "eu"
        waits.append(due.failed("eu", now=now))
        now += waits[-1]
    assert waits[:4] == [0.5, 1.0, 2.0, 4.0]
    assert waits[-1] == schedule.BACK_OFF_MAX


def test_retries_of_many_are_spread() -> None:
    chances = itertools.cycle((0.0, 0.5, 1.0))
    due: schedule.Schedule[str] = schedule.Schedule(chance=lambda: next(chances))
    waits = set()
    for name in ("eu", "us", "ap"):
        due.mark(name, at=0.0)
        assert due.take(0.0) == name
        waits.add(due.failed(name, now=0.0))
    assert len(waits) == 3


def test_a_mark_does_not_cut_a_back_off_short_but_a_new_spec_does() -> None:
    due = _schedule()
    due.mark("eu", at=0.0)
    due.take(0.0)
    wait = due.failed("eu", now=0.0)
    due.mark("eu", at=0.0)
    assert due.take(wait - 0.01) is None
    due.mark("eu", at=0.0, afresh=True)
    assert due.take(0.0) == "eu"


def test_the_server_is_not_asked_again_before_it_said() -> None:
    due = _schedule()
    due.mark("eu", at=0.0)
    due.take(0.0)
    assert due.failed("eu", now=0.0, wait=30.0) == 30.0


def test_progress_keeps_retries_close() -> None:
    due = _schedule()
    due.mark("eu", at=0.0)
    now = 0.0
    for _ in range(10):
        assert due.take(now) == "eu"
        now += due.failed("eu", now=now, progressed=True)
    due.take(now)
    assert due.failed("eu", now=now, progressed=True) <= 2.0


def test_a_key_that_is_forgotten_is_not_worked_on() -> None:
    due = _schedule()
    due.mark("eu", at=0.0)
    due.forget("eu")
    assert due.take(1.0) is None
    assert len(due) == 0


def test_a_key_that_wants_to_be_looked_at_again_is() -> None:
    due = _schedule()
    due.mark("eu", at=0.0)
    due.take(0.0)
    due.done("eu", now=1.0, again=61.0)
    assert due.take(60.0) is None
    assert due.take(61.0) == "eu"


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(("mark", "afresh", "take", "done", "failed", "again", "forget")),
        st.sampled_from("abc"),
        st.floats(0, 3),
    ),
    max_size=60,
)


@hypothesis.given(_STEPS)
def test_whatever_happens_every_mark_is_followed_by_an_attempt(
    steps: list[tuple[str, str, float]],
) -> None:
    due = _schedule()
    now, owed, running = 0.0, set(), set()
    for what, key, passed in steps:
        now += passed
        match what:
            case "mark" | "afresh":
                due.mark(key, at=now, afresh=what == "afresh")
                owed.add(key)
            case "forget":
                due.forget(key)
                owed.discard(key)
            case "take":
                taken = due.take(now)
                if taken is not None:
                    assert taken not in running
                    running.add(taken)
                    owed.discard(taken)
            case _ if key in running:
                running.discard(key)
                if what == "failed":
                    due.failed(key, now=now)
                    owed.add(key)
                else:
                    due.done(key, now=now, again=now + 1 if what == "again" else None)
            case _:
                pass
    for key in running:
        due.done(key, now=now)
    late = now + 10 * schedule.BACK_OFF_MAX
    taken_at_last = set()
    while (key_taken := due.take(late)) is not None:
        taken_at_last.add(key_taken)
    assert owed <= taken_at_last
