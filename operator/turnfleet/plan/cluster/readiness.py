"""The condition Ready: whether clients are given relays of this region, and if not, what to do."""

import ipaddress
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from turnfleet import names
from turnfleet.plan.cluster import facts, members, progress, relays
from turnrelay import contract, ranges

_WHY_MAX: Final = 40
"""Characters: a person who closes a relay by hand may write a novel, and six may be listed."""


def _without_address(known: facts.Facts) -> facts.Answer | None:
    lacking = _addressless(known)
    if lacking is None or known.taking or known.unseen:
        return None
    return facts.no(
        "NoAddress",
        f"{lacking}; or add InternalIP to addresses.from where clients are on the nodes' own"
        " network",
    )


def _addressless(known: facts.Facts) -> str | None:
    """Return which nodes lack an address that their relay needs, and what to do, if any does."""
    lacking = [member for member in known.roster.alive if member.finding.missing]
    if not lacking or known.spec is None:
        return None
    nodes = sorted({str(member.pod.node) for member in lacking})
    families = " or ".join(sorted({each for member in lacking for each in member.finding.missing}))
    sources = ", ".join(known.spec.addresses.sources)
    one = len(nodes) == 1
    return (
        f"{'node' if one else 'nodes'} {facts.listed_names(nodes)} {'has' if one else 'have'} no"
        f" public {families} address by addresses.from [{sources}]. Give {'it' if one else 'each'}"
        f" one: kubectl annotate node {nodes[0] if one else 'NODE'}"
        f" {names.ANNOTATION_ADDRESSES}=ADDRESS"
    )


def _isolated(known: facts.Facts) -> facts.Answer | None:
    """Tell of relays that no relay takes a packet of."""
    alone = _alone(known)
    if not alone or len(alone) < len(known.taking):
        return None
    return facts.no("AddressNoPeer", _no_peers(alone))


def _alone(known: facts.Facts) -> list[members.Member]:
    return [member for member in known.taking if _is_isolated(member.pod.addresses)]


def _no_peers(alone: Sequence[members.Member]) -> str:
    where = facts.listed_names([f"{m.pod.node} ({', '.join(m.pod.addresses)})" for m in alone])
    return (
        f"the only addresses of relays on {where} are link-local, unique-local or"
        " site-local. coturn takes none of these as a peer from 4.17 on, so that no two clients"
        " meet through them and endpoints do not offer them: give these nodes other IPv6"
        " addresses, or add IPv4 to addresses.families"
    )


def _is_isolated(addresses: Sequence[str]) -> bool:
    networks = map(ipaddress.ip_network, addresses)
    return bool(addresses) and all(map(ranges.is_never_peer, networks))


def _stale(known: facts.Facts) -> facts.Answer | None:
    stale = sorted(
        f"{member.pod.node} ({', '.join(member.finding.stale)})"
        for member in known.taking
        if member.finding.stale
    )
    if not stale:
        return None
    return facts.yes(
        "AddressStale",
        "relays keep addresses that their nodes do not name any more, rather than take worse ones:"
        f" {'; '.join(stale)}",
    )


def _serving(known: facts.Facts) -> facts.Answer | None:
    if not known.taking:
        return None
    # In a hold nobody knows how many there should be.
    wanted = known.roster.desired if known.verdict.accepted else len(known.roster.alive)
    missing = wanted - len(known.taking)
    alone = _alone(known)
    if missing <= 0:
        if alone:
            return facts.yes("AddressNoPeer", _no_peers(alone))
        return facts.yes("Ready", "every relay takes new clients")
    idle = facts.listed_names([_with_reason(known, member) for member in known.idle])
    unseen = facts.listed(known.unseen)
    lacking = _addressless(known)
    # A word of its own only where room is all that lacks: Progressing tells of what else is amiss.
    unplaced = all(member.pod.node is None for member in (*known.idle, *known.unseen))
    crowded = progress.crowded(known) if unplaced and known.verdict.accepted else None
    return facts.yes(
        "Degraded" if crowded is None else crowded.reason,
        f"{facts.count(missing)} too few take new clients"
        f"{f'; these are there and do not: {idle}' if idle else ''}"
        f"{f'; the nodes of these are not ready, so nobody knows: {unseen}' if unseen else ''}"
        f"{f'; {lacking}' if lacking else ''}"
        f"{f'; {_no_peers(alone)}' if alone else ''}"
        f"{'' if crowded is None else f'; {crowded.message}'}",
    )


def _with_reason(known: facts.Facts, member: members.Member) -> str:
    """Return a relay with why it takes nobody, as its entry in the status has it."""
    state = known.states[member.uid]
    why = relays.reason(member, state, known.moves.closed.get(member.uid)) or state.value
    short = why if len(why) <= _WHY_MAX else f"{why[:_WHY_MAX]}..."
    return f"{member.pod.name} ({short})"


def _unseen(known: facts.Facts) -> facts.Answer | None:
    if not known.unseen:
        return None
    names = facts.listed(known.unseen)
    return facts.no(
        "NodesNotReady",
        f"the nodes of all relays that took new clients are not ready: {names}. Relays go on"
        " without their kubelet, so endpoints offer those that they reach",
    )


def _draining(known: facts.Facts) -> facts.Answer | None:
    if known.roster.alive or not known.roster.leaving:
        return None
    return facts.no("Draining", "all its relays drain and take no new clients")


def _none_wanted(known: facts.Facts) -> facts.Answer | None:
    if known.spec is None or known.roster.desired:
        return None
    if known.spec.external_relays:
        return facts.yes("ExternalOnly", "its relays are external; endpoints look after those")
    return facts.no("NoRelays", "it is declared to have no relays")


def _closed(known: facts.Facts) -> facts.Answer | None:
    alive = known.roster.alive
    if not alive or any(known.states[m.uid] is not contract.State.CLOSED for m in alive):
        return None
    closed = known.moves.closed
    reasons = ", ".join(sorted({closed[m.uid] for m in alive if m.uid in closed}))
    return facts.no(
        "Closed", f"no relay takes new clients: {reasons or 'they refuse their own probe'}"
    )


def _starting(known: facts.Facts) -> facts.Answer | None:
    names = facts.listed(known.roster.alive)
    waiting = f"these are not ready yet: {names}" if names else "there is none yet"
    return facts.no("Starting", f"no relay takes new clients; {waiting}")


def _held(known: facts.Facts) -> facts.Answer | None:
    """Tell of a hold before anything else: who only looks at one word has to see that one."""
    if known.verdict.accepted or known.identity.deleting:
        return None
    goes_on = facts.first(_OF_RELAYS, known)
    return goes_on and replace(
        goes_on,
        reason="Held",
        message=f"the spec is not accepted, as the condition Accepted says; {goes_on.message}",
    )


_OF_RELAYS: Final[Sequence[facts.Check]] = (
    _without_address,
    _isolated,
    _stale,
    _serving,
    _unseen,
    _draining,
    _none_wanted,
    _closed,
    _starting,
)
CHECKS: Final[Sequence[facts.Check]] = (_held, *_OF_RELAYS)
"""The first that has an answer gives the condition."""
