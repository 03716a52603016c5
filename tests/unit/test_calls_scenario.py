"""How the steps of the soak with calls follow each other, whatever becomes of one."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest
from tests.calls import ledger, scenario
from tests.e2e.cluster import commands


@pytest.fixture
def told() -> ledger.Ledger:
    return ledger.Ledger(began=time.monotonic())


def _quiet(_: str) -> None: ...


async def _well() -> None: ...


async def _for_ever() -> None:
    await asyncio.sleep(3600)


async def _badly() -> None:
    raise commands.Failed("kubectl", 1, "no such node")


def _step(name: str, run: Callable[[], Awaitable[None]]) -> scenario.Step:
    return scenario.Step(name=name, run=run, within=0.05)


async def test_a_step_that_fails_is_told_and_the_next_is_done(told: ledger.Ledger) -> None:
    steps = [_step("one", _badly), _step("two", _for_ever), _step("three", _well)]
    await scenario.play(steps, told, say=_quiet, settle=0)
    failures = {p.name: p.failure for p in told.phases if p.name != ledger.BETWEEN}
    assert failures == {
        "one": "kubectl failed with code 1: no such node",
        "two": "not done within 0.05 s",
        "three": None,
    }


async def test_a_bug_of_the_soak_ends_it(told: ledger.Ledger) -> None:
    async def buggy() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await scenario.play([_step("one", buggy)], told, say=_quiet, settle=0)


async def test_the_first_failure_of_things_done_together_ends_the_others() -> None:
    ended = asyncio.Event()

    async def waits() -> None:
        try:
            await _for_ever()
        finally:
            ended.set()

    with pytest.raises(commands.Failed):
        await scenario.together(waits(), scenario.together(waits(), _badly()))
    assert ended.is_set()


async def test_waiting_ends_when_what_is_waited_for_holds() -> None:
    answers = iter((False, False, True))

    async def holds() -> bool:
        return next(answers)

    assert await scenario.until(holds, every=0.001) > 0
