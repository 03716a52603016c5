import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from tests.support import apiservers, writing

from turnfleet.kube import client, kinds, leading


@dataclass(slots=True)
class Time:
    """A clock that moves when somebody sleeps."""

    now: float = 0.0
    sleepers: list[tuple[float, asyncio.Event]] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.Event()
        self.sleepers.append((self.now + seconds, woken))
        await woken.wait()

    async def pass_until(self, done: Callable[[], bool], *, most: float = 60.0) -> float:
        """Let time pass until something is so; return how much that took."""
        began = self.now
        while not done():
            await asyncio.sleep(0.02)  # requests are real
            if done():
                break
            assert self.now - began <= most, "it did not come"
            self.now += 0.5
            for due, woken in list(self.sleepers):
                if due <= self.now:
                    self.sleepers.remove((due, woken))
                    woken.set()
        return self.now - began


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def api(cluster: writing.Cluster, tmp_path: Path) -> AsyncIterator[client.Client]:
    async with client.connected(cluster.kubeconfig(tmp_path), program="test") as connected:
        yield connected


def _replica(api: client.Client, time: Time, name: str) -> leading.Leading:
    return leading.Leading(
        api,
        namespace="turnfleet",
        name="turnfleet-operator",
        identity=name,
        clock=time,
        wall=lambda: 1_700_000_000 + time.now,
        sleep=time.sleep,
    )


@contextlib.asynccontextmanager
async def _running(work: object) -> AsyncIterator["asyncio.Task[object]"]:
    task = asyncio.ensure_future(work)  # type: ignore[call-overload]
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_one_of_two_replicas_leads(api: client.Client, time: Time) -> None:
    one, other = _replica(api, time, "one"), _replica(api, time, "other")
    await one.acquire()
    async with _running(one.keep()), _running(other.acquire()) as waiting:
        await time.pass_until(lambda: time.now > 30)
        assert one.holds
        assert not other.holds
        assert not waiting.done()


async def test_a_standby_takes_over_within_fifteen_seconds(api: client.Client, time: Time) -> None:
    one, other = _replica(api, time, "one"), _replica(api, time, "other")
    await one.acquire()
    async with _running(other.acquire()) as waiting:
        await time.pass_until(lambda: time.now > 1)
        taken = await time.pass_until(waiting.done)
    assert taken <= 15
    assert other.holds
    assert not one.holds, "the first one stopped before the second began"


async def test_a_holder_that_leaves_is_followed_at_once(api: client.Client, time: Time) -> None:
    one, other = _replica(api, time, "one"), _replica(api, time, "other")
    await one.acquire()
    async with _running(other.acquire()) as waiting:
        await time.pass_until(lambda: time.now > 1)
        await one.release()
        assert await time.pass_until(waiting.done) <= 3


async def test_a_holder_that_was_overtaken_ends_with_a_sentence(
    cluster: writing.Cluster, api: client.Client, time: Time
) -> None:
    one = _replica(api, time, "one")
    await one.acquire()
    async with _running(one.keep()) as keeping:
        lease = cluster.find(kinds.LEASE, "turnfleet-operator", namespace="turnfleet")
        assert lease is not None
        spec = lease["spec"] | {"holderIdentity": "other"}
        await cluster.put(kinds.LEASE, {**lease, "spec": spec})
        await time.pass_until(keeping.done)
        assert "other has taken the lease" in str(keeping.result())
    assert not one.holds


async def test_a_holder_writes_nothing_without_an_api_server_and_goes_on_afterwards(
    cluster: writing.Cluster, api: client.Client, time: Time, caplog: pytest.LogCaptureFixture
) -> None:
    def nothing(_: apiservers.Asked) -> web.Response:
        return apiservers.status(503, "ServiceUnavailable")

    one = _replica(api, time, "one")
    resumed: list[float] = []
    await one.acquire()
    async with _running(one.keep(resumed=lambda: resumed.append(time.now))) as keeping:
        await time.pass_until(lambda: time.now > 10)
        cluster.fault = nothing
        assert await time.pass_until(lambda: not one.holds) <= leading.LASTS
        await time.pass_until(lambda: time.now > 60)
        assert resumed == [], "nothing had been missed yet"
        cluster.fault = None
        assert await time.pass_until(lambda: one.holds) <= 3
        assert not keeping.done()
        await time.pass_until(lambda: time.now > 70)
    assert len(resumed) == 1, "it is told once that the server is back"
    reasons = [
        said for said in caplog.messages if said.startswith("The lease turnfleet-operator: ")
    ]
    assert len(reasons) == 1, "an outage is told once, not every two seconds"


async def test_of_two_that_find_it_free_one_gets_it(api: client.Client, time: Time) -> None:
    replicas = [_replica(api, time, f"replica-{number}") for number in range(5)]
    async with contextlib.AsyncExitStack() as stack:
        for replica in replicas:
            await stack.enter_async_context(_running(replica.acquire()))
        await time.pass_until(lambda: time.now > 5)
        assert sum(replica.holds for replica in replicas) == 1
