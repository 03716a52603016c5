"""What the rest of the fleet means for one region: its name, its turn, its refuge, its peers.

Pure, and about what was said last: each region that is reconciled says what became of it.
"""

import ipaddress
from collections.abc import Iterable, Iterator

from turnfleet.kube import reading
from turnfleet.model import claims
from turnfleet.plan.cluster import observed


class Names:
    """Which regions there are, by name."""

    def __init__(self) -> None:
        self._by_name: dict[str, dict[reading.RegionKey, observed.Identity]] = {}

    def put(self, identity: observed.Identity) -> None:
        """Note a region, or what has changed of it."""
        key = reading.RegionKey(identity.namespace, identity.name)
        self._by_name.setdefault(identity.name, {})[key] = identity

    def remove(self, key: reading.RegionKey) -> None:
        """Note that a region is gone."""
        namesakes = self._by_name.get(key.name, {})
        namesakes.pop(key, None)
        if not namesakes:
            self._by_name.pop(key.name, None)

    def __iter__(self) -> Iterator[str]:
        """Return every name that is taken."""
        return iter(self._by_name)

    def of(self, name: str) -> tuple[reading.RegionKey, ...]:
        """Return the regions of a name."""
        return tuple(self._by_name.get(name, {}))

    def all(self) -> Iterator[reading.RegionKey]:
        """Return every region."""
        return (key for regions in self._by_name.values() for key in regions)

    def namesakes(self, key: reading.RegionKey) -> tuple[reading.RegionKey, ...]:
        """Return the other regions of a name."""
        return tuple(one for one in self._by_name.get(key.name, {}) if one != key)

    def taken_by(self, key: reading.RegionKey) -> str | None:
        """Return the namespace of the older region that has the name; ``None``: it is its own.

        Endpoints drop a region that is being deleted, and so does this: its name is free.
        """
        known = self._by_name.get(key.name, {})
        if key not in known or known[key].deleting:
            return None  # It ends in any case.
        whose = claims.owners(_claim(one) for one in known.values() if not one.deleting)[key.name]
        return None if whose.namespace == key.namespace else whose.namespace


def _claim(one: observed.Identity) -> claims.Claim:
    return claims.Claim(created=one.created, namespace=one.namespace, uid=one.uid, name=one.name)


class Turns:
    """Which regions may replace outdated relays: ``most`` of the fleet at a time."""

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._rolling: set[reading.RegionKey] = set()
        self._refused: dict[reading.RegionKey, None] = {}

    @property
    def rolling(self) -> frozenset[reading.RegionKey]:
        """Return the regions whose relays are being replaced."""
        return frozenset(self._rolling)

    def presume(self, key: reading.RegionKey) -> None:
        """Take a region for rolling until it says: an operator that starts knows none."""
        self._rolling.add(key)

    def may_roll(self, key: reading.RegionKey) -> bool:
        """Return whether a region may replace relays now; one that may not is remembered."""
        allowed = key in self._rolling or len(self._rolling) < self._most
        if allowed:
            self._refused.pop(key, None)
        else:
            self._refused[key] = None
        return allowed

    def said(self, key: reading.RegionKey, *, rolling: bool) -> tuple[reading.RegionKey, ...]:
        """Note whether a region rolls; return those to ask again when that frees a turn."""
        if rolling:
            self._rolling.add(key)
            return ()
        if key not in self._rolling:
            return ()
        self._rolling.remove(key)
        waiting = tuple(self._refused)
        self._refused.clear()
        return waiting

    def forget(self, key: reading.RegionKey) -> tuple[reading.RegionKey, ...]:
        """Note that a region is gone; return those to ask again."""
        self._refused.pop(key, None)
        return self.said(key, rolling=False)


class Refuges:
    """Which regions take clients now: where those of a region go that has none for a while."""

    def __init__(self) -> None:
        self._residency: dict[reading.RegionKey, str] = {}
        self._takers: set[reading.RegionKey] = set()
        self._refused: dict[reading.RegionKey, None] = {}

    def put(self, key: reading.RegionKey, *, residency: str, taking: bool) -> None:
        """Note a region, or what has changed of it; ``taking`` counts until it says so itself."""
        if self._residency.get(key) != residency:
            self._residency[key] = residency
            self._note(key, taking=taking)

    def has(self, key: reading.RegionKey) -> bool:
        """Return whether clients of a region have a refuge; one that has none is remembered.

        Those that are pinned to a residency group never leave it.
        """
        group = self._residency.get(key, "")
        found = any(
            other != key and group in {"", self._residency[other]} for other in self._takers
        )
        if found:
            self._refused.pop(key, None)
        else:
            self._refused[key] = None
        return found

    def said(self, key: reading.RegionKey, *, taking: bool) -> tuple[reading.RegionKey, ...]:
        """Note whether a region takes clients; return those to ask again where that is news."""
        known = key in self._takers
        if key in self._residency:
            self._note(key, taking=taking)
        if known or not taking:
            return ()
        waiting = tuple(one for one in self._refused if one != key)
        self._refused.clear()
        return waiting

    def forget(self, key: reading.RegionKey) -> None:
        """Note that a region is gone."""
        self._residency.pop(key, None)
        self._takers.discard(key)
        self._refused.pop(key, None)

    def _note(self, key: reading.RegionKey, *, taking: bool) -> None:
        if taking:
            self._takers.add(key)
        else:
            self._takers.discard(key)


class Addresses:
    """Public addresses of every relay of the fleet."""

    def __init__(self) -> None:
        self._by_region: dict[reading.RegionKey, frozenset[str]] = {}
        self._all: frozenset[str] | None = None

    @property
    def all(self) -> frozenset[str]:
        """Return every address."""
        if self._all is None:
            self._all = frozenset().union(*self._by_region.values())
        return self._all

    def said(self, key: reading.RegionKey, addresses: Iterable[str]) -> frozenset[str]:
        """Note the addresses of a region; return those that the fleet gained or lost by it."""
        now = frozenset(addresses)
        if now == self._by_region.get(key, frozenset()):
            return frozenset()
        before = self.all
        self._all = None
        if now:
            self._by_region[key] = now
        else:
            self._by_region.pop(key, None)
        return before ^ self.all


def concerns_peers(addresses: Iterable[str], denied: Iterable[str]) -> bool:
    """Return whether other regions have to allow one of these addresses as a peer.

    Public addresses are allowed anyway, unless the cluster's own ranges are public.
    """
    networks = [ipaddress.ip_network(one) for one in denied]
    parsed = [ipaddress.ip_address(one) for one in addresses]
    return any(not one.is_global or any(one in network for network in networks) for one in parsed)
