"""A rotation under way: who asked for it, whom it waits for, who has missed it.

the Secret holds                relays accept  endpoints sign with  goes on when
------------------------------  -------------  -------------------  ---------------------------
current                         current        current              somebody asks, or on time
current, previous               both, once     previous             every relay that clients may
                                they have it                        be sent to accepts current
current, previous               both           told: current        their Secret says so
current, previous, retireAfter  both           current              nothing that was signed with
                                                                    previous is good any more

A relay accepts a secret when it says that an Allocate of its own has worked with it. One that can
say nothing, because its node or its agent is away, is waited for ``AWAY`` and then left behind: it
is closed as soon as it is heard of, until it has caught up.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from turnfleet.plan import agent_config
from turnfleet.plan.cluster import members, observed

AWAY: Final = 120.0
"""Seconds for which a relay that cannot tell holds up a rotation: every kubelet that is there has
refreshed what its pods mount by then, without being nudged."""

_NOW: Final = "now:"
_REQUEST: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


class Phase(StrEnum):
    """How far a rotation is."""

    SETTLED = "Settled"
    """One secret, and none is under way."""
    SPREADING = "Spreading"
    """Relays are being given the new secret."""
    SWITCHING = "Switching"
    """Endpoints are being told to sign with it."""
    OVERLAP = "Overlap"
    """Relays go on accepting the old one until nothing signed with it is good any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the annotation ``turnfleet.io/rotate`` asks for, once for each text."""

    id: str
    now: bool = False
    """The old secret is refused at once."""


def request(text: str) -> Request | None:
    """Return what an annotation asks for; any text will do, as ``$(date)`` does."""
    stated = text.strip()
    now = stated.startswith(_NOW)
    stated = stated.removeprefix(_NOW)
    if not stated:
        return None
    plain = _REQUEST.fullmatch(stated) is not None
    return Request(id=stated if plain else agent_config.fingerprint(stated), now=now)


def annotation(wanted: Request) -> str:
    """Return the annotation that asks for this."""
    return f"{_NOW if wanted.now else ''}{wanted.id}"


def accepts(report: observed.Report | None, generation: int) -> bool:
    """Return whether a relay has shown that it accepts the secret of a generation."""
    return report is not None and report.generation == report.proven_generation == generation


def awaited(
    roster: members.Roster, auth: observed.AuthSecret, now: float
) -> tuple[members.Member, ...]:
    """Return the relays that hold up the switch to a new secret."""
    began = now if auth.rotated_at is None else auth.rotated_at
    patient = now < began + AWAY
    return tuple(
        member
        for member in roster.alive
        if not accepts(member.pod.report, auth.generation)
        and _concerned(member)
        and (patient or _answers(member))
    )


def missed(roster: members.Roster, auth: observed.AuthSecret) -> tuple[members.Member, ...]:
    """Return the relays that say that they hold another secret than the current one."""
    return tuple(
        member
        for member in roster.alive
        if member.pod.report is not None
        and member.pod.report.generation not in {0, auth.generation}
    )


def _concerned(member: members.Member) -> bool:
    """Return whether clients may be sent to a relay, or may be in a moment.

    One that has not begun to run mounts what there is when it does.
    """
    return member.pod.node is not None and (member.served or member.pod.report is not None)


def _answers(member: members.Member) -> bool:
    """Return whether it can tell, or nobody knows yet: who has just begun to ask has to wait."""
    if member.pod.mute or not member.pod.host_addresses:
        return False
    return member.pod.report is None or (member.pod.ready and not member.silent)
