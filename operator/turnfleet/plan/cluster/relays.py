"""``status.relays``: every relay, as endpoints need to know it.

the pod                                       state
--------------------------------------------  -----------
is being deleted                              Draining
is on a node that is not there any more       Unreachable
has never been ready                          Starting
is closed                                     Closed
is ready                                      Ready
was ready until its node stopped reporting    as it was: relays outlive kubelets and their way to
                                              the API server, and endpoints prove them from outside
was ready before                              Closed: its own probe fails

An entry tells what the relay was started with, not what is declared by now: a relay that waits for
its turn in a rollout still listens on the old ports.
"""

import itertools
from collections.abc import Mapping
from typing import Final

from turnfleet.model import region
from turnfleet.plan.cluster import addresses, members, past
from turnfleet.plan.cluster.manifests import pod as manifest
from turnrelay import contract

_VERSION_MAX: Final = 128
_RELAYS_MAX: Final = 1000
"""Of one region, as the schema has it: a status with more would be refused as a whole."""
_REASON_MAX: Final = 128
"""Characters: a person who closes a relay by hand may write a novel."""
_AGENT: Final = "agent"
_UNWELL: Final = "NotReady"
"""Why a relay is closed that nobody closed: its own probe fails."""


def entries(
    spec: region.RegionSpec | None,
    roster: members.Roster,
    *,
    closed: Mapping[str, str],
    now: float,
) -> list[dict[str, object]]:
    """Return the entries of all relays, by name. Without a spec they keep what they had."""
    there = (member for member in roster.members if not member.pod.ended)
    return [
        _entry(spec, member, closed=closed.get(member.uid), now=now)
        for member in itertools.islice(there, _RELAYS_MAX)
    ]


def state(member: members.Member, *, closed: bool) -> contract.State:
    """Return what a relay does with clients, as far as the cluster knows."""
    before = None if member.past is None else member.past.state
    gone = member.pod.node is not None and member.node is None
    if member.pod.deleting_until is not None:
        found = contract.State.DRAINING
    elif gone and before is not None:
        found = contract.State.UNREACHABLE
    elif not member.served:
        found = contract.State.STARTING
    elif not closed and (member.pod.ready or (member.silent and before is contract.State.READY)):
        found = contract.State.READY
    else:
        found = contract.State.CLOSED
    return found


def _entry(
    spec: region.RegionSpec | None, member: members.Member, *, closed: str | None, now: float
) -> dict[str, object]:
    pod = member.pod
    before: Mapping[str, object] = {} if member.past is None else member.past.body
    found = state(member, closed=closed is not None)
    same = member.past is not None and member.past.state is found and "since" in before
    published = list(pod.addresses) or [r.address for r in member.finding.publish]
    ports = dict(pod.ports) or _ports(spec, member, before)
    agent_port = ports.pop(_AGENT, None)
    fields = {
        "name": pod.name,
        "instance": pod.uid,
        "node": pod.node,
        "zone": None if member.node is None else member.node.zone,
        "addresses": published,
        "hostname": before.get("hostname")
        if spec is None
        else addresses.hostname(spec.addresses, pod.node, published),
        "ports": ports,
        "agent": {"address": pod.host_addresses[0], "port": agent_port}
        if pod.host_addresses and agent_port is not None
        else before.get("agent"),
        "state": found.value,
        "since": before["since"] if same else past.moment(now),
        "reason": reason(member, found, closed),
        "drainingUntil": draining_until(member),
        "version": _version(pod.image),
    }
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}


def reason(member: members.Member, found: contract.State, closed: str | None) -> str | None:
    """Return why a relay takes no new clients."""
    match found:
        case contract.State.CLOSED:
            return (closed or _UNWELL)[:_REASON_MAX]
        case contract.State.DRAINING:
            return (member.pod.closed or "")[:_REASON_MAX]
        case _:
            return None


def draining_until(member: members.Member) -> str | None:
    """Return when a relay cuts what is left: its pod's end, less what the agent keeps for itself.

    Once it was told it only ever gets earlier: what is declared later is nothing to this drain.
    """
    pod = member.pod
    if pod.deleting_until is None:
        return None
    cut = pod.deleting_until
    if pod.grace is not None and pod.grace > manifest.GRACE:
        cut -= manifest.GRACE
    told = None if member.past is None else past.seconds(member.past.body.get("drainingUntil"))
    return past.moment(cut if told is None else min(cut, told))


def _ports(
    spec: region.RegionSpec | None, member: members.Member, before: Mapping[str, object]
) -> dict[str, object]:
    """Return the ports by name where the pod itself does not tell: as published, or as declared."""
    match before:
        case {"ports": {**ports}, "agent": {"port": port}} if spec is None or not member.current:
            return {**{str(name): number for name, number in ports.items()}, _AGENT: port}
        case _ if spec is None:
            return {}
    listening = {t.value: spec.listeners.port(t) for t in region.Transport}
    return {
        **{name: port for name, port in listening.items() if port is not None},
        _AGENT: spec.agent_port,
    }


def _version(image: str) -> str:
    """Return the tag or digest of an image."""
    name, _, digest = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    return (tag or digest)[:_VERSION_MAX]
