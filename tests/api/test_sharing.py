"""What clients taught one replica is known to all.

Real HTTP on loopback: two or three replicas, which ask each other.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Sequence

import aiohttp
import pytest
from aiohttp import web
from tests.support import sharers

from turnfleet.commands import learning
from turnfleet.learn import facts, sources
from turnfleet.learned import peers, vouching


@contextlib.asynccontextmanager
async def fleet(count: int) -> AsyncIterator[list[sharers.Replica]]:
    """Run replicas that all know of each other, and of themselves."""
    named: list[peers.Peers] = []
    async with contextlib.AsyncExitStack() as stack:
        found = [await stack.enter_async_context(sharers.replica(named)) for _ in range(count)]
        named += [peers.Name(host="127.0.0.1", port=replica.port) for replica in found]
        yield found


async def test_three_replicas_come_to_know_the_same() -> None:
    async with fleet(3) as (one, two, three):
        one.known.merge(sharers.records(1500), now=time.time())
        two.known.merge(sharers.records(600, start=1000, rtt=90), now=time.time())
        three.known.merge(sharers.records(10, start=9000), now=time.time())
        expected = sources.Sources()
        for replica in (one, two, three):
            expected.merge(replica.learned, now=time.time())
        await sharers.until(
            lambda: one.learned == two.learned == three.learned == dict(expected.items())
        )
        assert len(one.known) == 1610
        await nothing_more_is_told((one, two, three))
        told = sum(r.counted("turnfleet_learned_told_total") for r in (one, two, three))
        assert told <= 3 * 2 * len(one.known) * 2  # to each by each; some changed twice
        assert [one.told, two.told, three.told] == [[], [], []]


async def nothing_more_is_told(replicas: Sequence[sharers.Replica]) -> None:
    """Wait for some rounds in which all ask and nobody has anything to tell."""

    def told() -> list[float]:
        return [replica.counted("turnfleet_learned_told_total") for replica in replicas]

    def pages() -> float:
        return min(r.counted("turnfleet_learned_pages_total", result="Told") for r in replicas)

    before: list[float] = []
    while before != told():
        before, asked = told(), pages()
        await sharers.until(lambda: pages() > asked + 10)  # noqa: B023 - waited for within the loop


async def test_a_replica_is_no_peer_of_itself() -> None:
    async with fleet(1) as [alone]:
        alone.known.merge(sharers.records(5), now=time.time())
        await asyncio.sleep(0.3)
        assert alone.counted("turnfleet_learned_peers") == 0
        assert alone.counted("turnfleet_learned_told_total") == 0


async def test_what_one_hears_it_passes_on() -> None:
    async with (
        sharers.replica() as first,
        sharers.replica([first.url]) as second,
        sharers.replica([second.url]) as third,
    ):
        first.known.merge(sharers.records(5), now=time.time())
        await sharers.until(lambda: third.learned == first.learned)


async def test_what_a_restart_forgets_comes_back() -> None:
    async with sharers.replica() as stays:
        async with sharers.replica([stays.url]) as ends:
            ends.known.merge(sharers.records(5), now=time.time())
            async with sharers.replica([ends.url], known=stays.known):
                await sharers.until(lambda: len(stays.known) == 5)
        async with sharers.replica([stays.url]) as again:
            await sharers.until(lambda: again.learned == stays.learned)


async def test_a_peer_that_restarts_is_heard_from_its_start() -> None:
    named: list[peers.Peers] = []
    async with sharers.replica(named) as asks:
        async with sharers.replica() as peer:
            named.append(peer.url)
            peer.known.merge(sharers.records(5), now=time.time())
            await sharers.until(lambda: len(asks.known) == 5)
        async with sharers.replica(port=peer.port) as another:
            another.known.merge(sharers.records(3, start=50), now=time.time())
            await sharers.until(lambda: len(asks.known) == 8)


async def test_behind_one_url_each_replica_goes_on_where_it_was() -> None:
    async with sharers.replica() as one, sharers.replica() as two:
        ports = [one.port, two.port]

        async def balance(request: web.Request) -> web.Response:
            ports.reverse()
            url = f"http://127.0.0.1:{ports[0]}{vouching.PATH}?{request.rel_url.raw_query_string}"
            headers = {"Authorization": request.headers["Authorization"]}
            async with (
                aiohttp.ClientSession() as session,
                session.get(url, headers=headers) as answer,
            ):
                return web.Response(
                    status=answer.status,
                    body=await answer.read(),
                    headers={vouching.ANSWER: answer.headers[vouching.ANSWER]},
                )

        application = web.Application()
        application.add_routes((web.get(f"/eu{vouching.PATH}", balance),))
        async with sharers.serving(application) as port:
            url = peers.Url(base=f"http://127.0.0.1:{port}/eu")
            async with sharers.replica([url]) as asks:
                one.known.merge(sharers.records(20), now=time.time())
                two.known.merge(sharers.records(20, start=100), now=time.time())
                await sharers.until(lambda: len(asks.known) == 40)
                await asyncio.sleep(0.3)
        assert one.counted("turnfleet_learned_told_total") == 20
        assert two.counted("turnfleet_learned_told_total") == 20


async def test_the_key_may_come_late_and_change() -> None:
    keys: list[bytes | None] = [None]
    async with (
        sharers.replica(key=lambda: keys[0]) as peer,
        sharers.replica([peer.url], key=lambda: keys[0]) as asks,
    ):
        peer.known.merge(sharers.records(1), now=time.time())
        await asyncio.sleep(0.2)
        assert len(asks.known) == 0
        keys[0] = sharers.KEY
        await sharers.until(lambda: len(asks.known) == 1)
        keys[0] = b"n" * 32
        peer.known.merge(sharers.records(1, start=7), now=time.time())
        await sharers.until(lambda: len(asks.known) == 2)


@pytest.mark.parametrize(
    ("theirs", "hours"), [(b"another key".ljust(32), 0), (sharers.KEY, 1)], ids=["key", "clock"]
)
async def test_a_replica_of_another_fleet_or_time_is_told_nothing(
    theirs: bytes, hours: int
) -> None:
    async with (
        sharers.replica() as peer,
        sharers.replica(
            [peer.url], key=lambda: theirs, clock=lambda: time.time() + 3600 * hours
        ) as asks,
    ):
        peer.known.merge(sharers.records(5), now=time.time())
        await sharers.until(
            lambda: asks.counted("turnfleet_learned_pages_total", result="Refused") > 0
        )
        assert len(asks.known) == 0
        flaw = "Untimely" if hours else "Forged"
        assert peer.counted("turnfleet_learned_refused_total", reason=flaw) > 0


async def test_what_a_clock_that_was_ahead_took_for_too_old_comes_back() -> None:
    async with sharers.replica() as peer, sharers.replica([peer.url]) as asks:
        peer.known.merge(sharers.records(20), now=time.time())
        await sharers.until(lambda: len(asks.known) == 20)
        later = time.time() + 365 * 86400
        told = facts.fact(time=int(later), nonce=b"nonc", region=1, rtt=80)
        record = sources.Record(cell="JO/32/36", facts=facts.pack([told]))
        asks.known.merge({b"late": record}, now=later)
        assert dict(asks.known.items()).keys() == {b"late"}
        # The clock is set; the first that comes then shows it.
        peer.known.merge(sharers.records(1, start=100), now=time.time())
        await sharers.until(lambda: peer.learned.keys() <= asks.learned.keys())


async def test_what_another_key_signed_is_not_taken_after_it_changed() -> None:
    keys = [sharers.KEY]
    async with sharers.replica(key=lambda: keys[0]) as peer:
        peer.known.merge(sharers.records(900), now=time.time())
        async with sharers.replica([peer.url], key=lambda: keys[0]) as asks:
            # One page, which is merged in many pieces.
            await sharers.until(lambda: len(asks.known) > 0)
            keys[0] = b"n" * 32
            taken = len(asks.known)
            await asyncio.sleep(0.5)
            assert len(asks.known) == taken < 900


async def test_sharing_that_fails_begins_anew(caplog: pytest.LogCaptureFixture) -> None:
    fails = [False, False, True]

    def token(size: int) -> bytes:
        if fails and fails.pop(0):
            raise RuntimeError("there is no chance left")
        return os.urandom(size)

    async with sharers.replica() as peer:
        peer.known.merge(sharers.records(3), now=time.time())
        learned = learning.Learned(state=None, clock=time.time, ticks=time.monotonic)
        shared = learning.Shared(
            learned,
            named=[peer.url],
            fleet_key=lambda: sharers.KEY,
            clock=time.time,
            ticks=time.monotonic,
            token=token,
            anew=0.01,
        )
        running = asyncio.create_task(shared.run())
        await sharers.until(lambda: len(learned.sources) == 3)
        running.cancel()
        await asyncio.wait((running,))
    assert "there is no chance left" in caplog.text
