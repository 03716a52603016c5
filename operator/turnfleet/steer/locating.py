"""Where a client is, what it is pinned to, and which rung of the ladder said so.

The ladder, best first: the region it is pinned to; a place given by a caller who may give one; a
place that the client detected itself (a hint); geo headers of a trusted proxy; the operator's
networks; a city database; a country database; the declared default. Whatever was said and did not
count is answered with a sentence. Hints are never errors; only an unknown residency group is, since
to ignore that would send data where it must not go.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from turnfleet.model import fleet, geo, quoting

_COUNTRY_CODE: Final = 2
_POLE: Final = 90
_DATE_LINE: Final = 180


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a request says, and what is known of its sender. Texts as given, unless stated."""

    region: str | None = None
    residency: str | None = None
    peer: str | None = None
    """The sender's own address in canonical text, after trusted proxies; v4-mapped resolved."""
    keyed: bool = False
    """Sent with an API key: the sender is a backend, and its own address says nothing."""
    header_place: geo.Place | None = None
    """From geo headers that a trusted proxy set."""
    may_place: bool = False
    """The sender may say where the client is: it has a key, or this is one-machine mode."""
    client_ip: str | None = None
    """Given in the request; canonical as ``peer`` is."""
    country: str | None = None
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """Where a client is, and where it has to stay."""

    located: geo.Located
    pin: str | None = None
    """A region of the fleet."""
    residency: str | None = None
    """A group of the fleet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownResidency:
    """The request wants to stay in a group that no region belongs to."""

    residency: str
    known: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """Return what to tell the caller."""
        known = ", ".join(self.known) or "none"
        return f"no region has the residency {quoting.word(self.residency)}; known groups: {known}"


def locate(
    facts: Facts,
    *,
    atlas: geo.Atlas,
    regions: Mapping[str, fleet.Region],
    residencies: frozenset[str],
    default: geo.Place,
) -> Whereabouts | UnknownResidency:
    """Climb the ladder. ``residencies`` is ``Fleet.residencies``, passed so that it can be kept."""
    ignored: list[str] = []
    bounds = _bounds(facts, regions, residencies, ignored)
    if isinstance(bounds, UnknownResidency):
        return bounds
    given = _given(facts, atlas, ignored)
    hinted = _hinted(bounds.hint, atlas, ignored)
    if bounds.pin is not None:
        place, rung = bounds.pin, geo.Rung.PINNED
    elif given is not None:
        place, rung = given, geo.Rung.REQUEST
    elif hinted is not None:
        place, rung = hinted, geo.Rung.HINT
    else:
        place, rung = _looked_up(facts, atlas) or (default, geo.Rung.DEFAULT)
        if rung is geo.Rung.DEFAULT and facts.may_place and facts.client_ip:
            ignored.append("clientIp is in no geo database or table of networks here")
    return Whereabouts(
        located=geo.Located(place=place, rung=rung, ignored=tuple(ignored)),
        pin=facts.region if bounds.pin is not None else None,
        residency=bounds.residency,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bounds:
    """What ``region`` and ``residency`` of a request come to."""

    pin: geo.Place | None = None
    residency: str | None = None
    hint: str | None = None
    """``region``, if it names neither a region nor a group."""


def _bounds(
    facts: Facts,
    regions: Mapping[str, fleet.Region],
    residencies: frozenset[str],
    ignored: list[str],
) -> _Bounds | UnknownResidency:
    wanted, residency = facts.region or None, facts.residency or None
    if residency is not None and residency not in residencies:
        return UnknownResidency(residency=residency, known=tuple(sorted(residencies)))
    if wanted is None:
        return _Bounds(residency=residency)
    pinned = regions.get(wanted)
    if pinned is None and wanted not in residencies:
        return _Bounds(residency=residency, hint=wanted)
    group = pinned.spec.residency if pinned is not None else wanted
    if residency is not None and residency != group:
        # Both are hard limits and no relay is within both. The one that is about where data may
        # go has to win; the other would only have been about where it is good.
        ignored.append(
            f"region {quoting.word(wanted)} is outside the residency {quoting.word(residency)}"
        )
        return _Bounds(residency=residency)
    if pinned is None:
        return _Bounds(residency=group)
    spec = pinned.spec
    return _Bounds(pin=geo.Place(latitude=spec.latitude, longitude=spec.longitude), residency=group)


def _given(facts: Facts, atlas: geo.Atlas, ignored: list[str]) -> geo.Place | None:
    """Return the place that the request gives, if its sender may and it makes sense."""
    fields = {
        "latitude": facts.latitude,
        "longitude": facts.longitude,
        "country": facts.country,
        "clientIp": facts.client_ip,
    }
    given = [name for name, value in fields.items() if value not in (None, "")]
    if given and not facts.may_place:
        ignored.append(f"{' and '.join(given)}: only callers with an API key may place a client")
        return None
    country = _named(facts.country, atlas, ignored)
    if facts.latitude is None and facts.longitude is None:
        return country
    if facts.latitude is None or facts.longitude is None:
        other = "longitude" if facts.longitude is None else "latitude"
        ignored.append(f"{given[0]} counts only together with {other}")
        return country
    if not (abs(facts.latitude) <= _POLE and abs(facts.longitude) <= _DATE_LINE):
        ignored.append("latitude and longitude are not a place on Earth")
        return country
    return geo.Place(
        latitude=facts.latitude,
        longitude=facts.longitude,
        country=country.country if country is not None else None,
    )


def _named(country: str | None, atlas: geo.Atlas, ignored: list[str]) -> geo.Place | None:
    if not country:
        return None
    place = atlas.by_name(country.upper()) if len(country) == _COUNTRY_CODE else None
    if place is None:
        ignored.append(f"country {quoting.word(country)} is not a two-letter code known here")
    return place


def _hinted(hint: str | None, atlas: geo.Atlas, ignored: list[str]) -> geo.Place | None:
    if hint is None:
        return None
    place = atlas.by_name(hint)
    if place is None:
        ignored.append(
            f"region {quoting.word(hint)} is not a region, a residency or a place known here"
        )
    return place


def _looked_up(facts: Facts, atlas: geo.Atlas) -> tuple[geo.Place, geo.Rung] | None:
    """Ask the rungs that go by who sent the request, or by the client's address it gave.

    With a key the sender is a backend: neither its address nor what a proxy made of that counts.
    """
    if facts.header_place is not None and not facts.keyed:
        return facts.header_place, geo.Rung.HEADER
    address = facts.client_ip if facts.may_place else None
    if not address and not facts.keyed:
        address = facts.peer
    if not address:
        return None
    for look_up, rung in (
        (atlas.by_network, geo.Rung.CIDR),
        (atlas.by_city, geo.Rung.CITY),
        (atlas.by_country, geo.Rung.COUNTRY),
    ):
        place = look_up(address)
        if place is not None:
            return place, rung
    return None
