"""Whose relay ports are closed when no packet comes from one relay to another and back. Pure.

A pair that fails accuses both of its relays. So a relay is tried with another partner, preferably
one that is known to relay, and in the end with itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from turnfleet.model import fleet

_WITNESSES: Final = 2
"""Proven partners that must fail with a relay that still relays to itself."""


class Outcome(Enum):
    """How one exchange of packets ended."""

    PASSED = "passed"
    LOST = "lost"
    NO_PARTNER = "no partner"
    """The partner gave no allocation: says nothing about the relay."""


class Blame(Enum):
    """What is known of a relay's ports after a test."""

    CLEAR = "clear"
    """A packet came through, or there was nobody to try it with."""
    CLOSED = "closed"
    """The relay is the one that does not relay."""
    UNSURE = "unsure"
    """It or its partners; until the partners have proven themselves with others, it is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A packet sent there and back. ``proven``: the partner relayed lately with somebody."""

    partner: fleet.RelayKey
    proven: bool
    outcome: Outcome


def judge(relay: fleet.RelayKey, exchanges: Sequence[Exchange]) -> Blame:
    """Return what a relay's exchanges show about its own relay ports."""
    if any(
        exchange.outcome is Outcome.PASSED and exchange.partner != relay for exchange in exchanges
    ):
        return Blame.CLEAR
    lost = [exchange for exchange in exchanges if exchange.outcome is Outcome.LOST]
    with_itself = any(exchange.partner == relay for exchange in lost)
    witnesses = {e.partner for e in lost if e.proven and e.partner != relay}
    if with_itself or len(witnesses) >= _WITNESSES:
        return Blame.CLOSED
    return Blame.UNSURE if lost else Blame.CLEAR


def partners(
    relay: fleet.RelayKey, others: Sequence[fleet.RelayKey], proven: frozenset[fleet.RelayKey]
) -> tuple[fleet.RelayKey, ...]:
    """Return whom to try a relay with, in order: two others, proven ones first, then itself."""
    ordered = sorted((other for other in others if other != relay), key=lambda o: o not in proven)
    return (*ordered[:_WITNESSES], relay)
