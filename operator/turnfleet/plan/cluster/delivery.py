"""Whether what relays mount has reached them, as they say themselves, and the nudge until it has.

A changed ConfigMap or Secret is in a pod's files only when its kubelet has looked again, which it
does within a minute or two, or at once when an annotation of the pod changes. So the annotation
``turnfleet.io/mounted`` says what the files should hold by now: a hash, how often the kubelet was
nudged for it, and when. A relay that holds everything is left alone, whatever its annotation says,
and one that never will is nudged a bounded number of times.
"""

from dataclasses import dataclass
from typing import Final

from turnfleet.plan import agent_config
from turnfleet.plan.cluster import members, observed, rollout, rotation
from turnrelay import contract

AGAIN: Final = 15.0
"""Seconds from one nudge to the next: the kubelet may have looked before it knew of the change."""
MOST: Final = 8
"""Nudges for one and the same content; a kubelet has looked by itself in that time."""
PATIENCE: Final = 2
"""Nudges until the time of the last of which nothing is amiss: the first may come too early."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """What every relay of a region is to hold now."""

    hash: str
    """Of all of it; no secret can be told from it."""
    live_hash: str
    generation: int
    """Of the region's secret; 0: it has none yet."""
    certificate: str = ""
    """Fingerprint of the leaf that relays are to serve; empty: any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nudge:
    """What becomes of a relay's annotation now."""

    value: str | None = None
    """``None``: it stays as it is."""
    again: float | None = None
    """Unix seconds at which to look again."""
    young: bool = False
    """Whether it is too early to say that the relay does not take over what it is to hold."""


def parcel(
    told: agent_config.Configuration,
    auth: observed.AuthSecret | None,
    certificate: observed.Certificate | None,
) -> Parcel:
    """Return what every relay of a region is to hold now."""
    usable = certificate is not None and not certificate.problem
    leaf = certificate.fingerprint if certificate is not None and usable else ""
    generation = 0 if auth is None else auth.generation
    secrets = () if auth is None else (str(auth.retire_after), str(auth.previous is None))
    # A key of 256 random bits cannot be found from a few letters of its hash.
    key = "" if auth is None else agent_config.fingerprint(auth.agent_key)
    return Parcel(
        hash=agent_config.fingerprint(told.live_hash, leaf, str(generation), *secrets, key)[:_HASH],
        live_hash=told.live_hash,
        generation=generation,
        certificate=leaf,
    )


def holds(pod: observed.Pod, wanted: Parcel) -> bool:
    """Return whether a relay says that it holds all of it, as far as that concerns it."""
    report = pod.report
    return (
        report is not None
        and report.live_hash == wanted.live_hash
        and report.generation == wanted.generation
        # One that waits for its turn in a rollout may have been started without TLS.
        and (_TLS not in pod.ports or wanted.certificate in {"", report.certificate_fingerprint})
    )


def awaited(roster: members.Roster, moves: rollout.Moves, wanted: Parcel) -> bool:
    """Return whether a plan waits for something that the region's relays tell."""
    leaving = any(not member.pod.ended for member in roster.leaving)
    return (
        leaving
        or bool(moves.surplus or moves.replacing or moves.asking)
        or any(
            not holds(member.pod, wanted)
            or not rotation.accepts(member.pod.report, wanted.generation)
            for member in roster.alive
            if _takes_part(member)
        )
    )


def nudge(member: members.Member, wanted: Parcel, now: float) -> Nudge:
    """Return what becomes of a relay's annotation now."""
    if holds(member.pod, wanted) or not _can_be_nudged(member):
        return Nudge()
    content, count, at = _read(member.pod.mounted)
    if content != wanted.hash:
        return _nudged(wanted, 1, now)
    if member.pod.report is None or count >= MOST:
        return Nudge()  # it cannot tell, or nudging does not help
    if 0 <= now - at < AGAIN:
        return Nudge(again=at + AGAIN, young=count <= PATIENCE)
    return _nudged(wanted, count + 1, now)


def _can_be_nudged(member: members.Member) -> bool:
    """Return whether it is known to need it: a pod that starts mounts what there is."""
    if member.silent or member.pod.node is None:
        return False
    if member.pod.report is not None:
        return member.pod.report.generation > 0
    return member.pod.mute and member.pod.ready


def _takes_part(member: members.Member) -> bool:
    """Return whether a relay can be expected to hold anything.

    One whose own coturn has never run tells by becoming ready, which marks its region.
    """
    report = member.pod.report
    started = report is None or report.state is not contract.State.STARTING
    return member.pod.node is not None and started


def _nudged(wanted: Parcel, count: int, now: float) -> Nudge:
    value = f"{wanted.hash}.{count}.{int(now)}"
    return Nudge(value=value, again=now + AGAIN, young=count <= PATIENCE)


def _read(annotation: str) -> tuple[str, int, float]:
    """Return what an annotation says: content, how often, when. Anybody may have written it."""
    match annotation.split("."):
        case [content, count, at] if _is_number(count) and _is_number(at):
            return content, int(count), float(at)
        case _:
            return "", 0, 0.0


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _DIGITS


_HASH: Final = 12
_TLS: Final = "tls"
_DIGITS: Final = 15
