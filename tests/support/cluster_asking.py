"""A back end that asks a fleet's endpoint for servers, over and over while something happens."""

import asyncio
import contextlib
import json
import ssl
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Final

from tests.support import cluster_clients, cluster_fleet, cluster_regions

from turnfleet.commands import asking, exercising, output
from turnrelay import turn

Offers = tuple[asking.Offer, ...]
Judgement = Callable[[Offers], bool]

_IN_A_ROW: Final = 8
"""Answers that have to agree: the service spreads them over the endpoint's replicas."""
_PACKETS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class BackEnd:
    """Asks for its clients. ``address`` is the endpoint's, ``trusted`` what clients trust."""

    address: str
    key: str
    trusted: ssl.SSLContext

    async def ask(self, **question: str | None) -> Offers:
        """Return what is offered; nothing where there is no answer now."""
        try:
            return await self.insist(**question)
        except output.Failure:
            return ()

    async def insist(self, **question: str | None) -> Offers:
        """Return what is offered; raise output.Failure where there is no answer now."""
        async with asking.session(context=self.trusted, key=self.key) as session:
            asker = asking.Asker(session, self.address)
            return (await asker.ask(asking.Question(**question))).offers

    async def explain(self) -> str:
        """Return what the endpoint says of how an answer comes about, as JSON."""
        async with asking.session(context=self.trusted, key=self.key) as session:
            return json.dumps(await asking.Asker(session, self.address).explain({}))

    async def refused(self, offers: Offers) -> tuple[str, ...]:
        """Ask for an allocation on every URL and return those that gave none, with the reason."""
        return tuple([text for each in offers if (text := await self._refusal(each))])

    async def _refusal(self, offer: asking.Offer) -> str | None:
        try:
            async with cluster_clients.offered(offer, trusted=self.trusted):
                return None
        except (turn.Failure, ValueError) as failure:
            return f"{offer.url}: {failure}"

    async def complaints(self, offers: Offers) -> tuple[str, ...]:
        """Use every URL as a client does, packets included, and return what did not work."""
        tried = [
            (each.url, await exercising.exercise(each, context=self.trusted, packets=_PACKETS))
            for each in offers
        ]
        return tuple(f"{url}: {done.problem}" for url, done in tried if done.problem)


def back_end(fleet: cluster_fleet.Fleet) -> BackEnd:
    """Return a back end with the first key."""
    return BackEnd(address=fleet.address, key=fleet.key, trusted=fleet.trusted)


async def until(
    back_end: BackEnd, good: Judgement, *, within: float, region: str | None = None
) -> float:
    """Return the seconds until the first of many answers in a row that are good."""
    began = time.monotonic()
    since, agreed = began, 0
    while agreed < _IN_A_ROW:
        asked = time.monotonic()
        if good(offers := await back_end.ask(region=region)):
            since, agreed = (since if agreed else asked), agreed + 1
        else:
            agreed = 0
        assert time.monotonic() - began < within, offers
        await asyncio.sleep(0.05)
    return since - began


async def working(back_end: BackEnd, *, within: float) -> float:
    """Return the seconds until the first of many answers in a row whose every URL works."""
    began = time.monotonic()
    since, agreed = began, 0
    while agreed < _IN_A_ROW:
        asked = time.monotonic()
        offers = await back_end.ask()
        if offers and not await back_end.refused(offers):
            since, agreed = (since if agreed else asked), agreed + 1
        else:
            agreed = 0
        assert time.monotonic() - began < within, offers
    return since - began


async def complete(
    back_end: BackEnd, region: cluster_regions.Region, *, within: float = 60
) -> Offers:
    """Return an answer that offers every relay of a region, once all answers do and packets pass.

    Relays of private addresses deny a new one for the seconds that a kubelet takes to bring them
    its address, and it denies itself.
    """
    async with asyncio.timeout(2 * within):
        await until(back_end, region.is_complete, within=within)
        while await back_end.complaints(offers := await back_end.ask()):  # noqa: ASYNC110 - another program's doing
            await asyncio.sleep(0.5)
        return offers


def at(address: str, offers: Offers) -> Offers:
    """Return what of an answer is at one relay."""
    return tuple(each for each in offers if each.destination and each.destination.host == address)


@contextlib.asynccontextmanager
async def always(back_end: BackEnd, good: Judgement) -> AsyncIterator[None]:
    """Ask all the while that the block lasts; every single answer has to be good."""
    bad: list[Offers | str] = []

    async def watch() -> None:
        while True:
            try:
                offers = await back_end.insist()
                if not good(offers):
                    bad.append(offers)
            except output.Failure as failure:
                bad.append(str(failure))
            await asyncio.sleep(0.2)

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.wait([watching])
    assert not bad, f"{len(bad)} answers, the first: {bad[0]}"


@dataclass(slots=True, kw_only=True)
class Newcomers:
    """Clients that came one after the other, each with an answer of its own."""

    urls: int = 0
    refusals: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        why = ", ".join(sorted({each.rpartition(": ")[2] for each in self.refusals}))
        told = f"{self.urls} URLs tried by new clients, {len(self.refusals)} refused"
        return f"{told} ({why})" if why else told


@contextlib.asynccontextmanager
async def coming(back_end: BackEnd) -> AsyncIterator[Newcomers]:
    """Let clients come all the while that the block lasts, and try every URL of their answers."""
    came, closing = Newcomers(), asyncio.Event()

    async def come() -> None:
        # Not cancelled: an allocation under way would be left behind, and outlast the test.
        while not closing.is_set():
            try:
                offers = await back_end.insist()
                came.urls += len(offers)
                came.refusals += await back_end.refused(offers)
            except output.Failure as failure:
                came.refusals.append(f"no answer: {failure}")
            await asyncio.sleep(0.1)

    task = asyncio.create_task(come())
    try:
        yield came
    finally:
        closing.set()
        await task


@contextlib.asynccontextmanager
async def served(back_end: BackEnd) -> AsyncIterator[Newcomers]:
    """Let clients come likewise; every URL has to give an allocation."""
    async with coming(back_end) as came:
        yield came
    assert not came.refusals, came.refusals[:5]
    assert came.urls
