"""The last words of relays: what their containers left in the status of their pods.

Decides nothing. Whoever can make a container write can have written anything: what is no such
message is none.
"""

import json
from dataclasses import dataclass
from typing import Final

from turnfleet.kube import fields
from turnrelay import contract

_CUT_MAX: Final = 10_000_000
_REASON_MAX: Final = 200
"""Characters kept of the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What a relay said when it ended."""

    at: str
    """When its container ended, in the kubelet's words."""
    cut: int
    """Live allocations that this ended."""
    reason: str


def news(before: fields.Object, after: fields.Object) -> Words | None:
    """Return what a pod's relay has said since the pod was seen ``before``."""
    said = _words(after)
    return None if said == _words(before) else said


def _words(found: fields.Object) -> Words | None:
    for container in fields.items(found, "status", "containerStatuses"):
        for state in ("state", "lastState"):  # the latter once it was started again
            ended = fields.mapping(container, state, "terminated")
            words = _read(fields.text(ended, "message"), at=fields.text(ended, "finishedAt"))
            if words is not None:
                return words
    return None


def _read(message: str, *, at: str) -> Words | None:
    try:
        said = json.loads(message)
    except (ValueError, RecursionError):
        return None
    cut = fields.whole(said, contract.PARTING_CUT)
    if cut is None or not 0 <= cut <= _CUT_MAX:
        return None
    return Words(at=at, cut=cut, reason=fields.text(said, contract.PARTING_REASON)[:_REASON_MAX])
