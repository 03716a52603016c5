"""How an answer is written: as bytes, from a template that everybody with the same relays shares.

Three formats, all JSON in UTF-8 without white space: ``array``, what RTCPeerConnection takes;
``config``, an object around it that says when to come back and why these relays; ``uberti``, that
of draft-uberti-behave-turn-rest-00, section 2.2. A template holds everything but the user: what is
left for an answer is a signature per secret and filling in. Names of users are safe in JSON as they
are, see ``credentials.user_problem``.
"""

import json
from collections.abc import Sequence
from typing import Final

from turnfleet.ice import credentials, profiles, rid
from turnfleet.model import selection

REFRESH_AT: Final = 0.75
"""Part of a credential's life after which a client should ask again."""
TEMPLATES_KEPT: Final = 8192
"""Some 3 kB each."""


class Template:
    """An answer but for its user, its expiry and its signatures."""

    __slots__ = ("_array", "_policy", "_signers", "_uris", "offered", "servers", "ttl")

    def __init__(
        self,
        chosen: selection.Selection,
        profile: profiles.Profile,
        connection: profiles.Connection,
    ) -> None:
        self.servers = profiles.servers(chosen, profile, connection)
        """Empty when the selection is."""
        self.ttl = min((server.ttl for server in self.servers), default=0)
        """Longest life of a credential for all of these servers, seconds."""
        self.offered = rid.ids([url for server in self.servers for url in server.urls])
        """The URLs as a token names them."""
        values = tuple(dict.fromkeys(server.secret.value for server in self.servers))
        self._signers = tuple(
            (str(position).encode(), credentials.Signer(value))
            for position, value in enumerate(values)
        )
        self._array = _array_pattern(self.servers, values)
        self._uris = _json(
            [
                url
                for server in self.servers
                if server.secret.value == values[0]
                for url in server.urls
            ]
        )
        policy = "relay" if profile is profiles.Profile.RELAY else "all"
        self._policy = b'"iceTransportPolicy":%b' % _json(policy)

    def array(self, *, user: str, expires: int) -> bytes:
        """Return the bare array of RTCIceServer for ``user``, good until ``expires`` (Unix s)."""
        username = b"%d:%b" % (expires, user.encode())
        values = {key: signer.password(username) for key, signer in self._signers}
        values[b"user"] = username
        return self._array % values

    def config(self, *, user: str, expires: int, ttl: int, token: str, why: bytes) -> bytes:
        """Return the object around the array.

        ``ttl`` is in seconds and so is ``refreshAfter``, the time to wait before asking again;
        ``expiresAt`` is Unix seconds. ``why`` is a JSON value: how much of the selection the caller
        may see is not decided here.
        """
        return (
            b'{"iceServers":%b,%b,"ttl":%d,"expiresAt":%d,"refreshAfter":%d,"selection":%b,"rid":"%b"}'
            % (
                self.array(user=user, expires=expires),
                self._policy,
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
        _, signer = self._signers[0]
        return b'{"username":"%b","password":"%b","ttl":%d,"uris":%b}' % (
            username,
            signer.password(username),
            ttl,
            self._uris,
        )


class Templates:
    """Keeps templates of selections that come again (``steer`` gives equal answers one object)."""

    def __init__(self) -> None:
        self._kept: dict[
            tuple[int, profiles.Profile, profiles.Connection], tuple[selection.Selection, Template]
        ] = {}

    def of(
        self,
        chosen: selection.Selection,
        profile: profiles.Profile,
        connection: profiles.Connection,
    ) -> Template:
        """Return the template of a selection, kept or made now."""
        key = (id(chosen), profile, connection)  # kept together, so no other object gets its id
        kept = self._kept.get(key)
        if kept is not None:
            return kept[1]
        if len(self._kept) >= TEMPLATES_KEPT:
            self._kept.clear()
        template = Template(chosen, profile, connection)
        self._kept[key] = (chosen, template)
        return template


def _array_pattern(servers: Sequence[profiles.Server], secrets: Sequence[bytes]) -> bytes:
    """Return the array as a %-pattern of ``user`` and of the position of each secret."""
    return b"[%b]" % b",".join(
        b'{"urls":%b,"username":"%%(user)b","credential":"%%(%d)b"}'
        % (_json(server.urls).replace(b"%", b"%%"), secrets.index(server.secret.value))
        for server in servers
    )


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
