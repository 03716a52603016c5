"""Asks every replica of an endpoint all the while, and notes which relays each of them names."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Final

import aiohttp
from tests.calls import sightings

from turnfleet.commands import asking, output

_EVERY: Final = 0.1
"""Seconds between two questions of a kind: how exactly a relay's last mention is known."""
_PATIENCE: Final = 2.0

Replicas = Callable[[], Mapping[str, str]]
"""Gives the URLs of the replicas that there are now, by name."""


@contextlib.asynccontextmanager
async def looking(
    replicas: Replicas,
    *,
    regions: Sequence[str],
    key: str | None,
    seen: sightings.Sightings,
) -> AsyncIterator[None]:
    """Ask for the whole of each region, of every replica, for as long as the block lasts."""
    session = aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=_PATIENCE),
        headers={"Authorization": f"Bearer {key}"} if key else {},
    )
    asked: set[asyncio.Task[None]] = set()

    async def look() -> None:
        while True:
            for name, url in replicas().items():
                for region in regions:
                    task = asyncio.create_task(_ask(session, name, url, region, seen))
                    asked.add(task)
                    task.add_done_callback(asked.discard)
            await asyncio.sleep(_EVERY)

    async with session:
        watching = asyncio.create_task(look())
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.wait([watching, *asked])


async def _ask(
    session: aiohttp.ClientSession,
    replica: str,
    url: str,
    region: str,
    seen: sightings.Sightings,
) -> None:
    asked = time.monotonic()
    body = {"region": region, "profile": "full"}
    try:
        async with session.post(f"{url}/api/get-ice-servers", json=body) as response:
            if not response.ok:
                return
            offers = asking.read_answer(await response.json())
    except (aiohttp.ClientError, OSError, TimeoutError, output.Failure, ValueError):
        return  # a replica that comes or goes; what clients see of it is told by calls
    named = {offer.destination.host for offer in offers if offer.destination}
    seen.answered(replica, named, asked=asked)
