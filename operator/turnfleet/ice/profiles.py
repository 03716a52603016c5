"""Which URLs of which relays an answer has: the profiles and connection types, as one table.

Every TURN URL is an allocation of its own on every network of the client, so an answer has few.
Browsers rank UDP before TCP before TLS whatever the order of the list, so a client that should use
TLS is helped by *which* URLs it gets, not by their order.

========  ===========================  ==========================  ============================
profile   any connection               ``cellular``: fewer URLs    ``udp-blocked, corporate``
========  ===========================  ==========================  ============================
balanced  primary udp + turns,         primary udp, backup udp,    primary turns, backup turns,
          backup udp, fallback turns   fallback turns              fallback turns; primary udp
relay     as balanced                  as balanced                 as balanced
minimal   primary udp + turns          the same                    primary turns + udp
cascade   udp of each role; stun of    udp of each role            as balanced
          the first two
tcp443    turns of each role; a stun   turns of each role          as any connection
full      primary udp + tcp + turns,   as balanced                 as any connection,
          backup the same,                                         turns first
          fallback udp + turns
========  ===========================  ==========================  ============================

A transport that a relay lacks gives way to the next one of its want, so that no role is lost for
it. ``tcp443`` gives way only when no role at all has TLS: an answer is never empty. The last column
keeps one udp URL, which yields server-reflexive candidates and covers a wrong guess. A connection
type that is not in ``CONNECTIONS`` is a hint that nobody understands: it counts as any connection.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from turnfleet.ice import urls
from turnfleet.model import fleet, region, selection


class Profile(StrEnum):
    """How many and which URLs a caller wants."""

    __hash__ = str.__hash__  # Enum's own is in Python, and every answer looks these up

    BALANCED = "balanced"
    """Four URLs that survive the loss of a relay, of a region, or of UDP."""
    MINIMAL = "minimal"
    """One relay, two URLs."""
    CASCADE = "cascade"
    """For clients that do not want to gather over TLS: STUN and one udp URL per role."""
    TCP443 = "tcp443"
    """For clients that only get out by TLS."""
    RELAY = "relay"
    """As balanced, with ``iceTransportPolicy: relay``, which only ``format=config`` can say."""
    FULL = "full"
    """Everything within reason: at most eight URLs."""


class Connection(StrEnum):
    """What the connection type that a client detected means for it."""

    __hash__ = str.__hash__  # Enum's own is in Python, and every answer looks these up

    ANY = "any"
    CELLULAR = "cellular"
    TLS_FIRST = "tls-first"


CONNECTIONS: Final[Mapping[str, Connection]] = {
    "cellular": Connection.CELLULAR,
    "2g": Connection.CELLULAR,
    "slow-2g": Connection.CELLULAR,
    "3g": Connection.CELLULAR,
    "4g": Connection.ANY,  # NetworkInformation.effectiveType of every fast network, wired too
    "5g": Connection.CELLULAR,
    "lte": Connection.CELLULAR,
    "ethernet": Connection.ANY,
    "wifi": Connection.ANY,
    "wimax": Connection.ANY,
    "bluetooth": Connection.ANY,
    "mixed": Connection.ANY,
    "none": Connection.ANY,
    "other": Connection.ANY,
    "unknown": Connection.ANY,
    "corporate": Connection.TLS_FIRST,
    "udp-blocked": Connection.TLS_FIRST,
}
"""By ``connectionType`` in lower case: NetworkInformation's ``type`` and ``effectiveType``, what
native SDKs call the same, and the two that an application knows better than any API."""

URLS_MAX: Final = 8
"""More would cost a client more allocations than any of them is worth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One RTCIceServer before it is signed."""

    role: selection.Role
    region: str
    relay: str
    urls: tuple[str, ...]
    """Never empty; every one within RFC 7064 or 7065."""
    secret: fleet.Secret
    ttl: int
    """The region's credentialTTL, seconds."""


_Transport = region.Transport
_Want = tuple[_Transport, ...]
"""Alternatives, best first: the first counts that the relay has, and its role not yet."""

_UDP: Final[_Want] = (_Transport.UDP, _Transport.TLS, _Transport.TCP)
_TLS: Final[_Want] = (_Transport.TLS, _Transport.TCP, _Transport.UDP)
_TLS_TOO: Final[_Want] = (_Transport.TLS, _Transport.TCP)
_TLS_ELSE_UDP: Final[_Want] = (_Transport.TLS, _Transport.UDP, _Transport.TCP)
_EACH_UDP_FIRST: Final = ((_Transport.UDP,), (_Transport.TCP,), (_Transport.TLS,))
_EACH_TLS_FIRST: Final = ((_Transport.TLS,), (_Transport.TCP,), (_Transport.UDP,))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """A cell of the table: the wants of each role, and how many servers get a STUN URL too."""

    primary: tuple[_Want, ...]
    backup: tuple[_Want, ...] = ()
    fallback: tuple[_Want, ...] = ()
    stun: int = 0

    def wants(self, role: selection.Role) -> tuple[_Want, ...]:
        match role:
            case selection.Role.PRIMARY:
                return self.primary
            case selection.Role.BACKUP:
                return self.backup
            case selection.Role.FALLBACK:
                return self.fallback


_BALANCED: Final = _Layout(primary=(_UDP, _TLS_TOO), backup=(_UDP,), fallback=(_TLS_ELSE_UDP,))
_FEWER: Final = _Layout(primary=(_UDP,), backup=(_UDP,), fallback=(_TLS_ELSE_UDP,))
_SWAPPED: Final = _Layout(primary=(_TLS, _UDP), backup=(_TLS,), fallback=(_TLS,))
_MINIMAL: Final = _Layout(primary=(_UDP, _TLS_TOO))
_CASCADE: Final = _Layout(primary=(_UDP,), backup=(_UDP,), fallback=(_UDP,), stun=2)
_TLS_ONLY: Final = _Layout(
    primary=((_Transport.TLS,),), backup=((_Transport.TLS,),), fallback=((_Transport.TLS,),), stun=1
)
_FULL: Final = _Layout(primary=_EACH_UDP_FIRST, backup=_EACH_UDP_FIRST, fallback=(_UDP, _TLS_TOO))

_LAYOUTS: Final[Mapping[Profile, Mapping[Connection, _Layout]]] = {
    Profile.BALANCED: {
        Connection.ANY: _BALANCED,
        Connection.CELLULAR: _FEWER,
        Connection.TLS_FIRST: _SWAPPED,
    },
    Profile.RELAY: {
        Connection.ANY: _BALANCED,
        Connection.CELLULAR: _FEWER,
        Connection.TLS_FIRST: _SWAPPED,
    },
    Profile.MINIMAL: {
        Connection.ANY: _MINIMAL,
        Connection.CELLULAR: _MINIMAL,
        Connection.TLS_FIRST: _Layout(primary=(_TLS, _UDP)),
    },
    Profile.CASCADE: {
        Connection.ANY: _CASCADE,
        Connection.CELLULAR: replace(_CASCADE, stun=0),
        Connection.TLS_FIRST: _SWAPPED,
    },
    Profile.TCP443: {
        Connection.ANY: _TLS_ONLY,
        Connection.CELLULAR: replace(_TLS_ONLY, stun=0),
        Connection.TLS_FIRST: _TLS_ONLY,
    },
    Profile.FULL: {
        Connection.ANY: _FULL,
        Connection.CELLULAR: _BALANCED,
        Connection.TLS_FIRST: _Layout(
            primary=_EACH_TLS_FIRST, backup=_EACH_TLS_FIRST, fallback=(_TLS, _UDP)
        ),
    },
}


def connection(text: str | None) -> Connection | None:
    """Return what a ``connectionType`` means, or ``None`` if it means nothing here (a hint)."""
    return CONNECTIONS.get(text.lower()) if text else None


def servers(
    choices: Sequence[selection.Choice], profile: Profile, connection: Connection
) -> tuple[Server, ...]:
    """Return the servers of a selection: one per role that has a URL, in the order of roles."""
    layout = _LAYOUTS[profile][connection]
    found = _laid_out(choices, layout)
    return found or _laid_out(choices, replace(_SWAPPED, stun=layout.stun))


def wants(role: selection.Role, profile: Profile, connection: Connection) -> bool:
    """Tell whether answers of a profile have a server in a role at all."""
    return bool(_LAYOUTS[profile][connection].wants(role))


def server(
    choice: selection.Choice, position: int, profile: Profile, connection: Connection
) -> Server | None:
    """Return the server that a choice has if it lacks no URL and there is room for all of them.

    Choices that each have one, and at most ``URLS_MAX`` URLs together, make the answer that
    ``servers`` makes of them: then no role's URLs depend on another's. ``position`` is the choice's
    among them.
    """
    layout = _LAYOUTS[profile][connection]
    draft = _draft(choice, position, layout)
    return _server(draft, room=URLS_MAX) if draft.transports else None


@dataclass(frozen=True, slots=True)
class _Draft:
    """What a role's server needs, before there is room for a second address family."""

    choice: selection.Choice
    transports: tuple[_Transport, ...]
    stun: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.transports) + len(self.stun)


def _laid_out(choices: Sequence[selection.Choice], layout: _Layout) -> tuple[Server, ...]:
    served = [choice for choice in choices if _transports(choice.member, layout.wants(choice.role))]
    drafts = [_draft(choice, position, layout) for position, choice in enumerate(served)]
    room = URLS_MAX - sum(map(len, drafts))
    result: list[Server] = []
    for draft in drafts:
        made = _server(draft, room=room)
        room -= len(made.urls) - len(draft)
        result.append(made)
    return tuple(result)


def _draft(choice: selection.Choice, position: int, layout: _Layout) -> _Draft:
    transports = _transports(choice.member, layout.wants(choice.role))
    return _Draft(choice, transports, urls.stun(choice.member)[: position < layout.stun])


def _transports(member: fleet.Member, wants: Sequence[_Want]) -> tuple[region.Transport, ...]:
    taken: list[region.Transport] = []
    for want in wants:
        available = (t for t in want if t not in taken and urls.turn(member, t))
        taken.extend(itertools.islice(available, 1))
    return tuple(taken)


def _server(draft: _Draft, *, room: int) -> Server:
    choice = draft.choice
    if choice.region.secret is None:
        raise ValueError(f"{choice.region.spec.name} was selected without a secret")
    # A relay without a name has a URL per address family. The first transport of each role gets
    # both while there is room, so that every role can be reached by either family.
    by_family, *others = (urls.turn(choice.member, transport) for transport in draft.transports)
    listed = (*draft.stun, *by_family[: 1 + room], *(family[0] for family in others))
    return Server(
        role=choice.role,
        region=choice.region.spec.name,
        relay=choice.member.relay.name,
        urls=listed,
        secret=choice.region.secret,
        ttl=choice.region.spec.auth.credential_ttl,
    )
