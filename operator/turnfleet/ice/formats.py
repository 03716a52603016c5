"""How an answer is written: as bytes, put together from pieces that answers have in common.

Three formats, all JSON in UTF-8 without white space: ``array``, what RTCPeerConnection takes;
``config``, an object around it that says when to come back and why these relays; ``uberti``, that
of draft-uberti-behave-turn-rest-00, section 2.2. A relay in a role is nearly always written the
same way whatever stands beside it, so that *piece* is made once; what is left for an answer is a
signature per secret and joining. Names of users are safe in JSON as they are, see
``credentials.user_problem``.
"""

import json
from collections.abc import Sequence
from typing import Final

from turnfleet.ice import credentials, profiles, rid
from turnfleet.model import fleet, selection

REFRESH_AT: Final = 0.75
"""Part of a credential's life after which a client should ask again."""
TEMPLATES_KEPT: Final = 16_384
"""Less than 1 kB each."""
PIECES_KEPT: Final = 32_768
"""Some 1.5 kB each."""
SIGNERS_KEPT: Final = 4096
"""Half a kB each."""


class Piece:
    """One server of answers, all but its user."""

    __slots__ = ("allocations", "head", "ids", "relay", "server", "signer")

    def __init__(self, server: profiles.Server, signer: credentials.Signer) -> None:
        self.server = server
        self.signer = signer
        self.head = b'{"urls":%b,"username":"' % _json(server.urls)
        self.ids = rid.ids(server.urls)
        self.relay = fleet.RelayKey(server.region, server.relay)
        self.allocations = sum([not url.startswith("stun:") for url in server.urls])
        """How many a client makes that tries all of it."""


class Template:
    """An answer but for its user, its expiry and its signatures.

    Few objects of its own: there are thousands, so each costs a look into cold memory.
    """

    __slots__ = ("_profile", "offered", "pieces", "ttl")

    def __init__(self, pieces: Sequence[Piece], profile: profiles.Profile) -> None:
        self.pieces = tuple(pieces)
        """In the order of roles; empty when nothing can be offered."""
        self.ttl = min([piece.server.ttl for piece in pieces]) if pieces else 0
        """Longest life of a credential for all of these servers, seconds."""
        self.offered = b"".join([piece.ids for piece in pieces])
        """The URLs as a token names them."""
        self._profile = profile

    @property
    def servers(self) -> tuple[profiles.Server, ...]:
        """Return the servers, one per piece."""
        return tuple(piece.server for piece in self.pieces)

    def array(self, *, user: str, expires: int) -> bytes:
        """Return the bare array of RTCIceServer for ``user``, good until ``expires`` (Unix s)."""
        username = f"{expires}:{user}".encode()
        signer, signed = None, b""
        parts = []
        for piece in self.pieces:
            if piece.signer is not signer:  # neighbours mostly share their region's secret
                signer = piece.signer
                signed = b'%b","credential":"%b"}' % (username, signer.password(username))
            parts.append(piece.head + signed)
        return b"[%b]" % b",".join(parts)

    def config(self, *, user: str, expires: int, ttl: int, token: str, why: bytes) -> bytes:
        """Return the object around the array.

        ``ttl`` is in seconds and so is ``refreshAfter``, the time to wait before asking again;
        ``expiresAt`` is Unix seconds. ``why`` is a JSON value: how much of the selection the caller
        may see is not decided here.
        """
        policy = "relay" if self._profile is profiles.Profile.RELAY else "all"
        return (
            b'{"iceServers":%b,%b,"ttl":%d,"expiresAt":%d,"refreshAfter":%d,"selection":%b,"rid":"%b"}'
            % (
                self.array(user=user, expires=expires),
                b'"iceTransportPolicy":%b' % _json(policy),
                ttl,
                expires,
                int(ttl * REFRESH_AT),
                why,
                token.encode(),
            )
        )

    def uberti(self, *, user: str, expires: int, ttl: int) -> bytes:
        """Return the single-credential format: only URLs that the primary's secret signs for."""
        username = b"%d:%b" % (expires, user.encode())
        first = self.pieces[0]
        uris = [
            url
            for piece in self.pieces
            if piece.signer is first.signer
            for url in piece.server.urls
        ]
        return b'{"username":"%b","password":"%b","ttl":%d,"uris":%b}' % (
            username,
            first.signer.password(username),
            ttl,
            _json(uris),
        )


class Templates:
    """Makes templates, and keeps them and what they are made of.

    Kept by marks, which change only when clients are to be told something else: load, which is what
    changes most, is no part of a template.
    """

    def __init__(self) -> None:
        self._templates: dict[_Wanted, Template] = {}
        self._pieces: dict[_Place, Piece] = {}
        self._signers: dict[bytes, credentials.Signer] = {}

    def kept(
        self,
        marks: selection.Marks,
        profile: profiles.Profile,
        connection: profiles.Connection,
    ) -> Template | None:
        """Return a template that was made before."""
        return self._templates.get((*marks, profile, connection))

    def make(
        self,
        marks: selection.Marks,
        choices: Sequence[selection.Choice],
        profile: profiles.Profile,
        connection: profiles.Connection,
    ) -> Template:
        """Return the template of some choices, in the order of roles; ``marks`` are theirs."""
        pieces = self._apart(marks, choices, profile, connection)
        if pieces is None:
            pieces = [
                self._piece(server) for server in profiles.servers(choices, profile, connection)
            ]
        if len(self._templates) >= TEMPLATES_KEPT:
            self._templates.clear()
        made = Template(pieces, profile)
        self._templates[*marks, profile, connection] = made
        return made

    def _apart(
        self,
        marks: selection.Marks,
        choices: Sequence[selection.Choice],
        profile: profiles.Profile,
        connection: profiles.Connection,
    ) -> Sequence[Piece] | None:
        """Return the pieces of choices whose URLs do not depend on each other: ``None``, if any's.

        A relay in a role is then written the same way whatever stands beside it.
        """
        pieces: list[Piece] = []
        urls = 0
        for mark, choice in zip(filter(None, marks), choices, strict=True):
            key = (mark, choice.role, len(pieces), profile, connection)
            piece = self._pieces.get(key)
            if piece is None:
                if not profiles.wants(choice.role, profile, connection):
                    continue
                server = profiles.server(choice, len(pieces), profile, connection)
                if server is None:
                    return None
                if len(self._pieces) >= PIECES_KEPT:
                    self._pieces.clear()
                piece = self._pieces[key] = self._piece(server)
            urls += len(piece.server.urls)
            pieces.append(piece)
        return pieces if urls <= profiles.URLS_MAX else None

    def _piece(self, server: profiles.Server) -> Piece:
        value = server.secret.value
        signer = self._signers.get(value)
        if signer is None:
            if len(self._signers) >= SIGNERS_KEPT:
                self._signers.clear()
            signer = self._signers[value] = credentials.Signer(value)
        return Piece(server, signer)


_Wanted = tuple[
    selection.Mark | None, selection.Mark | None, selection.Mark | None,
    profiles.Profile, profiles.Connection,
]  # fmt: skip
_Place = tuple[selection.Mark, selection.Role, int, profiles.Profile, profiles.Connection]


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
