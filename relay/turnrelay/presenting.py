"""Which certificate coturn serves: it is told to load the installed one, and asked until it does.

coturn says nothing to whoever signals it, and keeps what it has where it does not like a pair. Only
a handshake tells what clients meet. Names and chains are what endpoints verify, from outside.
"""

import asyncio
import logging
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from turnrelay import certificate, selfprobe, supervising, turn

if TYPE_CHECKING:
    import ssl

_LOG: Final = logging.getLogger(__name__)
_LOOK_EVERY: Final = 0.2
_PATIENCE: Final = 2.0
"""Seconds for a handshake; coturn is on the same host."""
_PAUSE_MAX: Final = 15.0
_TELL_AT: Final = 4
"""Which attempt in vain is worth a complaint: the fourth, three seconds after the first."""


class Presenting:
    """Makes coturn serve the installed certificate. ``complain`` notes what keeps it from that."""

    def __init__(
        self,
        *,
        run: Callable[[], supervising.Run | None],
        installed: Callable[[], certificate.Certificate | None],
        complain: Callable[[str, str | None], None],
    ) -> None:
        self.served: certificate.Certificate | None = None
        """What the last handshake found; ``None`` before the first one in this life of coturn."""
        self._run = run
        self._installed = installed
        self._complain = complain
        self._life: supervising.Run | None = None
        self._wanted: certificate.Certificate | None = None
        self._settled = False
        self._in_vain = 0
        self._due = 0.0

    async def keep_looking(self) -> None:
        """Look for ever."""
        while True:
            await self._look()
            await asyncio.sleep(_LOOK_EVERY)

    async def _look(self) -> None:
        life, wanted = self._run(), self._installed()
        if life is not self._life:
            # A new life has read what is installed now.
            self._life, self._wanted, self.served = life, wanted, None
            self._start_over()
        elif wanted is not self._wanted:
            # Equal leaves may come with other chains, so it is told in any case.
            self._wanted = wanted
            self._tell()
            self._start_over()
        if life is None or wanted is None or life.settings.listeners.tls is None:
            return
        if not self._settled and asyncio.get_running_loop().time() >= self._due:
            await self._ask(life, wanted)

    async def _ask(self, life: supervising.Run, wanted: certificate.Certificate) -> None:
        found = await _presented(life, wanted)
        if life is not self._run():
            return
        if isinstance(found, certificate.Certificate):
            self.served = found
            if found.fingerprint == wanted.fingerprint:
                self._settle(found)
                return
            self._tell()
            found = "coturn goes on serving another certificate than the one it was given"
        self._in_vain += 1
        if self._in_vain >= _TELL_AT:
            self._complain("served", found)
        pause = min(_LOOK_EVERY * 2.0 ** min(self._in_vain, 16), _PAUSE_MAX)
        self._due = asyncio.get_running_loop().time() + pause

    def _tell(self) -> None:
        # Only to a coturn that has shown a certificate: one that is just starting would die of it.
        if self._life is not None and self.served is not None:
            self._life.process.signal(signal.SIGUSR2)

    def _settle(self, found: certificate.Certificate) -> None:
        self._settled = True
        self._complain("served", None)
        _LOG.info("serving the certificate with SHA-256 %s…", found.fingerprint[:16])

    def _start_over(self) -> None:
        self._settled, self._in_vain, self._due = False, 0, 0.0
        self._complain("served", None)


async def _presented(
    life: supervising.Run, wanted: certificate.Certificate
) -> certificate.Certificate | str:
    """Return what the TLS listeners show: the first thing that is not ``wanted``, if any is not.

    A sentence says why one shows nothing.
    """
    found: certificate.Certificate | str = wanted
    for server in selfprobe.servers(life.settings, life.placed):
        if server.transport is turn.Transport.TLS:
            found = await _shown(server)
            if isinstance(found, str) or found.fingerprint != wanted.fingerprint:
                break
    return found


async def _shown(server: turn.Server) -> certificate.Certificate | str:
    where = f"{server.address} port {server.port}"
    try:
        async with asyncio.timeout(_PATIENCE):
            _, writer = await asyncio.open_connection(
                server.address, server.port, ssl=server.context
            )
    except TimeoutError:
        return f"no TLS handshake at {where} within {_PATIENCE:g} s"
    except OSError as error:  # what TLS itself does not like is one, too
        return f"no TLS handshake at {where}: {error.strerror or error}"
    held: ssl.SSLObject = writer.get_extra_info("ssl_object")
    shown = held.getpeercert(binary_form=True)
    writer.transport.abort()
    found = None if shown is None else certificate.presented(shown)
    return found or f"what is shown at {where} is no certificate"
