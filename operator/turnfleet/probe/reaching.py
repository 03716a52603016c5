"""Opens one advertised URL as a client would: resolve, connect, verify, allocate."""

import asyncio
import contextlib
import random
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from turnfleet.ice import credentials
from turnfleet.model import fleet
from turnfleet.model import region as declared
from turnfleet.probe import cadence, targets
from turnrelay import contract, stun, turn

_REASONS: Final[Mapping[int, fleet.Reason]] = {
    stun.Code.UNAUTHENTICATED: fleet.Reason.BAD_CREDENTIAL,
    stun.Code.FORBIDDEN: fleet.Reason.DRAINING,
    stun.Code.ALLOCATION_QUOTA_REACHED: fleet.Reason.FULL,
    stun.Code.INSUFFICIENT_CAPACITY: fleet.Reason.FULL,
}
_CONTEXTS_MAX: Final = 64
_USERS: Final = 4096
"""Probe users. coturn counts a user's quota, and gives it back a second late: one name for all
probes would find a small quota used up by themselves. It also keeps each name it has seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """How it went. No reason and no allocation: this machine has no way there, so who knows."""

    url: targets.Url
    reason: fleet.Reason | None = None
    allocation: turn.Allocation | None = None


class Reacher:
    """Mints credentials and keeps what verifies certificates."""

    def __init__(
        self, rhythm: cadence.Cadence, *, wall: Callable[[], float], rng: random.Random
    ) -> None:
        self._rhythm = rhythm
        self._wall = wall
        self._rng = rng
        self._contexts: dict[str | None, ssl.SSLContext] = {}

    async def reach(
        self, target: targets.Target, url: targets.Url, *, keep: contextlib.AsyncExitStack
    ) -> Reached:
        """Allocate through one URL; the connection stays open as long as ``keep``."""
        if target.secret is None:
            return Reached(url=url, reason=fleet.Reason.NO_SECRET)
        credential = credentials.mint(
            secret=target.secret.value,
            user=f"{contract.PROBE_USER}.{self._rng.randrange(_USERS)}",
            expires=int(self._wall()) + self._rhythm.credential_ttl,
        )
        if not await self._resolves(url):
            return Reached(url=url, reason=fleet.Reason.NAME_UNRESOLVED)
        try:
            connection = await keep.enter_async_context(
                turn.connect(self.server(target, url), timeout=self._rhythm.trial_timeout)
            )
            allocation = await connection.allocate(
                username=credential.username, password=credential.password
            )
        except turn.Unroutable:
            return Reached(url=url)
        except turn.Failure as failure:
            return Reached(url=url, reason=_reason(failure))
        return Reached(url=url, allocation=allocation)

    def server(self, target: targets.Target, url: targets.Url) -> turn.Server:
        """Return where a URL leads, and what verifies it."""
        return turn.Server(
            address=url.address,
            port=url.port,
            transport=turn.Transport(url.transport.value),
            server_name=url.server_name,
            context=self._context(target.ca) if url.transport is declared.Transport.TLS else None,
        )

    def _context(self, ca: str | None) -> ssl.SSLContext:
        known = self._contexts.get(ca)
        if known is None:
            if len(self._contexts) >= _CONTEXTS_MAX:
                self._contexts.clear()
            known = self._contexts[ca] = turn.verifier()
            if ca is not None:
                # A broken PEM verifies nothing, which each handshake then reports.
                with contextlib.suppress(ssl.SSLError, ValueError):
                    known.load_verify_locations(cadata=ca)
        return known

    async def _resolves(self, url: targets.Url) -> bool:
        if url.server_name is None:
            return True
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._rhythm.trial_timeout):
                found = await loop.getaddrinfo(url.server_name, url.port, type=socket.SOCK_DGRAM)
        except TimeoutError:
            return True  # a slow resolver is ours, and says nothing about the name
        except socket.gaierror as error:
            return error.errno == socket.EAI_AGAIN
        except (OSError, UnicodeError):
            return False
        return any(address[0] == url.address for *_, address in found)


def _reason(failure: turn.Failure) -> fleet.Reason:
    match failure:
        case turn.Refused(code=code):
            return _REASONS.get(code, fleet.Reason.UNPROVEN)
        case turn.TlsFailed(expired=True):
            return fleet.Reason.CERTIFICATE_EXPIRED
        case turn.TlsFailed(unknown=True):
            return fleet.Reason.CERTIFICATE_UNKNOWN
        case turn.TlsFailed(mismatch=True):
            return fleet.Reason.CERTIFICATE_MISMATCH
        case _:
            return fleet.Reason.UNREACHABLE
