"""What a ServiceAccount may do by the Roles that were rendered, as Kubernetes' RBAC has it."""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.support import charts


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Something to be done: a verb, on what, where."""

    verb: str
    resource: str
    """``group/plural`` or ``plural`` of the core group, ``:subresource`` after it."""
    namespace: str | None
    """``None``: in all namespaces at once, or a kind that is in none."""
    name: str = ""
    """Empty: none in particular, as to create or to list."""

    def __str__(self) -> str:
        """Return how tests name it."""
        return f"{self.verb} {self.resource} {self.name} in {self.namespace}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One rule that an account has."""

    namespace: str | None
    """``None``: everywhere."""
    groups: tuple[str, ...]
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    names: tuple[str, ...]

    def covers(self, act: Act) -> bool:
        """Return whether the rule allows an act. A rule with names allows nothing without one."""
        group, _, plural = act.resource.rpartition("/")
        return (
            self.namespace in (None, act.namespace)
            and group in self.groups
            and plural.replace(":", "/") in self.resources
            and act.verb in self.verbs
            and (not self.names or act.name in self.names)
        )


def of(rendering: charts.Rendering, account: str) -> tuple[Grant, ...]:
    """Return what an account of the release namespace is granted."""
    return tuple(_grants(rendering, account))


def _grants(rendering: charts.Rendering, account: str) -> Iterator[Grant]:
    wanted = {"kind": "ServiceAccount", "name": account, "namespace": charts.NAMESPACE}
    for kind in ("RoleBinding", "ClusterRoleBinding"):
        for binding in rendering.of(kind):
            if wanted not in binding["subjects"]:
                continue
            namespace = binding["metadata"].get("namespace")
            role = rendering.one(
                binding["roleRef"]["kind"], binding["roleRef"]["name"], namespace=namespace
            )
            for rule in role["rules"]:
                yield Grant(
                    namespace=namespace,
                    groups=tuple(rule["apiGroups"]),
                    resources=tuple(rule["resources"]),
                    verbs=tuple(rule["verbs"]),
                    names=tuple(rule.get("resourceNames", ())),
                )
