"""What the operator asks of relay agents, with real HTTP, and what it makes of their answers."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from turnfleet.handlers import asking, reports
from turnfleet.kube import reading
from turnfleet.plan.cluster import observed
from turnrelay import contract

KEY = "0123456789abcdef"
EU = reading.RegionKey("relays", "eu")
HOST = "127.20.4.1"


@dataclass(kw_only=True)
class Agents:
    """Agents of any number of pods, all on one port, told apart by their addresses."""

    port: int = 0
    said: dict[str, Any] = field(default_factory=dict)
    """What each says, by address."""
    times: list[str] = field(default_factory=list)
    marked: list[reading.RegionKey] = field(default_factory=list)
    asking: asking.Asking

    async def answer(self, request: web.Request) -> web.StreamResponse:
        host = request.host.partition(":")[0]
        self.times.append(host)
        assert request.headers["Authorization"] == f"Bearer {KEY}"
        said = self.said.get(host)
        return web.Response(status=503) if said is None else web.json_response(said)

    def pod(self, uid: str = "one", host: str = HOST) -> observed.Pod:
        return observed.Pod(
            name=uid,
            uid=uid,
            created=0.0,
            node="node-1",
            host_addresses=(host,),
            ports={"agent": self.port},
        )

    def reported(self, pod: observed.Pod) -> observed.Pod:
        return self.asking.told(observed.Observed(pods=(pod,))).pods[0]

    async def until(self, condition: Callable[[], object], *, within: float = 60.0) -> None:
        async with asyncio.timeout(within):
            while not condition():  # noqa: ASYNC110 - conditions are of any kind
                await asyncio.sleep(0.01)


@pytest_asyncio.fixture
async def agents() -> AsyncIterator[Agents]:
    marked: list[reading.RegionKey] = []
    made = Agents(
        marked=marked,
        asking=asking.Asking(
            key=lambda: KEY,
            changed=marked.append,
            clock=time.monotonic,
            wall=time.time,
            chance=random.Random(5).random,  # noqa: S311 - spreads questions
        ),
    )
    application = web.Application()
    application.router.add_get(contract.PATH_STATUS, made.answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "0.0.0.0", 0).start()  # noqa: S104 - loopback addresses of many pods
    made.port = runner.addresses[0][1]
    task = asyncio.create_task(made.asking.run())
    try:
        yield made
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await runner.cleanup()


def said(uid: str = "one", **changes: object) -> dict[str, object]:
    return {
        "instance": uid,
        "state": "Ready",
        "ready": True,
        "generation": 1,
        "provenGeneration": 1,
        "allocations": 3,
        "liveHash": "abc",
        "complaints": [],
        **changes,
    }


async def test_what_an_agent_says_marks_its_region_and_is_observed(agents: Agents) -> None:
    agents.said[HOST] = said(certificate={"notAfter": 2e9, "fingerprint": "ff"})
    agents.asking.want(EU, [agents.pod()])
    await agents.until(lambda: agents.marked == [EU])
    pod = agents.reported(agents.pod())
    assert pod.report is not None
    assert (pod.report.proven_generation, pod.report.allocations) == (1, 3)
    assert (pod.report.certificate_not_after, pod.report.certificate_fingerprint) == (2e9, "ff")
    assert not pod.mute


async def test_a_relay_that_is_waited_for_is_asked_again_soon_and_others_are_not(
    agents: Agents,
) -> None:
    other = "127.20.4.2"
    agents.said |= {HOST: said(), other: said("two")}
    agents.asking.want(EU, [agents.pod()], soon=True)
    agents.asking.want(reading.RegionKey("relays", "us"), [agents.pod("two", other)])
    await agents.until(lambda: agents.times.count(HOST) >= 2)
    assert agents.times.count(other) == 1
    assert agents.marked.count(EU) == 1, "nothing is new"
    agents.said[HOST] = said(generation=2)
    await agents.until(lambda: agents.marked.count(EU) == 2)


async def test_allocations_are_news_only_where_they_are_waited_for(agents: Agents) -> None:
    agents.said[HOST] = said()
    agents.asking.want(EU, [agents.pod()], soon=True)
    await agents.until(lambda: agents.marked == [EU])
    agents.said[HOST] = said(allocations=2)
    await agents.until(lambda: agents.marked == [EU, EU])


async def test_what_was_said_stays_for_one_missing_answer_and_no_longer(agents: Agents) -> None:
    agents.said[HOST] = said()
    agents.asking.want(EU, [agents.pod()], soon=True)
    await agents.until(lambda: agents.marked)
    del agents.said[HOST]
    asked = len(agents.times)
    await agents.until(lambda: len(agents.times) == asked + 1)
    await asyncio.sleep(0.1)
    assert agents.reported(agents.pod()).report is not None
    await agents.until(lambda: agents.reported(agents.pod()).mute)
    assert agents.reported(agents.pod()).report is None
    assert agents.asking.mute == 1


async def test_another_pod_on_the_same_address_is_not_taken_for_the_one(agents: Agents) -> None:
    agents.said[HOST] = said("an earlier one")
    agents.asking.want(EU, [agents.pod()], soon=True)
    await agents.until(lambda: len(agents.times) >= 2)
    assert agents.reported(agents.pod()).report is None


async def test_a_relay_that_is_gone_is_forgotten(agents: Agents) -> None:
    agents.said[HOST] = said()
    agents.asking.want(EU, [agents.pod()], soon=True)
    await agents.until(lambda: agents.marked)
    agents.asking.want(EU, [])
    asked = len(agents.times)
    await asyncio.sleep(asking.SOON * 1.3)
    assert len(agents.times) == asked
    assert agents.reported(agents.pod()).report is None


async def test_relays_that_do_not_answer_hold_up_nobody(agents: Agents) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, HOST, 0)
    port = server.sockets[0].getsockname()[1]
    mute = [
        observed.Pod(
            name=f"{n}", uid=f"{n}", created=0, node="n", host_addresses=(HOST,),
            ports={"agent": port},
        )
        for n in range(2 * asking.AT_ONCE)
    ]  # fmt: skip
    agents.asking.want(reading.RegionKey("relays", "us"), mute, soon=True)
    agents.said["127.20.4.2"] = said()
    agents.asking.want(EU, [agents.pod(host="127.20.4.2")], soon=True)
    await agents.until(lambda: EU in agents.marked, within=3 * asking.PATIENCE)
    server.close()


@pytest.mark.parametrize("document", [None, [], "text", {}, {"instance": "one", "state": "Odd"}])
def test_what_is_no_status_says_nothing(document: object) -> None:
    assert reports.read(document, instance="one", at=1.0) is None


odd = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text())


@given(st.dictionaries(st.sampled_from([*said(), "certificate"]), odd))
def test_a_status_of_any_shape_is_a_report_or_nothing(changes: dict[str, object]) -> None:
    report = reports.read(said() | changes, instance="one", at=1.0)
    if report is not None:
        assert 0 <= report.allocations < 2**53
        assert len(report.live_hash) <= 128
