"""What a browser waits before it asks relays is nobody's round trip."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnfleet.learn import report, starting

TIMES = (
    report.Time(url="near", ms=100),
    report.Time(url="far", ms=260, cold=True),
    report.Time(url="impossible", ms=40),
)


def told(engine: report.Engine, start: float | None = None) -> dict[str, float]:
    written = report.Report(rid="x", engine=engine, times=TIMES, start=start)
    return {time.url: time.ms for time in starting.asked_at_once(written)}


@pytest.mark.parametrize("engine", [report.Engine.CHROMIUM, report.Engine.WEBKIT])
def test_engines_that_wait_are_known(engine: report.Engine) -> None:
    assert told(engine) == {"near": 50, "far": 210}


@pytest.mark.parametrize("engine", [report.Engine.FIREFOX, report.Engine.OTHER])
def test_others_ask_at_once(engine: report.Engine) -> None:
    assert told(engine) == {"near": 100, "far": 260, "impossible": 40}


def test_a_report_may_say_that_it_was_longer_but_not_that_it_was_shorter() -> None:
    assert told(report.Engine.CHROMIUM, start=80) == {"near": 20, "far": 180}
    assert told(report.Engine.CHROMIUM, start=0) == {"near": 50, "far": 210}
    assert told(report.Engine.FIREFOX, start=40) == {"near": 60, "far": 220}


def test_a_name_stays_cold() -> None:
    written = report.Report(rid="x", times=TIMES)
    assert [time.cold for time in starting.asked_at_once(written)] == [None, True, None]


@given(start=st.none() | st.floats(0, report.MS_MAX), engine=st.sampled_from(report.Engine))
def test_no_time_is_ever_nothing_or_less(start: float | None, engine: report.Engine) -> None:
    assert all(ms > 0 for ms in told(engine, start).values())
