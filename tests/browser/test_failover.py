"""Relays and a whole region die for real; the next answers and the page go on without them."""

import asyncio
import os
import signal
import time
from typing import Any

import pytest
from playwright import async_api
from tests.support import machine, visiting

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATIENCE = 60.0
"""Seconds to wait until no answer names a dead relay. How soon that is (3 s are promised) is held
to by soak and end-to-end suite; here five tests at a time share the machine with a browser."""


async def test_the_backup_takes_over_from_a_dead_primary_and_the_fallback_from_a_dead_region(
    distrustful: async_api.Browser, doomed: machine.Machine
) -> None:
    async with visiting.visit(distrustful, f"{doomed.url}#place=Berlin") as page:
        first = await page.result()
        primary, backup = _relay(first, "primary"), _relay(first, "backup")
        assert first["path"]["near"]["relay"] == primary

        frozen = [await _dies(doomed, primary)]
        await _forgotten(doomed, primary)
        second = await page.run()
        assert second["problem"] is None
        assert second["path"]["near"]["relay"] == backup
        assert second["data"]["received"] == 50
        excluded = page.tab.locator(f"[data-excluded={primary}]")
        assert (
            await excluded.inner_text() == f"{primary} Unreachable Nothing answers on its address."
        )

        frozen.append(await _dies(doomed, backup))
        await _forgotten(doomed, backup)
        third = await page.run()
    assert third["problem"] is None
    assert third["path"]["near"]["region"] == _region(first, "fallback") != "eu-central"
    assert third["data"]["received"] == 50
    for agent in frozen:
        os.kill(agent, signal.SIGCONT)


async def test_an_answer_outlives_the_death_of_one_of_its_relays(
    distrustful: async_api.Browser, fleet: machine.Machine
) -> None:
    """A client that asked a moment before must not need another answer."""
    async with visiting.visit(distrustful, f"{fleet.url}#place=Tokyo") as page:
        before = await page.result()
        dead, alive = _relay(before, "primary"), _relay(before, "backup")
        coturn = (await fleet.relays())[dead].coturn
        assert coturn is not None
        os.kill(coturn, signal.SIGSTOP)
        try:
            after = await page.run()
        finally:
            os.kill(coturn, signal.SIGCONT)
    assert {choice["relay"] for choice in after["choices"]} >= {dead, alive}
    states = {url["state"] for url in after["urls"] if url["relay"] == dead}
    assert states <= {"silent", "error"}
    assert after["path"]["near"]["relay"] == alive
    assert after["data"]["received"] == 50
    await fleet.all_ready()


async def _dies(fleet: machine.Machine, name: str) -> int:
    """Kill a relay's coturn, with its agent frozen so that nothing starts it again; return that."""
    relay = (await fleet.relays())[name]
    assert relay.agent is not None
    assert relay.coturn is not None
    os.kill(relay.agent, signal.SIGSTOP)
    os.kill(relay.coturn, signal.SIGKILL)
    return relay.agent


async def _forgotten(fleet: machine.Machine, name: str) -> None:
    """Wait until an answer does not name a relay."""
    address = (await fleet.relays())[name].address
    start = time.monotonic()
    while address in str(await fleet.ask(region="eu-central")):
        assert time.monotonic() - start < PATIENCE, f"{name} is still in the answers"
        await asyncio.sleep(0.05)


def _relay(run: dict[str, Any], role: str) -> str:
    return str(_choice(run, role)["relay"])


def _region(run: dict[str, Any], role: str) -> str:
    return str(_choice(run, role)["region"])


def _choice(run: dict[str, Any], role: str) -> dict[str, Any]:
    return next(choice for choice in run["choices"] if choice["role"] == role)
