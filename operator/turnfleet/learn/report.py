"""What a client says of an answer: the body of ``POST /api/ice-report``, believed as far as read.

``parse`` is total: a report, or one sentence on what is wrong with it. Names nobody knows are
passed over, so that a newer page can talk to an older endpoint. A report has no address in it; whom
it is from, and what was offered, is in its token (``ice.rid``).

    {"rid": "AV0…", "engine": "chromium", "outcome": "connected", "connectionType": "wifi",
     "times": [{"url": "turn:192.0.2.1:3478?transport=udp", "ms": 83.2, "cold": false}],
     "pair": {"local": "relay", "remote": "srflx", "protocol": "udp",
              "url": "turn:192.0.2.1:3478?transport=udp", "rtt": 41},
     "start": 62.5, "connect": 420,
     "errors": [{"url": "turns:192.0.2.1:443?transport=tcp", "code": 701}]}

``times`` are ms from the first host candidate to the first candidate of that URL, and ``start`` how
long the browser waited in them before it asked relays at all, where it could tell; ``cold`` says
that the URL's name may have had to be resolved for it, which is assumed of names where it is not
said. Only ``rid`` is needed.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NoReturn, TypeVar

from turnfleet.model import quoting

SIZE_MAX: Final = 1024
"""Bytes of a body."""
LISTED_MAX: Final = 16
"""Entries of a list: an answer has eight URLs at most, and a name two addresses."""
MS_MAX: Final = 60_000.0
"""ms: a browser gives up after 40 s."""

URL_MAX: Final = 300
TOKEN_MAX: Final = 512
CONNECTION_MAX: Final = 32
"""Characters, all of them ASCII."""
CODES: Final = range(300, 800)
"""Those of STUN errors, and WebRTC's own."""


class Field(StrEnum):
    """What the fields of a body are called."""

    RID = "rid"
    ENGINE = "engine"
    OUTCOME = "outcome"
    CONNECTION = "connectionType"
    TIMES = "times"
    START = "start"
    PAIR = "pair"
    CONNECT = "connect"
    FAILURES = "errors"
    URL = "url"
    MS = "ms"
    COLD = "cold"
    CODE = "code"
    LOCAL = "local"
    REMOTE = "remote"
    PROTOCOL = "protocol"
    RTT = "rtt"


class Engine(StrEnum):
    """Which browser engine measured."""

    CHROMIUM = "chromium"
    """Chrome, Edge, Android's WebView, Electron."""
    FIREFOX = "firefox"
    """Firefox, on all but iOS."""
    WEBKIT = "webkit"
    """Safari, and every browser of iOS."""
    OTHER = "other"
    """None of these, or not said."""


class Outcome(StrEnum):
    """What became of the connection."""

    CONNECTED = "connected"
    """It was made."""
    FAILED = "failed"
    """It was tried and was not made."""
    GATHERED = "gathered"
    """None was tried, or its end is not known: candidates were gathered."""


class Kind(StrEnum):
    """Types of candidates (RFC 8445, section 4)."""

    HOST = "host"
    SRFLX = "srflx"
    PRFLX = "prflx"
    RELAY = "relay"


class Protocol(StrEnum):
    """How the client reached its relay, or its peer where there was none."""

    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"


@dataclass(frozen=True, slots=True, kw_only=True)
class Time:
    """How long a URL took to give a candidate."""

    url: str
    ms: float
    cold: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The pair of candidates that carries the connection."""

    local: Kind
    remote: Kind
    protocol: Protocol
    url: str | None = None
    """Of the local candidate's relay."""
    rtt: float | None = None
    """ms between the two peers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A URL that gave no candidate, and the code of the event (a STUN error, or 701)."""

    url: str
    code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One report, well-formed but not yet believed."""

    rid: str
    engine: Engine = Engine.OTHER
    outcome: Outcome = Outcome.GATHERED
    connection: str | None = None
    """The connection type that the client detected, as it wrote it."""
    times: tuple[Time, ...] = ()
    """The least of each URL."""
    start: float | None = None
    """ms that are in each of the times and no relay's."""
    pair: Pair | None = None
    connect: float | None = None
    """ms from the first check of a pair to the connection: nobody waits there for an answer."""
    failures: tuple[Failure, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A body that is no report."""

    detail: str
    """A sentence."""


def parse(body: bytes) -> Report | Unread:
    """Return the report that a body is, or why it is none. Total: takes any bytes."""
    if len(body) > SIZE_MAX:
        return Unread(detail=f"A report is at most {SIZE_MAX} bytes; this one has {len(body)}.")
    try:
        document = json.loads(body.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return Unread(detail="The body is not JSON.")
    if not isinstance(document, dict):
        return Unread(detail="The body is not a JSON object.")
    try:
        return _report(document)
    except _Wrong as wrong:
        return Unread(detail=str(wrong))


class _Wrong(Exception):  # noqa: N818 - becomes an Unread
    """A field makes no sense; the text is a sentence."""


def _report(fields: Mapping[str, object]) -> Report:
    rid = _text(fields, Field.RID, TOKEN_MAX)
    if rid is None:
        raise _Wrong("rid is missing: a report carries the token of its answer.")
    times: dict[str, Time] = {}
    for entry in _entries(fields, Field.TIMES):
        time = _time(entry)
        known = times.get(time.url)
        if known is None or time.ms < known.ms:
            times[time.url] = time
    pair = fields.get(Field.PAIR)
    return Report(
        rid=rid,
        engine=_member(fields, Field.ENGINE, Engine) or Engine.OTHER,
        outcome=_member(fields, Field.OUTCOME, Outcome) or Outcome.GATHERED,
        connection=_text(fields, Field.CONNECTION, CONNECTION_MAX),
        times=tuple(times.values()),
        start=_ms(fields, Field.START),
        pair=None if pair is None else _pair(_mapping(pair, Field.PAIR)),
        connect=_ms(fields, Field.CONNECT),
        failures=tuple(map(_failure, _entries(fields, Field.FAILURES))),
    )


def _time(entry: Mapping[str, object]) -> Time:
    cold = entry.get(Field.COLD)
    if cold is not None and not isinstance(cold, bool):
        raise _Wrong(f"cold is true or false, not {quoting.shown(cold)}.")
    return Time(
        url=_needed(_text(entry, Field.URL, URL_MAX)), ms=_needed(_ms(entry, Field.MS)), cold=cold
    )


def _pair(entry: Mapping[str, object]) -> Pair:
    return Pair(
        local=_needed(_member(entry, Field.LOCAL, Kind)),
        remote=_needed(_member(entry, Field.REMOTE, Kind)),
        protocol=_needed(_member(entry, Field.PROTOCOL, Protocol)),
        url=_text(entry, Field.URL, URL_MAX),
        rtt=_ms(entry, Field.RTT),
    )


def _failure(entry: Mapping[str, object]) -> Failure:
    told = entry.get(Field.CODE)
    code = next((known for known in CODES if known == told), None)  # 701.0 is 701 in JSON
    if code is None:
        raise _Wrong(f"code is a number from {CODES.start} to {CODES.stop - 1}.")
    return Failure(url=_needed(_text(entry, Field.URL, URL_MAX)), code=code)


def _entries(fields: Mapping[str, object], name: str) -> Iterator[Mapping[str, object]]:
    listed = fields.get(name)
    if listed is None:
        return
    if not isinstance(listed, list) or len(listed) > LISTED_MAX:
        raise _Wrong(f"{name} is a list of at most {LISTED_MAX}, not {quoting.shown(listed)}.")
    for entry in listed:
        yield _mapping(entry, name)


def _mapping(value: object, name: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise _Wrong(f"{name} holds {quoting.shown(value)} where an object belongs.")
    return value


_Member = TypeVar("_Member", bound=StrEnum)
_Value = TypeVar("_Value")


def _member(fields: Mapping[str, object], name: str, kind: type[_Member]) -> _Member | None:
    value = fields.get(name)
    if value is None:
        return None
    found = next((member for member in kind if member == value), None)
    if found is None:
        raise _Wrong(f"{name} is one of {', '.join(kind)}, not {quoting.shown(value)}.")
    return found


def _text(fields: Mapping[str, object], name: str, longest: int) -> str | None:
    value = fields.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > longest or not value.isascii():
        raise _Wrong(f"{name} is a text of at most {longest} ASCII characters.")
    return value


def _ms(fields: Mapping[str, object], name: str) -> float | None:
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MS_MAX:
        raise _Wrong(
            f"{name} is a number of ms from 0 to {MS_MAX:.0f}, not {quoting.shown(value)}."
        )
    return float(value)


def _needed(value: _Value | None) -> _Value:
    if value is None:
        raise _Wrong("An entry lacks a field: times need url and ms, errors url and code.")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
