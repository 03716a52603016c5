"""What clients taught one replica is known to all, whatever peers send.

Real HTTP on loopback: two or three replicas, and servers that say what no replica would.
"""

import asyncio
import contextlib
import os
import ssl
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from tests.support import coturn, sharers

from turnfleet.commands import learning
from turnfleet.learn import facts, page, sources, telling
from turnfleet.learned import cursors, peers, sharing, vouching

QUERY = cursors.Cursors(b"somebody").query()


def known(replica: sharers.Replica) -> dict[bytes, sources.Record]:
    return dict(replica.known.items())


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
            expected.merge(known(replica), now=time.time())
        await sharers.until(
            lambda: known(one) == known(two) == known(three) == dict(expected.items())
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
        await sharers.until(lambda: known(third) == known(first))


async def test_what_a_restart_forgets_comes_back() -> None:
    async with sharers.replica() as stays:
        async with sharers.replica([stays.url]) as ends:
            ends.known.merge(sharers.records(5), now=time.time())
            async with sharers.replica([ends.url], known=stays.known):
                await sharers.until(lambda: len(stays.known) == 5)
        async with sharers.replica([stays.url]) as again:
            await sharers.until(lambda: known(again) == known(stays))


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
        await sharers.until(lambda: known(peer).keys() <= known(asks).keys())


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


async def get(url: str, header: str | None) -> tuple[int, bytes, Mapping[str, str]]:
    headers = {} if header is None else {"Authorization": header}
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        return answer.status, await answer.read(), answer.headers


async def test_a_request_counts_once_and_only_as_it_was_signed() -> None:
    async with sharers.replica() as peer:
        peer.known.merge(sharers.records(5), now=time.time())
        base = f"{peer.url.base}{vouching.PATH}"
        voucher = vouching.Voucher(sharers.KEY)
        asked = voucher.ask(QUERY, now=time.time(), nonce=b"n" * 16)
        status, body, headers = await get(f"{base}?{QUERY}", asked.header)
        assert status == HTTPStatus.OK
        assert voucher.answers(headers[vouching.ANSWER], asked, body)
        assert isinstance(told := page.unpack(body), page.Page)
        assert told.records == known(peer)
        for url, header in (
            (f"{base}?{QUERY}", asked.header),
            (f"{base}?{QUERY}_", asked.header),
            (f"{base}?{QUERY}", None),
            (f"{base}?{QUERY}", "Turnfleet \udcff"),
            (base, asked.header),
        ):
            status, body, _ = await get(url, header)
            assert status == HTTPStatus.UNAUTHORIZED
            assert b"endpoints of this fleet" in body
        unclear = voucher.ask("all", now=time.time(), nonce=b"m" * 16)
        assert (await get(f"{base}?all", unclear.header))[0] == HTTPStatus.BAD_REQUEST


async def post(
    url: str, body: bytes, *, signed: bytes, nonce: bytes, key: bytes = sharers.KEY
) -> int:
    """Tell a page by a request that is signed over another one, perhaps."""
    query = vouching.query_of(signed)
    asked = vouching.Voucher(key).ask(query, now=time.time(), nonce=nonce, method="POST")
    headers = {"Authorization": asked.header}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}{vouching.PATH}?{query}", data=body, headers=headers) as answer,
    ):
        return answer.status


async def test_only_what_the_fleet_signed_is_taken_of_one_that_ends_and_once() -> None:
    body, other = a_page(), a_page(cursor=6)
    async with sharers.replica() as stays:
        url = stays.url.base
        for sent, signed, nonce, key, status in (
            (body, body, b"a" * 16, b"another key", HTTPStatus.UNAUTHORIZED),
            (other, body, b"b" * 16, sharers.KEY, HTTPStatus.BAD_REQUEST),
            (b"no page", b"no page", b"c" * 16, sharers.KEY, HTTPStatus.BAD_REQUEST),
            (
                b"\0" * (page.SIZE_MAX + 1),
                b"\0" * (page.SIZE_MAX + 1),
                b"d" * 16,
                sharers.KEY,
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            ),
        ):
            assert await post(url, sent, signed=signed, nonce=nonce, key=key) == status
            assert len(stays.known) == 0
        # What asks is not signed as what tells.
        asked = vouching.Voucher(sharers.KEY).ask(QUERY, now=time.time(), nonce=b"e" * 16)
        headers = {"Authorization": asked.header}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{url}{vouching.PATH}?{QUERY}", data=body, headers=headers) as answer,
        ):
            assert answer.status == HTTPStatus.UNAUTHORIZED
        assert await post(url, body, signed=body, nonce=b"f" * 16) == HTTPStatus.OK
        assert len(stays.known) == 3
        assert await post(url, body, signed=body, nonce=b"f" * 16) == HTTPStatus.UNAUTHORIZED


async def test_one_that_ends_tells_what_nobody_has_taken_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sharing, "PARTING", 60.0)  # a busy machine takes longer for so many
    async with sharers.replica() as stays, sharers.replica([stays.url], every=3600) as ends:
        ends.known.merge(sharers.records(20), now=time.time())
        async with sharers.replica([ends.url]) as asks:
            # The second round says that the first has arrived.
            await sharers.until(
                lambda: asks.counted("turnfleet_learned_pages_total", result="Told") > 1
            )
            assert len(asks.known) == 20
        ends.known.merge(sharers.records(2500, start=100), now=time.time())
        await ends.sharing.part()
        assert known(stays).keys() == sharers.records(2500, start=100).keys()
        assert stays.counted("turnfleet_learned_left_total") == 2500
        await ends.sharing.part()


async def test_one_that_ends_is_held_up_by_nobody() -> None:
    slow = Odd()
    slow.waits = 3600
    async with (
        slow.running() as url,
        sharers.replica() as stays,
        sharers.replica([url, stays.url], every=3600) as ends,
    ):
        ends.known.merge(sharers.records(20), now=time.time())
        async with asyncio.timeout(3 * sharing.PARTING):
            await ends.sharing.part()
        assert len(stays.known) == 20


class Odd:
    """A peer with the fleet's key, or without it, that answers as a test says."""

    def __init__(self) -> None:
        self.asked = 0
        self.body = b""
        self.status = HTTPStatus.OK
        self.signs = True
        self.stolen: tuple[bytes, str] | None = None
        self.waits = 0.0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        await asyncio.sleep(self.waits)
        if self.stolen is not None:
            return web.Response(body=self.stolen[0], headers={vouching.ANSWER: self.stolen[1]})
        voucher = vouching.Voucher(sharers.KEY)
        query = request.rel_url.raw_query_string
        asked = voucher.admit(request.headers["Authorization"], query, now=time.time())
        assert isinstance(asked, vouching.Asked)
        shown = voucher.answer(asked, self.body[: page.SIZE_MAX + 1]) if self.signs else "0" * 64
        return web.Response(status=self.status, body=self.body, headers={vouching.ANSWER: shown})

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[peers.Url]:
        application = web.Application()
        application.add_routes((web.route("*", vouching.PATH, self.answer),))
        async with sharers.serving(application) as port:
            yield peers.Url(base=f"http://127.0.0.1:{port}")


def a_page(*, more: bool = False, cursor: int = 5) -> bytes:
    teller = telling.Teller(sources.Sources(), epoch=b"a peer's")
    told = teller.tell({})
    return page.pack(
        page.Page(epoch=told.epoch, cursor=cursor, more=more, records=sharers.records(3))
    )


NONSENSE = sources.Record(cell="<script>", facts=b"\xff" * 28)


@pytest.mark.parametrize(
    ("result", "odd"),
    [
        ("Odd", {"body": b""}),
        ("Odd", {"body": b"<html>hello"}),
        ("Odd", {"body": a_page()[:-1]}),
        ("Odd", {"body": b"\0" * (page.SIZE_MAX + 1000)}),
        ("Odd", {"body": page.pack(page.Page(epoch=b"12345678", cursor=1, more=True, records={}))}),
        ("Odd", {"status": HTTPStatus.INTERNAL_SERVER_ERROR, "body": a_page()}),
        ("Odd", {"status": HTTPStatus.FOUND, "body": a_page()}),
        ("Refused", {"status": HTTPStatus.FORBIDDEN, "body": a_page()}),
        ("Keyless", {"status": HTTPStatus.SERVICE_UNAVAILABLE, "body": a_page()}),
        ("Forged", {"signs": False, "body": a_page()}),
    ],
)
async def test_what_no_replica_sends_is_counted_and_costs_nothing(
    result: str, odd: dict[str, object]
) -> None:
    peer = Odd()
    vars(peer).update(odd)
    async with peer.running() as url, sharers.replica([url], every=0.4) as asks:
        await sharers.until(
            lambda: asks.counted("turnfleet_learned_pages_total", result=result) == 1
        )
        await asyncio.sleep(0.3)
        assert peer.asked == 1  # it is let be for a while
        assert len(asks.known) == 0


async def test_records_without_sense_are_passed_over_and_the_others_taken() -> None:
    peer = Odd()
    told = sharers.records(3) | {b"odd!": NONSENSE}
    peer.body = page.pack(page.Page(epoch=b"a peer's", cursor=4, more=False, records=told))
    async with peer.running() as url, sharers.replica([url]) as asks:
        await sharers.until(lambda: known(asks) == sharers_known(told))


def sharers_known(told: dict[bytes, sources.Record]) -> dict[bytes, sources.Record]:
    merged = sources.Sources()
    merged.merge(told, now=time.time())
    return dict(merged.items())


async def test_another_cluster_has_to_show_a_certificate_that_is_known(tmp_path: Path) -> None:
    files = coturn.authority().issue(tmp_path, ["127.0.0.1"])
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*files)
    peer = Odd()
    peer.body = a_page()
    application = web.Application()
    application.add_routes((web.get(vouching.PATH, peer.answer),))
    async with (
        sharers.serving(application, context=context) as port,
        sharers.replica([peers.Url(base=f"https://127.0.0.1:{port}")]) as asks,
    ):
        await sharers.until(
            lambda: asks.counted("turnfleet_learned_pages_total", result="Unverified") > 0
        )
        assert peer.asked == len(asks.known) == 0


async def test_an_answer_that_was_stolen_answers_nobody() -> None:
    async with sharers.replica() as honest:
        honest.known.merge(sharers.records(3), now=time.time())
        asked = vouching.Voucher(sharers.KEY).ask(QUERY, now=time.time(), nonce=b"n" * 16)
        url = f"{honest.url.base}{vouching.PATH}?{QUERY}"
        _, body, headers = await get(url, asked.header)
    peer = Odd()
    peer.stolen = (body, headers[vouching.ANSWER])
    async with peer.running() as base, sharers.replica([base]) as asks:
        await sharers.until(
            lambda: asks.counted("turnfleet_learned_pages_total", result="Forged") == 1
        )
        assert len(asks.known) == 0


async def test_a_peer_that_never_ends_holds_up_no_other_one() -> None:
    endless, slow = Odd(), Odd()
    endless.body = a_page(more=True)
    slow.waits = 3600
    async with (
        endless.running() as first,
        slow.running() as second,
        sharers.replica() as honest,
        sharers.replica([first, second, honest.url]) as asks,
    ):
        honest.known.merge(sharers.records(20, start=100), now=time.time())
        await sharers.until(lambda: len(asks.known) == 23)


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


async def test_peers_that_are_away_are_named_in_sentences_of_ours_until_they_are_back() -> None:
    named: list[peers.Peers] = [peers.Name(host="turnfleet.invalid", port=9642)]
    async with sharers.replica() as peer:
        pass
    named.append(peer.url)
    async with sharers.replica(named) as asks:
        await sharers.until(lambda: len(asks.told) == 2)
        assert asks.told == [
            f"Nothing is learned from {peer.url}: it cannot be reached",
            "Nothing is learned from turnfleet.invalid:9642: it has no address",
        ]
        del named[0]
        async with sharers.replica(port=peer.port):
            await sharers.until(lambda: asks.told == [])
