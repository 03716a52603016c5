"""Clients all over the world that ask one endpoint without a pause, and judge every answer."""

import asyncio
import collections
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

import aiohttp
from tests.bench import ledger

_PAUSE = 0.05
_SERVER_ERROR = 500
_HOST = re.compile(r"(?:turns?|stun):(?P<host>\[[^]]+\]|[^:?]+)")
_PLACES = (
    {"latitude": 52.5, "longitude": 13.4},
    {"latitude": 40.7, "longitude": -74.0},
    {"latitude": 1.3, "longitude": 103.8},
    {"latitude": -23.5, "longitude": -46.6},
    {"region": "eu-central"},
    {"region": "US", "connectionType": "wifi"},
    {"residency": "eu", "profile": "full"},
    {"region": "Asia/Tokyo", "connectionType": "corporate"},
)


@dataclass(slots=True, kw_only=True)
class Count:
    """What came back."""

    statuses: collections.Counter[int] = field(default_factory=collections.Counter)
    failures: list[str] = field(default_factory=list)
    """Requests without an answer, or with one that makes no sense."""
    latencies: list[float] = field(default_factory=list)
    """Seconds."""

    @property
    def server_errors(self) -> int:
        """Return how many answers were 5xx."""
        return sum(n for status, n in self.statuses.items() if status >= _SERVER_ERROR)


class Crowd:
    """Asks; ``relays`` are names by address."""

    def __init__(
        self, url: str, *, relays: Mapping[str, str], told: ledger.Ledger, count: Count
    ) -> None:
        self._url = f"{url}/api/get-ice-servers"
        self._relays = relays
        self._told = told
        self._count = count

    async def run(self) -> None:
        """Ask until cancelled."""
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session,
            asyncio.TaskGroup() as group,
        ):
            for place in _PLACES:
                group.create_task(self._ask_on(session, place))

    async def _ask_on(self, session: aiohttp.ClientSession, place: Mapping[str, object]) -> None:
        while True:
            asked = time.monotonic()
            try:
                async with session.post(self._url, json=place) as response:
                    self._count.statuses[response.status] += 1
                    if response.status == HTTPStatus.OK:
                        self._judge(await response.json(), asked)
                    else:
                        self._count.failures.append(await response.text())
            except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError) as error:
                self._count.failures.append(f"{place}: {error!r}")
            self._count.latencies.append(time.monotonic() - asked)
            await asyncio.sleep(_PAUSE)

    def _judge(self, servers: Sequence[Mapping[str, Sequence[str]]], asked: float) -> None:
        if not servers:
            raise ValueError("an empty answer")
        for name in {self._relay(url) for server in servers for url in server["urls"]}:
            self._told.named(name, asked=asked)

    def _relay(self, url: str) -> str:
        found = _HOST.match(url)
        if found is None or found["host"] not in self._relays:
            raise ValueError(f"{url} is no relay of this fleet")
        return self._relays[found["host"]]
