"""The table of what each program may do in a cluster, complete, and of what it must never do."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tests.support import rights

OPERATOR: Final = "turnfleet-operator"
API: Final = "turnfleet-api"
UNINSTALL: Final = "turnfleet-uninstall"
ACCOUNTS: Final = (OPERATOR, API, UNINSTALL)

What = tuple[str | None, str, str]
"""Namespace, resource and name, as in ``rights.Act``."""

_FOLLOW: Final = ("list", "watch")
_MAKE: Final = (*_FOLLOW, "create", "patch")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The table for one release: ``home`` is its namespace, ``relays`` that of the regions."""

    home: str
    relays: str
    elsewhere: str
    """Any other namespace."""

    def may(self, account: str) -> Mapping[What, tuple[str, ...]]:
        """Return the verbs of every right that an account has."""
        home, relays = self.home, self.relays
        table: Mapping[str, Mapping[What, tuple[str, ...]]] = {
            OPERATOR: {
                (relays, "turnfleet.io/turnregions", ""): ("get", *_MAKE, "delete"),
                (relays, "turnfleet.io/turnregions:status", ""): ("patch",),
                (relays, "turnfleet.io/turnregions:finalizers", ""): ("update",),
                (relays, "pods", ""): (*_FOLLOW, "patch", "delete"),
                (relays, "configmaps", ""): _MAKE,
                (relays, "serviceaccounts", ""): _MAKE,
                (relays, "secrets", ""): _MAKE,
                (relays, "apps/replicasets", ""): (*_MAKE, "delete"),
                (relays, "apps/daemonsets", ""): (*_MAKE, "delete"),
                (relays, "policy/poddisruptionbudgets", ""): _MAKE,
                (relays, "events.k8s.io/events", ""): ("create",),
                (home, "coordination.k8s.io/leases", ""): ("create",),
                (home, "coordination.k8s.io/leases", "turnfleet-operator"): ("get", "update"),
                (home, "secrets", "turnfleet-signing"): (*_FOLLOW, "patch"),
                (None, "nodes", ""): _FOLLOW,
            },
            API: {
                (relays, "turnfleet.io/turnregions", ""): _FOLLOW,
                (home, "secrets", "turnfleet-signing"): _FOLLOW,
            },
            UNINSTALL: {
                (relays, "turnfleet.io/turnregions", ""): ("list", "delete"),
                (home, "apps/deployments:scale", "turnfleet-operator"): ("patch",),
                (home, "coordination.k8s.io/leases", "turnfleet-operator"): ("delete",),
            },
        }
        return table[account]

    def allowed(self, account: str) -> Iterator[rights.Act]:
        """Yield all that an account may do, one by one."""
        for (namespace, resource, name), verbs in self.may(account).items():
            for verb in verbs:
                yield rights.Act(verb=verb, resource=resource, namespace=namespace, name=name)

    def forbidden(self, account: str) -> Iterator[rights.Act]:
        """Yield what an account must never be able to do."""
        for verb, resource, namespace, name in self._never(account):
            yield rights.Act(verb=verb, resource=resource, namespace=namespace, name=name)

    def _never(self, account: str) -> tuple[tuple[str, str, str | None, str], ...]:
        home, relays, elsewhere = self.home, self.relays, self.elsewhere
        return {
            OPERATOR: (
                ("get", "secrets", home, "turnfleet-api-keys"),
                ("get", "secrets", home, "turnfleet-api-first-key"),
                ("list", "secrets", home, ""),
                ("get", "secrets", elsewhere, "anything"),
                ("create", "pods", relays, ""),
                ("create", "pods:exec", relays, "turn-eu-x7"),
                ("create", "pods:eviction", relays, "turn-eu-x7"),
                ("create", "serviceaccounts:token", relays, "turn-eu"),
                ("patch", "nodes", None, "node-1"),
                ("create", "rbac.authorization.k8s.io/roles", relays, ""),
                ("create", "rbac.authorization.k8s.io/rolebindings", relays, ""),
                ("patch", "apps/deployments", home, "turnfleet-api"),
                ("delete", "apiextensions.k8s.io/customresourcedefinitions", None, ""),
                ("list", "namespaces", None, ""),
                ("delete", "secrets", relays, "eu-auth"),
                ("delete", "configmaps", relays, "kube-root-ca.crt"),
                ("delete", "coordination.k8s.io/leases", home, "turnfleet-operator"),
                ("update", "coordination.k8s.io/leases", home, "another"),
            ),
            API: (
                ("patch", "turnfleet.io/turnregions", relays, "eu"),
                ("patch", "turnfleet.io/turnregions:status", relays, "eu"),
                ("delete", "turnfleet.io/turnregions", relays, "eu"),
                ("list", "turnfleet.io/turnregions", elsewhere, ""),
                ("get", "secrets", relays, "eu-auth"),
                ("list", "secrets", home, ""),
                ("get", "secrets", home, "turnfleet-api-first-key"),
                ("patch", "secrets", home, "turnfleet-signing"),
                ("list", "pods", relays, ""),
                ("list", "nodes", None, ""),
                ("create", "events.k8s.io/events", relays, ""),
            ),
            UNINSTALL: (
                ("delete", "pods", relays, "turn-eu-x7"),
                ("list", "turnfleet.io/turnregions", elsewhere, ""),
                ("patch", "turnfleet.io/turnregions", relays, "eu"),
                ("patch", "apps/deployments:scale", home, "turnfleet-api"),
                ("delete", "apiextensions.k8s.io/customresourcedefinitions", None, ""),
                ("get", "secrets", home, "turnfleet-signing"),
            ),
        }[account]
