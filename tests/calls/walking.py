"""What a browser does with an answer: asks for it, tries every URL at once, keeps the best.

Decides which URL a client uses. An unlucky URL is a refusal, not an error: only a client that is
left with no URL at all goes without.
"""

import asyncio
import contextlib
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import aiohttp
from tests.support import allocating

from turnfleet.commands import asking, output
from turnrelay import turn

_PATIENCE: Final = 5.0
"""Seconds for an answer, and for an allocation. Browsers give a URL 39.75 s: this is stricter."""


class Network(StrEnum):
    """What a client's network lets through."""

    OPEN = "open"
    TCP = "tcp"
    """No UDP."""
    TLS = "tls"
    """Nothing but what looks like the web."""


_WAYS: Final[Mapping[Network, Sequence[str]]] = {
    Network.OPEN: ("udp", "tcp", "tls"),
    Network.TCP: ("tcp", "tls"),
    Network.TLS: ("tls",),
}
"""The transports that get through, the one that browsers prefer first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Who asks: ``question`` is the body of the request."""

    question: Mapping[str, object]
    network: Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the endpoint said. Times are monotonic seconds."""

    offers: tuple[asking.Offer, ...]
    refresh_at: float


class NoAnswer(Exception):  # noqa: N818 - an outcome
    """The endpoint gave no answer that a client could use."""


class Endpoint:
    """Where clients ask. Every question comes by a connection of its own, as from a new client."""

    def __init__(self, url: str, *, key: str | None) -> None:
        self._url = f"{url}/api/get-ice-servers"
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=_PATIENCE),
            connector=aiohttp.TCPConnector(force_close=True, limit=0),
            headers={"Authorization": f"Bearer {key}"} if key else {},
        )

    async def ask(self, client: Client) -> Answer:
        """Return an answer, or raise NoAnswer."""
        asked = time.monotonic()
        body = {**client.question, "format": "config"}
        try:
            async with self._session.post(self._url, json=body) as response:
                document = await response.json(content_type=None)
                if not response.ok:
                    raise NoAnswer(f"{response.status}: {document}")
            return Answer(
                offers=asking.read_answer(document),
                refresh_at=asked + float(document["refreshAfter"]),
            )
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise NoAnswer(repr(error)) from error
        except (output.Failure, ValueError, KeyError, TypeError) as error:
            raise NoAnswer(f"it makes no sense: {error!r}") from error

    async def close(self) -> None:
        """Give up what is held."""
        await self._session.close()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Line:
    """One allocation, and the socket that it is held by."""

    url: str
    relay: str
    """Its address."""
    allocation: turn.Allocation
    holding: contextlib.AsyncExitStack

    async def hang_up(self) -> turn.Failure | None:
        """End the allocation as browsers do (Refresh with lifetime 0, then close)."""
        try:
            await self.allocation.release()
        except turn.Failure as failure:
            return failure
        finally:
            await self.holding.aclose()
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """How an answer was walked; ``line`` is ``None`` where no URL gave an allocation."""

    line: Line | None
    refusals: tuple[str, ...]
    """By code where a relay said no, else how the URL failed."""
    told: tuple[str, ...]
    """Every refusal with its URL."""


async def walk(answer: Answer, network: Network, *, trusted: ssl.SSLContext) -> Walked:
    """Try every URL that gets through the client's network; end all allocations but the best."""
    ways = _WAYS[network]
    usable = [
        (ways.index(where.transport), offer, where)
        for offer in answer.offers
        if (where := offer.destination) and where.turn and where.transport in ways
    ]
    usable.sort(key=lambda each: each[0])  # stable: then the order of the answer
    if not usable:
        return Walked(line=None, refusals=(), told=())
    tasks = [asyncio.create_task(_open(o, w, trusted=trusted)) for _, o, w in usable]
    kept = 0
    try:
        # All of them: one given up while its Allocate is under way may leave an allocation behind,
        # and a relay that drains would wait for it for ten minutes.
        await asyncio.wait(tasks)
        kept = 1
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        lines = [each for each in ended if isinstance(each, Line)]
        await asyncio.gather(*(line.hang_up() for line in lines[kept:]))
    failed = [
        (offer.url, each)
        for (_, offer, _), each in zip(usable, ended, strict=True)
        if isinstance(each, turn.Failure)
    ]
    return Walked(
        line=lines[0] if lines else None,
        refusals=tuple(_code(failure) for _, failure in failed),
        told=tuple(f"{url}: {failure}" for url, failure in failed),
    )


async def _open(offer: asking.Offer, where: asking.Destination, *, trusted: ssl.SSLContext) -> Line:
    server = turn.Server(
        address=where.host,
        port=where.port,
        transport=turn.Transport(where.transport),
        context=trusted if where.transport == "tls" else None,
    )
    async with contextlib.AsyncExitStack() as holding:
        allocation = await allocating.allocate(
            holding,
            server,
            username=offer.username,
            password=offer.credential,
            timeout=_PATIENCE,
        )
        return Line(
            url=offer.url, relay=where.host, allocation=allocation, holding=holding.pop_all()
        )


def _code(failure: turn.Failure) -> str:
    return str(failure.code) if isinstance(failure, turn.Refused) else type(failure).__name__
