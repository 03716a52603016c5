"""Who is at the other end: the client's address, and what trusted proxies say about its place.

A header counts only when the TCP peer is a trusted proxy; everybody else's is forged or stray.
"""

import functools
import ipaddress
import math

import multidict

from turnfleet.api import options
from turnfleet.model import geo

_FORWARDED = "X-Forwarded-For"
_LONGEST = 80
"""Characters of an IPv6 address with a zone, brackets, a port and room for white space."""
_COUNTRY_UNKNOWN = frozenset({"XX", "ZZ", "T1"})
"""What proxies say when they do not know (XX, ZZ), and Cloudflare's Tor (T1)."""


class Observer:
    """Reads the client out of a request's peer address and headers."""

    def __init__(
        self,
        *,
        trusted: tuple[options.Network, ...],
        geo_headers: tuple[options.GeoHeaders, ...],
    ) -> None:
        self._trusted = trusted
        self._geo_headers = geo_headers
        self.is_proxy = functools.lru_cache(maxsize=4096)(self._is_trusted)
        """Whether the headers of a peer (a canonical address) count."""

    def _is_trusted(self, peer: str) -> bool:
        address = _parse(peer)
        return address is not None and any(
            address.version == network.version and address in network for network in self._trusted
        )

    def client(
        self, peer: str, headers: multidict.MultiMapping[str]
    ) -> tuple[str, geo.Place | str | None]:
        """Return the client's address, canonical, and what a trusted proxy says of its place."""
        sender = canonical(peer) or peer
        if not self._trusted or not self.is_proxy(sender):
            return sender, None
        return self._forwarded(sender, headers), self._place(headers)

    def _forwarded(self, sender: str, headers: multidict.MultiMapping[str]) -> str:
        """Return the client behind a trusted sender.

        The list is walked from the right, past trusted proxies, to the first address that none of
        them is: everything left of it was written by strangers.
        """
        client = sender
        values: list[str] = headers.getall(_FORWARDED, [])
        for hop in (hop for value in reversed(values) for hop in reversed(value.split(","))):
            address = canonical(hop.strip())
            if address is None:
                break  # not an address: nothing further left can be trusted either
            client = address
            if not self.is_proxy(address):
                break
        return client

    def _place(self, headers: multidict.MultiMapping[str]) -> geo.Place | str | None:
        """Return the place, or only the country's code."""
        for table in self._geo_headers:
            country = _country(headers.get(table.country))
            point = _point(table, headers)
            if point is not None:
                return geo.Place(latitude=point[0], longitude=point[1], country=country)
            if country is not None:
                return country
        return None


def canonical(text: str) -> str | None:
    """Return an address as canonical text, ``::ffff:`` unwrapped; ``None`` if it is none.

    Brackets, port and zone, which some proxies add, are taken off.
    """
    return _canonical(text) if len(text) <= _LONGEST else None


@functools.lru_cache(maxsize=4096)
def _canonical(text: str) -> str | None:
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    parsed = _parse(text.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return None if parsed is None else str(parsed)


def _parse(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(address)
    except ValueError:
        return None


def _country(value: str | None) -> str | None:
    if value is None:
        return None
    code = value.strip().upper()
    known = len(code) == 2 and code.isascii() and code.isalpha()  # noqa: PLR2004 - ISO alpha-2
    return code if known and code not in _COUNTRY_UNKNOWN else None


def _point(
    table: options.GeoHeaders, headers: multidict.MultiMapping[str]
) -> tuple[float, float] | None:
    if table.point is not None:
        latitude, _, longitude = headers.get(table.point, "").partition(",")
    elif table.latitude is not None and table.longitude is not None:
        latitude, longitude = headers.get(table.latitude, ""), headers.get(table.longitude, "")
    else:
        return None
    try:
        point = float(latitude), float(longitude)
    except ValueError:
        return None
    sound = all(map(math.isfinite, point)) and abs(point[0]) <= 90 and abs(point[1]) <= 180  # noqa: PLR2004 - degrees
    # App Engine sends 0.000000,0.000000 when it does not know.
    return point if sound and point != (0.0, 0.0) else None
