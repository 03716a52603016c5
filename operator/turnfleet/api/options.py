"""What an endpoint is told at its start: who may ask, from where, and what it may believe.

Values only. ``loopback`` and ``at_address`` are the two one-machine set-ups; a cluster builds its
own ``Options`` from flags.
"""

import hashlib
import ipaddress
from dataclasses import dataclass, field
from enum import StrEnum

from turnfleet.model import geo

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Access(StrEnum):
    """Who gets an answer."""

    KEY = "key"
    """Whoever shows an API key: somebody's back end."""
    OPEN = "open"
    """Browsers of the listed origins; a key lifts the limit."""
    LOCAL = "local"
    """Whoever reaches this machine or its network: the embedded default of one machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GeoHeaders:
    """The headers in which one kind of proxy says where its client is."""

    proxy: str
    country: str
    latitude: str | None = None
    longitude: str | None = None
    point: str | None = None
    """A header that holds ``latitude,longitude`` together."""


GEO_HEADERS = (
    GeoHeaders(
        proxy="Cloudflare",
        country="CF-IPCountry",
        latitude="CF-IPLatitude",
        longitude="CF-IPLongitude",
    ),
    GeoHeaders(
        proxy="Amazon CloudFront",
        country="CloudFront-Viewer-Country",
        latitude="CloudFront-Viewer-Latitude",
        longitude="CloudFront-Viewer-Longitude",
    ),
    GeoHeaders(
        proxy="Google App Engine",
        country="X-AppEngine-Country",
        point="X-AppEngine-CityLatLong",
    ),
    GeoHeaders(
        proxy="Vercel",
        country="X-Vercel-IP-Country",
        latitude="X-Vercel-IP-Latitude",
        longitude="X-Vercel-IP-Longitude",
    ),
)
"""Geo headers by proxy. The first proxy in the table whose headers are there is believed.

A trusted proxy must overwrite these headers: list only the proxy you run behind, or a client can
send another one's headers through it.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Everything that sets one endpoint apart from another."""

    access: Access = Access.KEY
    key_hashes: tuple[bytes, ...] = ()
    """SHA-256 digests of the API keys; several are valid at once, so that a key can be replaced."""
    origins: tuple[str, ...] = ()
    """Web origins whose pages may read answers, as browsers send them: ``https://app.example``."""
    loopback_origins: bool = False
    """Whether pages of any server on this machine may read answers (a developer's own)."""
    hosts: tuple[str, ...] | None = None
    """Names this endpoint goes by in ``Host``, without port, IPv6 in brackets; ``None``: any.

    On one machine a web page elsewhere must not reach the endpoint by a name that it points here
    (DNS rebinding), so the list is never empty there.
    """
    trusted_proxies: tuple[Network, ...] = ()
    """Peers whose X-Forwarded-For and geo headers count."""
    geo_headers: tuple[GeoHeaders, ...] = GEO_HEADERS
    one_machine: bool = False
    """Whether requests may say where the client is without a key, and see the fleet's inside."""
    page: bool = False
    """Whether the page at ``/`` is served."""
    default_place: geo.Place = field(
        default_factory=lambda: geo.Place(latitude=50.11, longitude=8.68)
    )
    """Where a client counts as being when nothing is known of it."""
    plain_users: bool = False
    """Whether a given user goes on the wire as it is, instead of as a digest."""
    body_limit: int = 16 * 1024
    """Largest request body, bytes."""
    answers_per_minute: int | None = 30
    """For each IPv4 address or IPv6 /64 without a key; ``None``: as many as it likes."""
    burst: int = 10
    """How many of them may come at once."""


def loopback() -> Options:
    """Return the options of an endpoint that only this machine reaches."""
    return Options(
        access=Access.LOCAL,
        loopback_origins=True,
        hosts=("localhost", "127.0.0.1", "[::1]"),
        one_machine=True,
        page=True,
        answers_per_minute=None,
    )


def at_address(address: str) -> Options:
    """Return the options of a one-machine endpoint that the local network reaches.

    Pages of other origins get nothing, and only the address itself (or this machine's own names)
    counts as the endpoint's name. A neighbour gets as many answers as a stranger in open access,
    which is enough for the page: relays that strangers can reach must not be theirs to fill.
    """
    parsed = ipaddress.ip_address(address)
    host = f"[{parsed}]" if parsed.version == 6 else str(parsed)  # noqa: PLR2004 - IPv6
    return Options(
        access=Access.LOCAL,
        hosts=(host, "localhost", "127.0.0.1", "[::1]"),
        one_machine=True,
        page=True,
    )


def key_hash(key: str) -> bytes:
    """Return what is kept of an API key."""
    # A header may hold any bytes, and those that are no UTF-8 come here as surrogates.
    return hashlib.sha256(key.encode(errors="surrogateescape")).digest()
