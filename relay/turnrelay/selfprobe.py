"""The agent as a client of its own coturn: a real Allocate, and a STUN Binding.

An Allocate is the only probe that proves secret, ports and relay together (under 5 ms); Binding
says only that coturn answers at all. Any TURN error code is an answer: coturn is alive.
"""

import asyncio
import contextlib
import errno
import ssl
from collections.abc import Sequence
from typing import Final, NamedTuple

from turnrelay import auth, config, contract, lifecycle, placing, turn

_PATIENCE: Final = 1.0
"""Seconds for each answer; coturn is on the same host."""
_LIFETIME: Final = 600
"""coturn grants no less."""
_OUR_FAULT: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""The agent could not even ask, which is no reason to end coturn."""
_VALID: Final = 60
"""Seconds that a probe's credential is good for."""


def servers(settings: config.Config, placed: placing.Placing) -> tuple[turn.Server, ...]:
    """Return every listener of the relay, cheapest to ask first."""
    listeners = settings.listeners
    ports = (
        (turn.Transport.UDP, listeners.udp),
        (turn.Transport.TCP, listeners.tcp),
        (turn.Transport.TLS, listeners.tls),
    )
    return tuple(
        turn.Server(
            address=address,
            port=port,
            transport=transport,
            context=_unverified() if transport is turn.Transport.TLS else None,
        )
        for transport, port in ports
        if port is not None
        for address in placed.bind
    )


def _unverified() -> ssl.SSLContext:
    # Names and chains are what endpoints verify, from outside; here only coturn's pulse counts. A
    # default context would read every authority of the system first, which takes 60 ms.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Outcome(NamedTuple):
    """What an Allocate proved, and the relay port it had, which coturn frees within a second."""

    proof: lifecycle.Proof
    port: int | None = None


async def allocate(
    server: turn.Server, *, secret: str, user_suffix: str, now: float, ipv6: bool
) -> Outcome:
    """Allocate, release, and return what that proves.

    ``user_suffix`` must not have been used for ten minutes: an allocation whose release got lost
    lives on for as long, and would fill the probe user's own quota.
    """
    username, password = auth.credential(
        secret=secret,
        user=f"{contract.PROBE_USER}.{user_suffix}",
        expires=int(now) + _VALID,
    )
    try:
        async with turn.connect(server, timeout=_PATIENCE) as connection:
            allocation = await connection.allocate(
                username=username,
                password=password,
                family="IPv6" if ipv6 else "IPv4",
                lifetime=_LIFETIME,
            )
            with contextlib.suppress(turn.Failure):
                await allocation.release()
    except turn.Refused as refusal:
        return Outcome(lifecycle.Refused(refusal.code))
    except turn.Failure as failure:
        return Outcome(lifecycle.Silent(str(failure)))
    return Outcome(lifecycle.Proven(), allocation.relayed.port)


async def answers(listeners: Sequence[turn.Server]) -> bool:
    """Whether any of the listeners answers."""
    return any(await asyncio.gather(*map(_binding, listeners)))


async def _binding(server: turn.Server) -> bool:
    try:
        async with turn.connect(server, timeout=_PATIENCE) as connection:
            await connection.binding()
    except turn.Refused:
        return True
    except turn.Failure as failure:
        cause = failure.__cause__
        return isinstance(cause, OSError) and cause.errno in _OUR_FAULT
    return True
