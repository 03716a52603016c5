"""Clients all over the world that ask one endpoint without a pause, and judge every answer.

A 503 is right for one thing alone: a client that may not leave a residency group of which every
relay is down, or was until a moment ago and has yet to prove itself.
"""

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
_PROVEN_WITHIN = 45.0
"""Seconds that a relay may take, once it is back, to be offered: restart, Allocate, damping."""
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
    excused: int = 0
    """503 for a residency group that was down indeed."""

    @property
    def server_errors(self) -> int:
        """Return how many answers were 5xx without an excuse."""
        errors = sum(n for status, n in self.statuses.items() if status >= _SERVER_ERROR)
        return errors - self.excused


class Crowd:
    """Asks; ``relays`` are names by address, ``groups`` the relays of residency groups."""

    def __init__(
        self,
        url: str,
        *,
        relays: Mapping[str, str],
        groups: Mapping[str, Sequence[str]],
        told: ledger.Ledger,
        count: Count,
    ) -> None:
        self._url = f"{url}/api/get-ice-servers"
        self._relays = relays
        self._groups = groups
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
                    elif self._is_excused(await response.json(content_type=None)):
                        self._count.excused += 1
                    else:
                        self._count.failures.append(await response.text())
            except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError) as error:
                self._count.failures.append(f"{place}: {error!r}")
            self._count.latencies.append(time.monotonic() - asked)
            await asyncio.sleep(_PAUSE)

    def _is_excused(self, problem: Mapping[str, object]) -> bool:
        if problem.get("status") != HTTPStatus.SERVICE_UNAVAILABLE:
            return False
        group = self._groups.get(str(problem.get("residency")), ())
        now = time.monotonic()
        ups = [self._told.up_for(relay, at=now) for relay in group]
        return bool(ups) and max(ups) < _PROVEN_WITHIN

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
