"""Nodes as plans see them, with what their names resolve to, and which regions a change concerns.

A kubelet's sign of life is no change: only what a plan looks at counts.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from turnfleet.handlers import roster
from turnfleet.kube import fields, reading, resolving
from turnfleet.plan.cluster import observed


class Nodes:
    """Every node of the cluster. ``changed`` is called with a node as it was and as it is."""

    def __init__(
        self,
        *,
        changed: Callable[[observed.Node | None, observed.Node | None], None],
        lookup: resolving.Lookup = resolving.lookup,
    ) -> None:
        self.roster = roster.Roster(changed=self._told)
        self.resolver = resolving.Resolver(changed=self._resolved, lookup=lookup)
        self._changed = changed
        self._by_name: dict[str, observed.Node] = {}
        self._view: Mapping[str, observed.Node] | None = None
        self._resolving = False

    @property
    def by_name(self) -> Mapping[str, observed.Node]:
        """Return every node: a mapping that no later change touches."""
        if self._view is None:
            self._view = MappingProxyType(dict(self._by_name))
        return self._view

    def resolve(self, *, wanted: bool) -> None:
        """Say whether any region takes addresses from the names of nodes."""
        if wanted != self._resolving:
            self._resolving = wanted
            self._ask()

    def _ask(self) -> None:
        found = self.roster.objects.values() if self._resolving else ()
        self.resolver.want({name for one in found for name in reading.node_names(one)})

    def _told(self, change: roster.Change) -> None:
        if self._resolving:
            self._ask()
        self._put(change.key.name, change.after)

    def _resolved(self, name: str) -> None:
        for key, found in list(self.roster.objects.items()):
            if name in reading.node_names(found):
                self._put(key.name, found)

    def _put(self, name: str, found: fields.Object | None) -> None:
        before = self._by_name.get(name)
        after = None if found is None else self._node(found)
        if before == after:
            return
        if after is None:
            del self._by_name[name]
        else:
            self._by_name[name] = after
        self._view = None
        self._changed(before, after)

    def _node(self, found: fields.Object) -> observed.Node:
        addresses = [
            address
            for name in reading.node_names(found)
            for address in self.resolver.addresses(name)
        ]
        return reading.node(found, dns=tuple(dict.fromkeys(addresses)))
