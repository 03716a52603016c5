"""``/healthz`` and ``/readyz``: what an orchestrator or a person asks before sending clients here.

Healthy is: this process answers. Ready is: it has a fleet, and every relay in it was looked at
once, so that no early client is sent to a relay that nobody has tried; and if none of them was
good, that was given some time to change.
"""

import asyncio
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Protocol

from aiohttp import hdrs, web
from prometheus_client import core

from turnfleet.api import board
from turnfleet.model import fleet


class Prober(Protocol):
    """What an endpoint has to know of whoever probes its relays."""

    @property
    def settled(self) -> asyncio.Event:
        """Return the event that is set after the first complete round."""

    @property
    def suspicion(self) -> str | None:
        """Return a sentence while the prober doubts itself more than the fleet."""

    def measured(self) -> Iterable[core.Metric]:
        """Yield what it counts about itself."""

    def test_soon(self, key: fleet.RelayKey) -> bool:
        """Test a relay out of turn, within a budget; return whether that makes a difference."""

    def on_tested(self, listener: Callable[[fleet.RelayKey], None]) -> None:
        """Call ``listener`` whenever a client's test of a relay has ended."""


def unready(current: board.Board, prober: Prober | None) -> str | None:
    """Return why the endpoint is not ready, as a sentence, or ``None`` when it is."""
    if not current.fleet.regions:
        return "No region is known yet."
    if not any(region.members for region in current.fleet.regions.values()):
        return "No region has a relay yet."
    if prober is not None and not prober.settled.is_set():
        return "The relays have not all been tried yet."
    return None


def verdict(sentence: str | None) -> web.Response:
    """Return 200 and "ok", or 503 and the sentence."""
    status = HTTPStatus.OK if sentence is None else HTTPStatus.SERVICE_UNAVAILABLE
    return web.Response(
        status=status,
        text=f"{sentence or 'ok'}\n",
        headers={hdrs.CACHE_CONTROL: "no-store"},
    )
