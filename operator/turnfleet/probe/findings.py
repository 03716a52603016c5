"""What the prober can find out about a relay besides its pulse, as values."""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from turnfleet.model import fleet
from turnfleet.model import region as declared
from turnrelay import contract

_REPORTED: Final = frozenset(fleet.Reason)
_LOAD_MAX: Final = 1000.0
_FINGERPRINT_MAX: Final = 64
_COUNT_MAX: Final = 1 << 53
"""What a float can count to: more is nonsense, and would be turned into one."""


class Evidence(StrEnum):
    """What a second look over TCP shows about a relay whose UDP is silent."""

    REFUSED = "Refused"
    """Its host is there and says that nobody listens: it is dead, and the way to it is fine."""
    MUTE = "Mute"
    """Its host takes the connection and nobody speaks: it hangs, and the way to it is fine."""
    SPEAKS = "Speaks"
    """It answers STUN over TCP or TLS: it lives, and only UDP does not get through."""
    SILENT = "Silent"
    """Nothing at all: it, its host or the way to it is gone."""

    @property
    def proves_death(self) -> bool:
        """Return whether this cannot be the prober's own fault."""
        return self in {Evidence.REFUSED, Evidence.MUTE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What an agent says about its own relay."""

    instance: str
    reason: fleet.Reason | None
    """``None``: it takes clients."""
    certificate: str = ""
    """Fingerprint of the leaf that it serves; empty: none."""
    usage: fleet.Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How a client's test of one relay ended."""

    working: frozenset[declared.Transport]
    failing: tuple[tuple[declared.Transport, fleet.Reason], ...] = ()
    silent: frozenset[str] = frozenset()
    """Addresses that failed while another address of the relay works."""

    @property
    def reason(self) -> fleet.Reason | None:
        """Return why nothing of the relay works: the most telling of the failures."""
        if self.working:
            return None
        reasons = {reason for _, reason in self.failing}
        return next((reason for reason in _TELLING if reason in reasons), fleet.Reason.UNPROVEN)

    @property
    def refused(self) -> bool:
        """Return whether the relay knows the secret no more, or not yet."""
        return any(reason is fleet.Reason.BAD_CREDENTIAL for _, reason in self.failing)


_TELLING: Final = (
    fleet.Reason.BAD_CREDENTIAL,
    fleet.Reason.DRAINING,
    fleet.Reason.FULL,
    fleet.Reason.RELAY_PORTS_CLOSED,
    fleet.Reason.CERTIFICATE_MISMATCH,
    fleet.Reason.CERTIFICATE_UNKNOWN,
    fleet.Reason.CERTIFICATE_EXPIRED,
    fleet.Reason.NAME_UNRESOLVED,
    fleet.Reason.UNREACHABLE,
)
"""An answer tells more than silence does."""


def read_report(document: object) -> Report | None:
    """Return what a /status document says, or ``None`` where it is not one."""
    match document:
        case {"instance": str(instance), "state": str(state), "ready": bool(ready), **rest}:
            return Report(
                instance=instance,
                reason=_reason(state, ready=ready, word=rest.get("reason")),
                certificate=_fingerprint(rest.get("certificate")),
                usage=fleet.Usage(
                    load=_load(rest.get("load")),
                    allocations=_count(rest.get("allocations")) or 0,
                    begun=_count(rest.get("begun")),
                ),
            )
        case _:
            return None


def _reason(state: str, *, ready: bool, word: object) -> fleet.Reason | None:
    match state:
        case contract.State.READY if ready:
            return None
        case contract.State.DRAINING:
            return fleet.Reason.DRAINING
        case contract.State.CLOSED:
            return _named(word, otherwise=fleet.Reason.CLOSED)
        case _:
            return _named(word, otherwise=fleet.Reason.STARTING)


def _named(word: object, *, otherwise: fleet.Reason) -> fleet.Reason:
    return fleet.Reason(word) if isinstance(word, str) and word in _REPORTED else otherwise


def _fingerprint(certificate: object) -> str:
    match certificate:
        case {"fingerprint": str(fingerprint)}:
            return fingerprint[:_FINGERPRINT_MAX]
        case _:
            return ""


def _load(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    if isinstance(value, float) and math.isnan(value):
        return 0.0
    return float(min(max(value, 0.0), _LOAD_MAX))


def _count(value: object) -> int | None:
    return value if type(value) is int and 0 <= value <= _COUNT_MAX else None
