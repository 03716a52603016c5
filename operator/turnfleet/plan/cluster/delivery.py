"""Whether what relays mount has reached them, as they say themselves.

A changed ConfigMap or Secret is in a pod's files only when its kubelet has looked again, and in
coturn only when its agent has read them. The agent tells which it has in force; nothing else does.
"""

from dataclasses import dataclass

from turnfleet.plan import agent_config
from turnfleet.plan.cluster import members, observed, rollout
from turnrelay import contract


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """What every relay of a region is to hold now."""

    live_hash: str
    generation: int
    """Of the region's secret; 0: it has none yet."""
    certificate: str = ""
    """Fingerprint of the leaf that relays are to serve; empty: any."""


def parcel(
    told: agent_config.Configuration,
    auth: observed.AuthSecret | None,
    certificate: observed.Certificate | None,
) -> Parcel:
    """Return what every relay of a region is to hold now."""
    usable = certificate is not None and not certificate.problem
    return Parcel(
        live_hash=told.live_hash,
        generation=0 if auth is None else auth.generation,
        certificate=certificate.fingerprint if certificate is not None and usable else "",
    )


def holds(report: observed.Report | None, wanted: Parcel) -> bool:
    """Return whether a relay says that it holds all of it."""
    return (
        report is not None
        and report.live_hash == wanted.live_hash
        and report.generation == wanted.generation
        and wanted.certificate in {"", report.certificate_fingerprint}
    )


def accepts(report: observed.Report | None, generation: int) -> bool:
    """Return whether a relay has shown that it accepts the secret of a generation."""
    return report is not None and report.generation == report.proven_generation == generation


def awaited(roster: members.Roster, moves: rollout.Moves, wanted: Parcel) -> bool:
    """Return whether a plan waits for something that the region's relays tell."""
    leaving = any(not member.pod.ended for member in roster.leaving)
    return (
        leaving
        or bool(moves.surplus or moves.replacing)
        or any(
            not (holds(member.pod.report, wanted) and accepts(member.pod.report, wanted.generation))
            for member in roster.alive
            if _takes_part(member)
        )
    )


def _takes_part(member: members.Member) -> bool:
    """Return whether a relay can be expected to hold anything.

    One whose own coturn has never run tells by becoming ready, which marks its region.
    """
    report = member.pod.report
    started = report is None or report.state is not contract.State.STARTING
    return member.pod.node is not None and started
