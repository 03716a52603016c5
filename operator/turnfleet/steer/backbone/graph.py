"""The map as a graph whose edges are round trips, and shortest paths in it. Knows no client."""

import functools
import heapq
import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from turnfleet.steer import sphere
from turnfleet.steer.backbone import hubs, links, tuning

BETWEEN: Final = " - "
"""What stands between the places of a route."""


class Node(NamedTuple):
    """A hub, or a turn at sea, which has no country."""

    name: str
    country: str | None
    latitude: float
    longitude: float


class Edge(NamedTuple):
    """One direction of a stretch of a route."""

    to: int
    cost: float
    """Round trip, ms."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Graph:
    """Nodes by number, hubs first, and the edges of each."""

    nodes: tuple[Node, ...]
    numbers: Mapping[str, int]
    """By name."""
    edges: tuple[tuple[Edge, ...], ...]

    def reach(self, sources: Mapping[int, float]) -> tuple[float, ...]:
        """Return for each node the shortest round trip to any source, which costs its value more.

        Dijkstra's algorithm. Every node is reached: the map is in one piece.
        """
        nearest = [math.inf] * len(self.nodes)
        for node, cost in sources.items():
            nearest[node] = cost
        waiting = [(cost, node) for node, cost in sources.items()]
        heapq.heapify(waiting)
        while waiting:
            cost, node = heapq.heappop(waiting)
            if cost > nearest[node]:
                continue  # a shorter way was found since
            for to, more in self.edges[node]:
                if cost + more < nearest[to]:
                    nearest[to] = cost + more
                    heapq.heappush(waiting, (nearest[to], to))
        return tuple(nearest)


@functools.lru_cache(maxsize=4)
def build(tuned: tuning.Tuning) -> Graph:
    """Return the graph of all hubs and routes."""
    nodes = (
        *(Node(*hub) for hub in hubs.HUBS),
        *(Node(name, None, latitude, longitude) for name, latitude, longitude in hubs.TURNS),
    )
    numbers = {node.name: number for number, node in enumerate(nodes)}
    edges: list[list[Edge]] = [[] for _ in nodes]
    for kind, start, end in _stretches():
        one, other = numbers[start], numbers[end]
        cost = _cost(kind, nodes[one], nodes[other], tuned)
        edges[one].append(Edge(other, cost))
        edges[other].append(Edge(one, cost))
    return Graph(
        nodes=nodes,
        numbers=numbers,
        edges=tuple(tuple(found) for found in edges),
    )


def _stretches() -> Iterator[tuple[links.Kind, str, str]]:
    for kind, routes in links.ROUTES.items():
        for _, chain in routes:
            for start, end in itertools.pairwise(chain.split(BETWEEN)):
                yield kind, start, end


def _cost(kind: links.Kind, start: Node, end: Node, tuned: tuning.Tuning) -> float:
    """Return the round trip of a stretch, ms."""
    if kind is links.Kind.SKY:
        return tuned.sky
    detour = tuned.sea if kind is links.Kind.SEA else tuned.land
    kilometres = sphere.distance(start.latitude, start.longitude, end.latitude, end.longitude)
    cost = sphere.round_trip(kilometres * detour)
    # Half of what a hub costs belongs to each of its edges; a turn at sea has no switch.
    cost += sum(tuned.hop / 2 for node in (start, end) if node.country is not None)
    if kind is not links.Kind.SEA and start.country != end.country:
        cost += tuned.border
    return cost + tuned.thin if kind is links.Kind.THIN else cost
