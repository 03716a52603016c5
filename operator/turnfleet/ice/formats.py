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
from turnfleet.model import region as declared
from turnfleet.model import selection

REFRESH_AT: Final = 0.75
"""Part of a credential's life after which a client should ask again."""
PIECES_KEPT: Final = 32_768
"""Some 1.5 kB each."""
SIGNERS_KEPT: Final = 4096
"""Half a kB each."""


class Piece:
    """One server of answers, all but its user."""

    __slots__ = ("head", "ids", "made_of", "secret", "server", "signer", "size", "spec", "ttl")

    def __init__(
        self, server: profiles.Server, signer: credentials.Signer, choice: selection.Choice
    ) -> None:
        self.server = server
        self.signer = signer
        self.made_of = choice.member.relay
        """Kept alive here, so that its id stays its own."""
        self.spec = choice.region.spec
        self.secret = server.secret
        self.size = len(server.urls)
        self.ttl = server.ttl
        self.head = b'{"urls":%b,"username":"' % _json(server.urls)
        self.ids = rid.ids(server.urls)


class Template:
    """An answer but for its user, its expiry and its signatures."""

    __slots__ = ("_profile", "offered", "pieces", "ttl")

    def __init__(self, pieces: Sequence[Piece], profile: profiles.Profile) -> None:
        self.pieces = pieces
        """In the order of roles; empty when nothing can be offered."""
        self._profile = profile
        self.ttl = min([piece.ttl for piece in pieces]) if pieces else 0
        """Longest life of a credential for all of these servers, seconds."""
        self.offered = b"".join([piece.ids for piece in pieces])
        """The URLs as a token names them."""

    @property
    def servers(self) -> tuple[profiles.Server, ...]:
        """Return the servers, one per piece."""
        return tuple(piece.server for piece in self.pieces)

    def array(self, *, user: str, expires: int) -> bytes:
        """Return the bare array of RTCIceServer for ``user``, good until ``expires`` (Unix s)."""
        username = b"%d:%b" % (expires, user.encode())
        signer, password = None, b""
        written = []
        for piece in self.pieces:
            if piece.signer is not signer:  # neighbours mostly share their region's secret
                signer = piece.signer
                password = signer.password(username)
            written.append(b'%b%b","credential":"%b"}' % (piece.head, username, password))
        return b"[%b]" % b",".join(written)

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


class Pieces:
    """Makes templates, and keeps the pieces and signers that they are made of.

    Relays are told apart by id, which is fast, and sound because each piece keeps its own alive:
    nothing else can get that id. Load is no part of a piece, which is what changes most.
    """

    def __init__(self) -> None:
        self._pieces: dict[_Key, Piece] = {}
        self._signers: dict[bytes, credentials.Signer] = {}

    def template(
        self,
        choices: Sequence[selection.Choice],
        profile: profiles.Profile,
        connection: profiles.Connection,
    ) -> Template:
        """Return the template of some choices, in the order of roles."""
        pieces: list[Piece] = []
        urls = 0
        for choice in choices:
            role, region, member, _ = choice
            health = member.health
            key = (
                id(member.relay), health.working, health.silent,
                len(pieces), role, profile, connection,
            )  # fmt: skip
            piece = self._pieces.get(key)
            if piece is None or piece.secret is not region.secret or piece.spec is not region.spec:
                if not profiles.wants(role, profile, connection):
                    continue
                server = profiles.server(choice, len(pieces), profile, connection)
                if server is None:
                    return self._together(choices, profile, connection)
                if len(self._pieces) >= PIECES_KEPT:
                    self._pieces.clear()
                piece = self._pieces[key] = self._piece(server, choice)
            urls += piece.size
            pieces.append(piece)
        if urls > profiles.URLS_MAX:
            return self._together(choices, profile, connection)
        return Template(pieces, profile)

    def _together(
        self,
        choices: Sequence[selection.Choice],
        profile: profiles.Profile,
        connection: profiles.Connection,
    ) -> Template:
        """Return the template of choices whose URLs depend on each other."""
        by_role = {choice.role: choice for choice in choices}
        servers = profiles.servers(choices, profile, connection)
        return Template([self._piece(one, by_role[one.role]) for one in servers], profile)

    def _piece(self, server: profiles.Server, choice: selection.Choice) -> Piece:
        value = server.secret.value
        signer = self._signers.get(value)
        if signer is None:
            if len(self._signers) >= SIGNERS_KEPT:
                self._signers.clear()
            signer = self._signers[value] = credentials.Signer(value)
        return Piece(server, signer, choice)


_Key = tuple[int, frozenset[declared.Transport], frozenset[str], int, selection.Role, str, str]
"""What a piece depends on besides its region's secret and spec: relay, health, place, wants."""


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
