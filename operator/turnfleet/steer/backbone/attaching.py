"""From a place to the hubs that its traffic goes through first, with the round trip to each.

Networks hand over within their country where they can: a client in Trieste goes by Venice, though
Ljubljana is nearer. So a place whose country is known is attached to hubs of that country alone,
unless it is overseas territory (Réunion, Tahiti) that is given as the motherland.
"""

import heapq
from collections.abc import Sequence
from typing import Final, NamedTuple

from turnfleet.model import geo
from turnfleet.steer import sphere
from turnfleet.steer.backbone import access, graph

NEAREST: Final = 4
"""Hubs that a place may go through: the nearest is not always the one on the way."""
AROUND: Final = 150.0
"""km: a place without a country has that of a hub so near, else of most of its nearest."""
MOST: Final = 3
OVERSEAS: Final = 1500.0
"""km: territory so far from all hubs of its country is served by whoever is near."""
BEYOND: Final = 2500.0
"""km: nothing is known of places so far from every hub."""


class Way(NamedTuple):
    """A node by its number, and the round trip to it, ms."""

    node: int
    cost: float


class Attachment(NamedTuple):
    """Where a place is, as far as networks go."""

    country: str | None
    """The place's own, else that of its hubs; ``None`` where they are far and do not agree."""
    area: access.Area
    ways: tuple[Way, ...]
    """To its hubs, nearest first."""


class Attacher:
    """Attaches places to the hubs of a graph."""

    def __init__(self, of: graph.Graph, *, detour: float) -> None:
        """Take the hubs; ``detour`` is fibre over great circle on the way to them."""
        self._nodes = of.nodes
        self._directions = [sphere.direction(node.latitude, node.longitude) for node in of.nodes]
        self._detour = detour
        self._everywhere: list[int] = []
        self._at_home: dict[str, list[int]] = {}
        for number, node in enumerate(of.nodes):
            if node.country is not None:
                self._everywhere.append(number)
                self._at_home.setdefault(node.country, []).append(number)

    def attach(self, place: geo.Place) -> Attachment | None:
        """Return the hubs of ``place``; ``None`` where nothing is known."""
        country = place.country
        near = self._nearest(place, self._at_home.get(country or "", ()))
        if not near or near[0][0] > OVERSEAS:
            near = self._nearest(place, self._everywhere)
            if (found := self._country(near)) is not None:
                country, near = found, self._nearest(place, self._at_home[found])
        if near[0][0] > BEYOND:
            return None
        return Attachment(
            country=country,
            area=access.BY_COUNTRY[self._nodes[near[0][1]].country or ""],
            ways=tuple(
                Way(number, sphere.round_trip(kilometres * self._detour))
                for kilometres, number in near
            ),
        )

    def _country(self, near: Sequence[tuple[float, int]]) -> str | None:
        """Return the country that a place with these hubs around it is taken to be in."""
        found = [self._nodes[number].country for _, number in near]
        if near[0][0] <= AROUND:
            return found[0]
        often = max(found, key=found.count)
        return often if found.count(often) >= MOST else None

    def _nearest(self, place: geo.Place, among: Sequence[int]) -> list[tuple[float, int]]:
        """Return the nearest hubs with their distances, km."""
        x, y, z = sphere.direction(place.latitude, place.longitude)
        closeness = {  # cosines of angles, which are quick to compare
            number: x * to_x + y * to_y + z * to_z
            for number, (to_x, to_y, to_z) in ((n, self._directions[n]) for n in among)
        }
        near = heapq.nlargest(NEAREST, closeness, key=closeness.__getitem__)
        return sorted((self._distance(place, self._nodes[number]), number) for number in near)

    @staticmethod
    def _distance(place: geo.Place, node: graph.Node) -> float:
        return sphere.distance(place.latitude, place.longitude, node.latitude, node.longitude)
