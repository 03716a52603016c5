"""What a request asks for, as one typed value.

``read`` is total: a request or a ``Problem`` that names the field. Absent, ``null`` and empty are
the same. Names nobody knows are ignored, so that a newer client can talk to an older endpoint, and
listed, so that a misspelt one is found.
What a value *means* (a region or a hint, who may give a place) is decided elsewhere.
"""

import functools
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from turnfleet.api import clients, problems, written
from turnfleet.ice import credentials, profiles
from turnfleet.model import quoting

_COUNTRY = re.compile(r"[A-Za-z]{2}")
_NAME_KEPT: Final = 128
"""Characters of a name that are looked at: no region, group or place has half as many, and what is
remembered by names stays small whatever strangers send."""
_UNKNOWN_SHOWN: Final = 5
_REMEMBERED: Final = 256
"""Requests up to this many bytes are read once: most clients send one of a few."""


class Format(StrEnum):
    """How an answer is written; ``ice.formats`` has the details."""

    ARRAY = "array"
    """The bare array that RTCPeerConnection takes as iceServers."""
    CONFIG = "config"
    """A whole RTCConfiguration, with how long it is good and how it came about."""
    UBERTI = "uberti"
    """The object of draft-uberti-behave-turn-rest."""


class Where(NamedTuple):
    """What a request says of its client's whereabouts: a key to remember the outcome by."""

    region: str | None = None
    residency: str | None = None
    client_ip: str | None = None
    """Canonical."""
    country: str | None = None
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request for servers, well-formed but not yet believed."""

    where: Where
    connection: profiles.Connection = profiles.Connection.ANY
    ttl: int | None = None
    """Seconds, at least 1; to be clamped."""
    profile: profiles.Profile = profiles.Profile.BALANCED
    format: Format = Format.ARRAY
    user: str | None = None
    ignored: tuple[str, ...] = ()
    """Sentences, without their full stop, on what of the request means nothing here."""
    special: bool = field(init=False)
    """Whether more is asked for than servers as usual: who asks, how long, in which format."""

    def __post_init__(self) -> None:
        """Work out once what every answer wants to know."""
        usual = self.user is None and self.ttl is None and self.format is Format.ARRAY
        object.__setattr__(self, "special", not usual)


def read(query: str, body: bytes) -> Asked | problems.Problem:
    """Return what a query (still encoded) and a JSON body, empty if there is none, ask for."""
    if len(query) + len(body) <= _REMEMBERED:
        return _read_again(query, body)
    return _read(query, body)


def understand(fields: Mapping[str, object]) -> Asked | problems.Problem:
    """Return what a set of fields asks for; the values have JSON's types."""
    try:
        asked = Asked(
            where=Where(
                region=_name(fields, "region"),
                residency=_name(fields, "residency"),
                client_ip=_address(fields),
                country=_country(fields),
                latitude=_degrees(fields, "latitude", 90),
                longitude=_degrees(fields, "longitude", 180),
            ),
            connection=_connection(fields),
            ttl=_ttl(fields),
            profile=_profile(fields),
            format=_format(fields),
            user=_user(fields),
            ignored=_ignored(fields),
        )
    except _Wrong as wrong:
        return problems.invalid(wrong.field, wrong.detail)
    if asked.profile is profiles.Profile.RELAY and asked.format is not Format.CONFIG:
        return problems.invalid(
            "format", "The profile relay sets a transport policy, so it needs format=config."
        )
    return asked


class _Wrong(Exception):  # noqa: N818 - becomes a Problem before it leaves this module
    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field
        self.detail = detail


def _read(query: str, body: bytes) -> Asked | problems.Problem:
    fields = written.fields(query, body)
    return fields if isinstance(fields, problems.Problem) else understand(fields)


_read_again = functools.lru_cache(maxsize=4096)(_read)


def _text(fields: Mapping[str, object], name: str) -> str | None:
    match fields.get(name):
        case None | "":
            return None
        case str(value):
            return value
        case value:
            raise _Wrong(name, f"{name} must be a string, not {written.kind(value)}.")


def _name(fields: Mapping[str, object], field: str) -> str | None:
    name = _text(fields, field)
    return None if name is None else name[:_NAME_KEPT]


def _ttl(fields: Mapping[str, object]) -> int | None:
    match fields.get("ttl"):
        case None | "":
            return None
        case bool():
            pass
        case int(value) if value >= 1:
            return value
        case float(value) if value >= 1 and value.is_integer():
            return int(value)
        case _:
            pass
    raise _Wrong("ttl", "ttl must be a whole number of seconds, 1 or more.")


def _connection(fields: Mapping[str, object]) -> profiles.Connection:
    known = profiles.connection(_text(fields, "connectionType"))
    return profiles.Connection.ANY if known is None else known


def _ignored(fields: Mapping[str, object]) -> tuple[str, ...]:
    unknown = [name for name in fields if name and name not in written.FIELDS]
    said = [f"{quoting.word(name)} is no field of a request" for name in unknown[:_UNKNOWN_SHOWN]]
    if len(unknown) > _UNKNOWN_SHOWN:
        said.append(f"{len(unknown) - _UNKNOWN_SHOWN} more names are no fields of a request")
    connection = fields.get("connectionType")
    if isinstance(connection, str) and connection and profiles.connection(connection) is None:
        said.append(f"connectionType {quoting.word(connection)} is none that is known here")
    return tuple(said)


def _profile(fields: Mapping[str, object]) -> profiles.Profile:
    name = _text(fields, "profile")
    if name is None:
        return profiles.Profile.BALANCED
    try:
        return profiles.Profile(name)
    except ValueError:
        raise _Wrong("profile", f"profile must be one of {', '.join(profiles.Profile)}.") from None


def _format(fields: Mapping[str, object]) -> Format:
    name = _text(fields, "format")
    if name is None:
        return Format.ARRAY
    try:
        return Format(name)
    except ValueError:
        raise _Wrong("format", f"format must be one of {', '.join(Format)}.") from None


def _user(fields: Mapping[str, object]) -> str | None:
    user = _text(fields, "user")
    problem = None if user is None else credentials.user_problem(user, plain=False)
    if problem is not None:
        raise _Wrong("user", f"{problem}.")
    return user


def _address(fields: Mapping[str, object]) -> str | None:
    text = _text(fields, "clientIp")
    address = None if text is None else clients.canonical(text)
    if text is not None and address is None:
        raise _Wrong("clientIp", "clientIp must be an IPv4 or IPv6 address.")
    return address


def _country(fields: Mapping[str, object]) -> str | None:
    country = _text(fields, "country")
    if country is not None and not _COUNTRY.fullmatch(country):
        raise _Wrong("country", "country must be a two-letter code such as DE (ISO 3166-1).")
    return country.upper() if country is not None else None


def _degrees(fields: Mapping[str, object], name: str, limit: int) -> float | None:
    match fields.get(name):
        case None | "":
            return None
        case bool():
            degrees = math.nan
        case int(value) | float(value):
            degrees = float(value) if abs(value) <= limit else math.nan
        case _:
            degrees = math.nan
    if not abs(degrees) <= limit:  # so that NaN is refused too
        raise _Wrong(name, f"{name} must be a number of degrees from -{limit} to {limit}.")
    return degrees
