"""Which relay a URL leads to, of those that a token says were offered.

Tokens hold ids alone, so a URL has to be one of the fleet's as it is now: of a relay that has left
it in the meantime nothing can be learned. Whether a relay is well does not matter here, since what
clients have to say of sick ones is worth most.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from turnfleet.ice import rid, urls
from turnfleet.learn import convert
from turnfleet.model import fleet, region

_ANY_HEALTH: Final = fleet.Health(working=frozenset(region.Transport), reason=None)


class Routes:
    """The routes of one fleet after another, worked out again when its relays change."""

    def __init__(self) -> None:
        self._fleet: fleet.Fleet | None = None
        self._relays: tuple[tuple[fleet.Relay, ...], ...] = ()
        self._by_id: Mapping[bytes, tuple[str, convert.Route]] = {}

    def of(self, token: rid.Rid, current: fleet.Fleet) -> dict[str, convert.Route]:
        """Return the URLs that were offered and where they lead; the primary's come first."""
        if current is not self._fleet:
            self._turn(current)
        known = (self._by_id.get(offered) for offered in token.offered)
        return dict(found for found in known if found is not None)

    def _turn(self, current: fleet.Fleet) -> None:
        """Go over to another fleet; most differ in loads alone, which mean nothing here."""
        self._fleet = current
        relays = tuple(
            tuple(member.relay for member in found.members) for found in current.regions.values()
        )
        if relays != self._relays:
            self._by_id = {rid.url_id(url): (url, route) for url, route in _routes(current)}
            self._relays = relays


def _routes(current: fleet.Fleet) -> Iterator[tuple[str, convert.Route]]:
    for found in current.regions.values():
        for member in found.members:
            well = fleet.Member(relay=member.relay, health=_ANY_HEALTH)
            for transport in region.Transport:
                for url in urls.turn(well, transport):
                    yield url, _route(member.relay, transport, url)


def _route(relay: fleet.Relay, transport: region.Transport, url: str) -> convert.Route:
    named = relay.hostname is not None
    return convert.Route(
        region=relay.region,
        transport=transport,
        named=named,
        anycast=relay.anycast,
        name=relay.name,
        ipv6=all(":" in address for address in relay.addresses) if named else "[" in url,
    )
