"""Which relayed packets a node's kernel lets out, as a text for nft. Pure.

A relay's peer rules allow addresses whole, and the fleet's own relay addresses have to be allowed,
or two clients on two relays never meet. They are addresses of nodes, with other ports than those of
relays. The rules here deny what coturn denies once more, by port, and the node itself:

    sent by                  to                                       verdict
    anything but a relay     anywhere                                 accept
    a relay, by TCP          anywhere (coturn relays none)            accept
    a relay's listener,
    not a relay port         anywhere (answers to clients)            accept
    any other port of one    a relay port, a listener                 accept
                             an address of this node                  turn away
                             an allowed network                       accept
                             a denied network                         turn away
                             anywhere else                            accept

Turned away is sent to port 0, which no socket can have. What is dropped here fails in the sender's
own call instead, and coturn closes an allocation whose packet could not be sent: an ICE check of an
honest client would end its call.

The rules stand where packets leave, since only there is it known who sent them: on the way in, a
relayed packet of another node looks like any other of that node.
"""

import ipaddress
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from turnrelay import ranges

TABLE: Final = "inet turnfleet"
"""Family and name of the table, which is all that is ever touched."""
DELETION: Final = f"delete table {TABLE}\n"
_TURN_AWAY: Final = "counter udp dport set 0 accept"


class Ports(NamedTuple):
    """UDP ports from ``low`` to ``high``, both included."""

    low: int
    high: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """What the rules depend on."""

    group: int
    """Group of the processes whose packets are looked at."""
    owner: str
    """Who applies the rules: readable in the table, so that nobody takes away another's."""
    listeners: Sequence[int]
    relay_ports: Sequence[Ports]
    denied: Sequence[ranges.Network]
    allowed: Sequence[ranges.Network]
    """Networks inside of denied ones that relays may send to, on every port."""


def text(fence: Fence) -> str:
    """Return what replaces the table whole, in one transaction, whether or not there is one."""
    lines = (
        f"table {TABLE}",
        DELETION.rstrip(),
        f"table {TABLE} {{",
        f"  comment {_owner(fence.owner)}",
        # Not a chain of its own with "anything but the group": a packet without a socket, as of a
        # tunnel that the kernel makes, has no group to differ, and would be turned away.
        "  chain relayed {",
        *(f"    {rule}" for rule in _rules(fence)),
        "  }",
        "  chain output {",
        # Before any translation of addresses: a port of a Service is still one of this node.
        "    type filter hook output priority raw; policy accept;",
        f"    meta skgid {fence.group} meta l4proto udp jump relayed",
        "  }",
        "}",
    )
    return "\n".join(lines) + "\n"


def is_owned(standing: str, owner: str) -> bool:
    """Return whether a table as nft lists it was applied by ``owner``."""
    return f"comment {_owner(owner)}" in standing


def _owner(owner: str) -> str:
    return json.dumps(f"guard {owner}")


def _rules(fence: Fence) -> Iterator[str]:
    listening = [Ports(port, port) for port in fence.listeners]
    # Another region may relay from what is a listener here: a client would only have to allocate
    # until it gets that port, and nothing it sends from there would be looked at.
    answering = [each for each in listening if not _holds(fence.relay_ports, each.low)]
    if answering:
        yield f"udp sport {_ports(answering)} accept"
    reachable = [*fence.relay_ports, *listening]
    if reachable:
        yield f"udp dport {_ports(reachable)} accept"
    yield f"fib daddr type local {_TURN_AWAY}"
    yield from _verdicts(fence.allowed, "accept")
    yield from _verdicts(fence.denied, _TURN_AWAY)


def _holds(relayed: Iterable[Ports], port: int) -> bool:
    return any(each.low <= port <= each.high for each in relayed)


def _verdicts(networks: Iterable[ranges.Network], verdict: str) -> Iterator[str]:
    # nft refuses a set whose elements overlap.
    four = [each for each in networks if isinstance(each, ipaddress.IPv4Network)]
    if four:
        yield f"ip daddr {_set(map(str, ipaddress.collapse_addresses(four)))} {verdict}"
    six = [each for each in networks if isinstance(each, ipaddress.IPv6Network)]
    if six:
        yield f"ip6 daddr {_set(map(str, ipaddress.collapse_addresses(six)))} {verdict}"


def _ports(ports: Iterable[Ports]) -> str:
    merged: list[Ports] = []
    for each in sorted(ports):
        if merged and each.low <= merged[-1].high + 1:
            merged[-1] = Ports(merged[-1].low, max(merged[-1].high, each.high))
        else:
            merged.append(each)
    return _set(f"{low}" if low == high else f"{low}-{high}" for low, high in merged)


def _set(elements: Iterable[str]) -> str:
    return f"{{ {', '.join(elements)} }}"
