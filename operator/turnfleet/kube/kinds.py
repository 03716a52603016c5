"""The kinds of Kubernetes objects that turnfleet asks for. Constants and URL paths only."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from turnfleet import names


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind, and where its objects are."""

    name: str
    """As in a manifest's ``kind``."""
    plural: str
    group: str = ""
    """Empty: the core group."""
    version: str = "v1"
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """Return what a manifest's ``apiVersion`` says."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(
        self,
        *,
        namespace: str | None = None,
        name: str | None = None,
        subresource: str | None = None,
    ) -> str:
        """Return the URL path of one object, or of all: in a namespace, or everywhere.

        Raises ValueError where one object of a namespaced kind lacks its namespace: the path would
        be another one's.
        """
        if not self.namespaced and namespace is not None:
            raise ValueError(f"a {self.name} is in no namespace")
        if self.namespaced and name is not None and not namespace:
            raise ValueError(f"a {self.name} is in a namespace")
        root = f"/apis/{self.group}" if self.group else "/api"
        parts = [root, self.version]
        if namespace is not None:
            parts += ["namespaces", quote(namespace, safe="")]
        parts.append(self.plural)
        if name is not None:
            parts.append(quote(name, safe=""))
        if subresource is not None:
            parts.append(subresource)
        return "/".join(parts)


TURN_REGION: Final = Kind(
    name=names.KIND, plural="turnregions", group=names.GROUP, version=names.VERSION
)
NODE: Final = Kind(name="Node", plural="nodes", namespaced=False)
NAMESPACE: Final = Kind(name="Namespace", plural="namespaces", namespaced=False)
POD: Final = Kind(name="Pod", plural="pods")
SECRET: Final = Kind(name="Secret", plural="secrets")
CONFIG_MAP: Final = Kind(name="ConfigMap", plural="configmaps")
SERVICE_ACCOUNT: Final = Kind(name="ServiceAccount", plural="serviceaccounts")
REPLICA_SET: Final = Kind(name="ReplicaSet", plural="replicasets", group="apps")
DAEMON_SET: Final = Kind(name="DaemonSet", plural="daemonsets", group="apps")
POD_DISRUPTION_BUDGET: Final = Kind(
    name="PodDisruptionBudget", plural="poddisruptionbudgets", group="policy"
)
LEASE: Final = Kind(name="Lease", plural="leases", group="coordination.k8s.io")
EVENT: Final = Kind(name="Event", plural="events", group="events.k8s.io")
CUSTOM_RESOURCE_DEFINITION: Final = Kind(
    name="CustomResourceDefinition",
    plural="customresourcedefinitions",
    group="apiextensions.k8s.io",
    namespaced=False,
)
DNS_ENDPOINT: Final = Kind(
    name="DNSEndpoint", plural="dnsendpoints", group="externaldns.k8s.io", version="v1alpha1"
)
"""external-dns' kind; a cluster may lack it."""

ALL: Final = (
    TURN_REGION,
    NODE,
    NAMESPACE,
    POD,
    SECRET,
    CONFIG_MAP,
    SERVICE_ACCOUNT,
    REPLICA_SET,
    DAEMON_SET,
    POD_DISRUPTION_BUDGET,
    LEASE,
    EVENT,
    CUSTOM_RESOURCE_DEFINITION,
    DNS_ENDPOINT,
)


def of(api_version: str, name: str) -> Kind | None:
    """Return the kind that a manifest names, or ``None`` where it is none of ours."""
    return next(
        (kind for kind in ALL if (kind.api_version, kind.name) == (api_version, name)), None
    )
