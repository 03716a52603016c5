"""Peers that are away, or say what no replica would, cost a replica nothing."""

import asyncio
import ssl
import time
from http import HTTPStatus
from pathlib import Path

import pytest
from aiohttp import web
from tests.support import coturn, odd_peers, sharers

from turnfleet.learn import page, sources
from turnfleet.learned import peers, vouching

NONSENSE = sources.Record(cell="<script>", facts=b"\xff" * 28)


@pytest.mark.parametrize(
    ("result", "odd"),
    [
        ("Odd", {"body": b""}),
        ("Odd", {"body": b"<html>hello"}),
        ("Odd", {"body": odd_peers.a_page()[:-1]}),
        ("Odd", {"body": b"\0" * (page.SIZE_MAX + 1000)}),
        ("Odd", {"body": page.pack(page.Page(epoch=b"12345678", cursor=1, more=True, records={}))}),
        ("Odd", {"status": HTTPStatus.INTERNAL_SERVER_ERROR, "body": odd_peers.a_page()}),
        ("Odd", {"status": HTTPStatus.FOUND, "body": odd_peers.a_page()}),
        ("Refused", {"status": HTTPStatus.FORBIDDEN, "body": odd_peers.a_page()}),
        ("Keyless", {"status": HTTPStatus.SERVICE_UNAVAILABLE, "body": odd_peers.a_page()}),
        ("Forged", {"signs": False, "body": odd_peers.a_page()}),
    ],
)
async def test_what_no_replica_sends_is_counted_and_costs_nothing(
    result: str, odd: dict[str, object]
) -> None:
    peer = odd_peers.Odd()
    vars(peer).update(odd)
    async with peer.running() as url, sharers.replica([url], every=0.4) as asks:
        await sharers.until(
            lambda: asks.counted("turnfleet_learned_pages_total", result=result) == 1
        )
        await asyncio.sleep(0.3)
        assert peer.asked == 1  # it is let be for a while
        assert len(asks.known) == 0


async def test_records_without_sense_are_passed_over_and_the_others_taken() -> None:
    peer = odd_peers.Odd()
    told = sharers.records(3) | {b"odd!": NONSENSE}
    peer.body = page.pack(page.Page(epoch=b"a peer's", cursor=4, more=False, records=told))
    async with peer.running() as url, sharers.replica([url]) as asks:
        await sharers.until(lambda: asks.learned == understood(told))


def understood(told: dict[bytes, sources.Record]) -> dict[bytes, sources.Record]:
    merged = sources.Sources()
    merged.merge(told, now=time.time())
    return dict(merged.items())


async def test_another_cluster_has_to_show_a_certificate_that_is_known(tmp_path: Path) -> None:
    files = coturn.authority().issue(tmp_path, ["127.0.0.1"])
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*files)
    peer = odd_peers.Odd()
    peer.body = odd_peers.a_page()
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


async def test_a_peer_that_never_ends_holds_up_no_other_one() -> None:
    endless, slow = odd_peers.Odd(), odd_peers.Odd()
    endless.body = odd_peers.a_page(more=True)
    slow.waits = 3600
    async with (
        endless.running() as first,
        slow.running() as second,
        sharers.replica() as honest,
        sharers.replica([first, second, honest.url]) as asks,
    ):
        honest.known.merge(sharers.records(20, start=100), now=time.time())
        await sharers.until(lambda: len(asks.known) == 23)


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
