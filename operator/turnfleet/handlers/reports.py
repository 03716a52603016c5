"""What an agent's /status says, as plans look at it.

Total: an agent may be of another version, and whatever answers on its port may be no agent at all;
what makes no sense is read as absent.
"""

import math
from typing import Final

from turnfleet.plan.cluster import observed
from turnrelay import contract

_STATES: Final = frozenset(state.value for state in contract.State)
_NUMBER_MAX: Final = 2**53
_SHORT: Final = 128
"""Characters of a hash; a longer one is none of ours."""
_COMPLAINTS_MAX: Final = 8
_COMPLAINT_MAX: Final = 300


def read(document: object, *, instance: str, at: float) -> observed.Report | None:
    """Return what the agent of pod ``instance`` said; ``None``: it is another one, or none."""
    match document:
        case {"instance": str(told), "state": str(state), **rest} if (
            told == instance and state in _STATES
        ):
            certificate = rest.get("certificate")
            served = certificate if isinstance(certificate, dict) else {}
            return observed.Report(
                at=at,
                state=contract.State(state),
                generation=_whole(rest.get("generation")),
                proven_generation=_whole(rest.get("provenGeneration")),
                allocations=_whole(rest.get("allocations")),
                live_hash=_text(rest.get("liveHash")),
                certificate_not_after=_moment(served.get("notAfter")),
                certificate_fingerprint=_text(served.get("fingerprint")),
                complaints=_sentences(rest.get("complaints")),
            )
        case _:
            return None


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        return 0
    return value if 0 <= value < _NUMBER_MAX else 0


def _moment(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and 0 <= value < _NUMBER_MAX else None


def _text(value: object) -> str:
    return value if isinstance(value, str) and len(value) <= _SHORT else ""


def _sentences(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ()
    found = (one[:_COMPLAINT_MAX] for one in value if isinstance(one, str) and one)
    return tuple(found)[:_COMPLAINTS_MAX]
