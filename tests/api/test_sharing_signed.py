"""Replicas tell, and take, what the fleet's key signed: as it was signed, and once."""

import time
from http import HTTPStatus

import aiohttp
from tests.support import odd_peers, sharers

from turnfleet.learn import page
from turnfleet.learned import vouching


async def test_a_request_counts_once_and_only_as_it_was_signed() -> None:
    async with sharers.replica() as peer:
        peer.known.merge(sharers.records(5), now=time.time())
        base = f"{peer.url.base}{vouching.PATH}"
        voucher = vouching.Voucher(sharers.KEY)
        asked = voucher.ask(sharers.QUERY, now=time.time(), nonce=b"n" * 16)
        status, body, headers = await sharers.get(f"{base}?{sharers.QUERY}", asked.header)
        assert status == HTTPStatus.OK
        assert voucher.answers(headers[vouching.ANSWER], asked, body)
        assert isinstance(told := page.unpack(body), page.Page)
        assert told.records == peer.learned
        for url, header in (
            (f"{base}?{sharers.QUERY}", asked.header),
            (f"{base}?{sharers.QUERY}_", asked.header),
            (f"{base}?{sharers.QUERY}", None),
            (f"{base}?{sharers.QUERY}", "Turnfleet \udcff"),
            (base, asked.header),
        ):
            status, body, _ = await sharers.get(url, header)
            assert status == HTTPStatus.UNAUTHORIZED
            assert b"endpoints of this fleet" in body
        unclear = voucher.ask("all", now=time.time(), nonce=b"m" * 16)
        assert (await sharers.get(f"{base}?all", unclear.header))[0] == HTTPStatus.BAD_REQUEST


async def test_only_what_the_fleet_signed_is_taken_of_one_that_ends_and_once() -> None:
    body, other = odd_peers.a_page(), odd_peers.a_page(cursor=6)
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
            assert await sharers.post(url, sent, signed=signed, nonce=nonce, key=key) == status
            assert len(stays.known) == 0
        # What asks is not signed as what tells.
        asked = vouching.Voucher(sharers.KEY).ask(sharers.QUERY, now=time.time(), nonce=b"e" * 16)
        headers = {"Authorization": asked.header}
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                f"{url}{vouching.PATH}?{sharers.QUERY}", data=body, headers=headers
            ) as answer,
        ):
            assert answer.status == HTTPStatus.UNAUTHORIZED
        assert await sharers.post(url, body, signed=body, nonce=b"f" * 16) == HTTPStatus.OK
        assert len(stays.known) == 3
        assert (
            await sharers.post(url, body, signed=body, nonce=b"f" * 16) == HTTPStatus.UNAUTHORIZED
        )


async def test_an_answer_that_was_stolen_answers_nobody() -> None:
    async with sharers.replica() as honest:
        honest.known.merge(sharers.records(3), now=time.time())
        asked = vouching.Voucher(sharers.KEY).ask(sharers.QUERY, now=time.time(), nonce=b"n" * 16)
        url = f"{honest.url.base}{vouching.PATH}?{sharers.QUERY}"
        _, body, headers = await sharers.get(url, asked.header)
    peer = odd_peers.Odd()
    peer.stolen = (body, headers[vouching.ANSWER])
    async with peer.running() as base, sharers.replica([base]) as asks:
        await sharers.until(
            lambda: asks.counted("turnfleet_learned_pages_total", result="Forged") == 1
        )
        assert len(asks.known) == 0
