"""How an answer is written: as bytes, from a template that everybody with the same relays shares.

Three formats, all JSON in UTF-8 without white space: ``array``, what RTCPeerConnection takes;
``config``, an object around it that says when to come back and why these relays; ``uberti``, that
of draft-uberti-behave-turn-rest-00, section 2.2. A template holds everything but the user: what is
left for an answer is a signature per secret and filling in. Names of users are safe in JSON as they
are, see ``credentials.user_problem``.
"""

import json
from collections.abc import MutableMapping, Sequence
from typing import Any, Final, TypeVar

from turnfleet.ice import credentials, profiles, rid
from turnfleet.model import fleet, selection

REFRESH_AT: Final = 0.75
"""Part of a credential's life after which a client should ask again."""
TEMPLATES_KEPT: Final = 8192
"""Some 3 kB each."""


class Template:
    """An answer but for its user, its expiry and its signatures."""

    __slots__ = (
        "_array",
        "_policy",
        "_signed_by",
        "_signers",
        "_uris",
        "offered",
        "servers",
        "ttl",
    )

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
        self._signers = tuple(map(credentials.Signer, values))
        self._signed_by = tuple(values.index(server.secret.value) for server in self.servers)
        self._array = _array_pattern(self.servers)
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
        passwords = [signer.password(username) for signer in self._signers]
        blanks: list[bytes] = []
        for position in self._signed_by:
            blanks += username, passwords[position]
        return self._array % tuple(blanks)

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
        signer = self._signers[0]
        return b'{"username":"%b","password":"%b","ttl":%d,"uris":%b}' % (
            username,
            signer.password(username),
            ttl,
            self._uris,
        )


class Templates:
    """Keeps templates. The same relays in the same roles are one template, also in later fleets.

    Objects are looked up by id, which is fast, and sound as long as each entry keeps its own alive:
    nothing else can get their ids then.
    """

    def __init__(self) -> None:
        self._regions: dict[str, fleet.Region] = {}
        self._by_choices: dict[_Asked[int], tuple[_Choices, Template]] = {}
        self._by_content: dict[_Asked[_Content], tuple[object, Template]] = {}

    def of(
        self,
        chosen: selection.Selection,
        profile: profiles.Profile,
        connection: profiles.Connection,
    ) -> Template:
        """Return the template of a selection, kept or made now."""
        choices = chosen.choices
        if choices and self._regions.get(choices[0].member.relay.region) is not choices[0].region:
            # The fleet has changed. Entries of the last one would only keep its objects alive.
            self._regions[choices[0].member.relay.region] = choices[0].region
            self._by_choices.clear()
        key = (id(choices), profile, connection)
        kept = self._by_choices.get(key)
        if kept is not None:
            return kept[1]
        template = self._by_relays(chosen, profile, connection)
        _make_room(self._by_choices)
        self._by_choices[key] = (choices, template)
        return template

    def _by_relays(
        self,
        chosen: selection.Selection,
        profile: profiles.Profile,
        connection: profiles.Connection,
    ) -> Template:
        key = (_content(chosen.choices), profile, connection)
        kept = self._by_content.get(key)
        if kept is not None:
            return kept[1]
        template = Template(chosen, profile, connection)
        _make_room(self._by_content)
        alive = [(choice.member.relay, choice.region.spec) for choice in chosen.choices]
        self._by_content[key] = (alive, template)
        return template


_Choices = tuple[selection.Choice, ...]
_Content = tuple[tuple[object, ...], ...]
_Key = TypeVar("_Key", int, _Content)
_Asked = tuple[_Key, profiles.Profile, profiles.Connection]


def _content(choices: _Choices) -> _Content:
    """Return all that a template depends on. Load is not in it, which is what changes most."""
    return tuple(
        (
            choice.role,
            id(choice.member.relay),
            choice.member.health.working,
            choice.member.health.silent,
            id(choice.region.spec),
            choice.region.secret,
        )
        for choice in choices
    )


def _make_room(kept: MutableMapping[_Asked[_Key], Any]) -> None:
    if len(kept) >= TEMPLATES_KEPT:
        kept.clear()


def _array_pattern(servers: Sequence[profiles.Server]) -> bytes:
    """Return the array with two blanks for each server: its user name and its password."""
    return b"[%b]" % b",".join(
        b'{"urls":%b,"username":"%%b","credential":"%%b"}' % _json(server.urls).replace(b"%", b"%%")
        for server in servers
    )


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
