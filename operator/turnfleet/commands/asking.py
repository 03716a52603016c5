"""Asks an endpoint for servers, and reads what it says with suspicion: size, shape, every URL.

Understands turnfleet's own answers and any bare ``iceServers`` array.
"""

import ipaddress
import json
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib import parse

import aiohttp

from turnfleet import calling
from turnfleet.commands import output
from turnfleet.model import fleet

DEFAULT_URL: Final = "http://127.0.0.1:8080/api/get-ice-servers"

_PATH: Final = "/api/get-ice-servers"
_SIZE_MAX: Final = 1 << 20
_TIMEOUT: Final = 10.0
_URLS_MAX: Final = 64
_TEXT_MAX: Final = 1024
_SHOWN_MAX: Final = 160
_PORT_MAX: Final = 65535
_UNAUTHORIZED: Final = 401
_WITH_KEY: Final = " This command reads it from a file: --key-file FILE."
_URL: Final = re.compile(
    r"(?P<scheme>stun|stuns|turn|turns):(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]{1,253})"
    r"(?::(?P<port>[0-9]{1,5}))?(?:\?transport=(?P<transport>udp|tcp))?"
)
_DEFAULT_PORTS: Final = {"stun": 3478, "turn": 3478, "stuns": 5349, "turns": 5349}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What to ask for."""

    region: str | None = None
    residency: str | None = None
    profile: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A STUN or TURN URL, taken apart."""

    turn: bool
    transport: str
    """``udp``, ``tcp`` or ``tls``."""
    host: str
    """Without brackets."""
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One URL of an answer."""

    url: str
    """Printable, cut to a length that fits a table."""
    role: str
    region: str | None
    """Whose it is; ``None``: the answer does not say."""
    destination: Destination | None
    """``None``: a browser would refuse this URL, and with it the whole answer."""
    username: str
    credential: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an endpoint offers."""

    offers: tuple[Offer, ...]
    elsewhere: bool
    """The region that was asked for has nothing to offer: these are of others."""


class Asker:
    """One HTTP session with one endpoint."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = _address(url)

    async def ask(self, question: Question) -> Answer:
        """Return what is offered; raise output.Failure where there is no proper answer."""
        asked = {"region": question.region, "residency": question.residency}
        body = {name: value for name, value in asked.items() if value is not None}
        body["profile"] = question.profile or "balanced"
        document = await self._fetch("POST", self._url, {**body, "format": "config"})
        return Answer(offers=read_answer(document), elsewhere=_falls_back(document))

    async def regions(self) -> tuple[str, ...]:
        """Return the names of the endpoint's regions."""
        url = parse.urljoin(self._url, "regions")
        match await self._fetch("GET", url, None):
            case {"regions": [*regions]} if regions:
                names = [r.get("name") if isinstance(r, dict) else None for r in regions]
            case _:
                names = []
        good = tuple(name for name in names if isinstance(name, str) and name)
        if not good:
            raise output.Failure(f"{url} names no regions")
        return good

    async def explain(self, query: Mapping[str, str]) -> object:
        """Return the endpoint's debug view of an answer: why these relays."""
        url = parse.urljoin(self._url, "explain")
        asked = f"{url}?{parse.urlencode(query)}" if query else url
        return await self._fetch("GET", asked, None)

    async def _fetch(self, method: str, url: str, body: Mapping[str, str] | None) -> object:
        try:
            async with self._session.request(
                method, url, json=body, allow_redirects=False
            ) as response:
                data = await calling.body(response, most=_SIZE_MAX)
                status = response.status
        except aiohttp.ClientConnectorCertificateError as error:
            raise output.Failure(
                f"the certificate of {url} does not verify ({error.certificate_error}); "
                "give a private CA with --ca FILE"
            ) from error
        except aiohttp.InvalidURL as error:
            raise output.Failure(f"{printable(url)} is not an HTTP URL") from error
        except TimeoutError as error:
            raise output.Failure(f"{url} did not answer within {_TIMEOUT:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise output.Failure(
                f"no answer from {url}: {printable(calling.why(error))}; is the endpoint running?"
            ) from error
        if len(data) > _SIZE_MAX:
            raise output.Failure(f"{url} answers with over {_SIZE_MAX} bytes: not an endpoint")
        return _understand(url, status, data)


def session(*, context: ssl.SSLContext, key: str | None) -> aiohttp.ClientSession:
    """Return a session that verifies by ``context`` and sends an API key, if there is one."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return calling.session(timeout=_TIMEOUT, context=context, headers=headers)


def read_answer(document: object) -> tuple[Offer, ...]:
    """Return the offers of an answer, or raise output.Failure."""
    match document:
        case [*servers]:
            chosen: Mapping[str, _Chosen] = {}
        case {"iceServers": [*servers], **rest}:
            chosen = _chosen(rest.get("selection"))
        case _:
            raise output.Failure("the endpoint's answer has no iceServers")
    offers = [offer for server in servers for offer in _offers(server, chosen)]
    if not offers:
        raise output.Failure("the endpoint's answer offers no server")
    if len(offers) > _URLS_MAX:
        raise output.Failure(
            f"the endpoint offers {len(offers)} URLs; over {_URLS_MAX} is no answer"
        )
    return tuple(offers)


def read_url(url: str) -> Destination | None:
    """Take a URL apart (RFC 7064, RFC 7065); ``None`` where a browser would refuse it."""
    match = _URL.fullmatch(url)
    if match is None:
        return None
    scheme, transport = match["scheme"], match["transport"]
    port = int(match["port"] or _DEFAULT_PORTS[scheme])
    host = match["host"].strip("[]")
    secure = scheme.endswith("s")
    if not 1 <= port <= _PORT_MAX or (secure and transport == "udp"):
        return None
    if scheme.startswith("stun") and transport:
        return None
    if match["host"].startswith("[") and not _is_ipv6(host):
        return None
    return Destination(
        turn=scheme.startswith("turn"),
        transport="tls" if secure else transport or "udp",
        host=host,
        port=port,
    )


def _address(url: str) -> str:
    """Return the URL of get-ice-servers, also where only scheme and host were given."""
    try:
        parts = parse.urlsplit(url)
    except ValueError:
        parts = parse.urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise output.Failure(f"{printable(url)} is not an HTTP URL")
    return url if parts.path not in {"", "/"} else parse.urljoin(url, _PATH)


def printable(text: str) -> str:
    """Return text of others so that it cannot drive a terminal, cut to a line."""
    shown = "".join(char if char.isprintable() else "�" for char in text[:_SHOWN_MAX])
    return shown + ("…" if len(text) > _SHOWN_MAX else "")


def _understand(url: str, status: int, data: bytes) -> object:
    try:
        document: object = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise output.Failure(f"{url} answers {status}, and not with JSON") from error
    match document:
        case _ if status == 200:  # noqa: PLR2004 - OK
            return document
        case {"detail": str(detail)}:
            how = _WITH_KEY if status == _UNAUTHORIZED else ""
            raise output.Failure(f"{url} answers {status}: {printable(detail)}{how}")
        case _:
            raise output.Failure(f"{url} answers {status}")


class _Chosen(NamedTuple):
    """What an answer says of a URL, printable."""

    role: str
    region: str | None


def _chosen(selection: object) -> Mapping[str, _Chosen]:
    """Return what each URL was chosen for, as far as the answer explains itself."""
    chosen: dict[str, _Chosen] = {}
    match selection:
        case {"choices": [*choices]}:
            for choice in choices:
                match choice:
                    case {"role": str(role), "urls": [*urls], **rest}:
                        region = rest.get("region")
                        whose = printable(region) if isinstance(region, str) else None
                        told = _Chosen(printable(role), whose)
                        chosen |= {url: told for url in urls if isinstance(url, str)}
    return chosen


def _falls_back(document: object) -> bool:
    """Return whether an answer says that it is not of the region that was asked for."""
    match document:
        case {"selection": {"notes": [*notes]}}:
            down = fleet.Reason.PINNED_REGION_DOWN
            return any(isinstance(note, dict) and note.get("reason") == down for note in notes)
        case _:
            return False


def _offers(server: object, chosen: Mapping[str, _Chosen]) -> Sequence[Offer]:
    match server:
        case {"urls": str(url), **rest}:
            urls: Sequence[object] = [url]
        case {"urls": [*several], **rest}:
            urls = several
        case _:
            raise output.Failure("the endpoint's answer has an iceServer without urls")
    username = _plain(rest.get("username", ""))
    credential = _plain(rest.get("credential", ""))
    return [
        Offer(
            url=printable(url),
            role=told.role,
            region=told.region,
            destination=read_url(url),
            username=username,
            credential=credential,
        )
        for url in map(_plain, urls)
        for told in (chosen.get(url, _Chosen("-", None)),)
    ]


def _plain(value: object) -> str:
    """Return a text as it is, or raise output.Failure: what signs in must not be mended."""
    if isinstance(value, str) and len(value) <= _TEXT_MAX and value.isprintable():
        return value
    raise output.Failure("the endpoint's answer has an iceServer of a wrong shape")


def _is_ipv6(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).version == 6  # noqa: PLR2004 - IP version
    except ValueError:
        return False
