"""A fleet that Helm installed into a cluster, and what people do to its regions."""

import base64
import ssl
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml
from tests.e2e.cluster import cluster, commands, kubectl, places
from tests.support import cluster_clients, cluster_regions, coturn

RELEASE: Final = "turnfleet"
NAMESPACE: Final = "turnfleet"
RELAYS: Final = "turnfleet-relays"
"""The namespace of regions and relays."""
OTHERS: Final = "turnfleet-others"
"""Another one, for regions of the same fleet."""
_OWNED: Final = (
    "pods,replicasets,daemonsets,configmaps,secrets,serviceaccounts,poddisruptionbudgets"
)
"""The kinds that a region consists of."""
_AUTHORITY: Final = "relay-authority"
_CHART: Final = places.CHECKOUT / "helm" / "turnfleet"


class Condition(NamedTuple):
    """A condition of a TurnRegion."""

    status: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """The release in a cluster. ``authority`` signs the relays' certificates."""

    kubernetes: cluster.Cluster
    authority: coturn.Authority
    folder: Path
    """For the files that helm and kubectl are given."""

    @property
    def trusted(self) -> ssl.SSLContext:
        """Return what the clients verify certificates with."""
        return cluster_clients.trusting(self.authority)

    def install(self, *more: str, tag: str = "e2e") -> None:
        """Install the chart with the images built here, or upgrade it; ``more`` are flags of helm.

        ``tag`` is that of the programs' image. Does not wait: an endpoint is ready with the first
        relay.
        """
        self.kubernetes.kubectl.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
            _object("v1", "ConfigMap", _AUTHORITY, NAMESPACE, data={"ca.crt": self.authority.pem}),
        )
        values = self.folder / "values.yaml"
        values.write_text(yaml.safe_dump(_values(tag)))
        self.kubernetes.helm(
            "upgrade", "--install", RELEASE, _CHART, f"--namespace={NAMESPACE}",
            f"--values={values}", *more,
        )  # fmt: skip

    def uninstall(self) -> None:
        """Take the release away, if it is there."""
        self.kubernetes.helm(
            "uninstall", RELEASE, f"--namespace={NAMESPACE}", "--wait", "--ignore-not-found"
        )

    def certify(
        self, addresses: Sequence[str], *, secret: str = cluster_regions.CERTIFICATE
    ) -> Path:
        """Give the relays of these addresses a certificate, for regions that name its Secret.

        Returns the certificate's file.
        """
        certificate, key = self.authority.issue(self.folder / secret, addresses)
        self.hand_out(certificate, key, secret=secret)
        return certificate

    def hand_out(
        self, certificate: Path, key: Path, *, secret: str = cluster_regions.CERTIFICATE
    ) -> None:
        """Put any two files into the Secret that regions name for their certificate."""
        pair = {"tls.crt": certificate.read_text(), "tls.key": key.read_text()}
        self.kubernetes.kubectl.apply(
            _object(
                "v1",
                "Secret",
                secret,
                RELAYS,
                type="kubernetes.io/tls",
                stringData=pair,
            )
        )

    # --- regions --------------------------------------------------------------------------------

    def apply(self, name: str, spec: Mapping[str, Any], *, namespace: str = RELAYS) -> None:
        """Apply a TurnRegion, as a person does with kubectl."""
        self.kubernetes.kubectl.apply(
            _object("turnfleet.io/v1alpha1", "TurnRegion", name, namespace, spec=dict(spec))
        )

    def remove(self, name: str, *, namespace: str = RELAYS, within: float = 60) -> None:
        """Delete a TurnRegion, and return once nothing of it is left."""
        client = self.kubernetes.kubectl
        client.delete("turnregion", name, namespace=namespace)
        kubectl.wait_until(
            lambda: not self.objects(name, namespace=namespace),
            what=f"everything of {name} to be gone",
            within=within,
        )

    def objects(self, name: str, *, namespace: str = RELAYS) -> Sequence[kubectl.Document]:
        """Return everything that there is for a region."""
        return self.kubernetes.kubectl.items(
            _OWNED, namespace=namespace, selector=f"turnfleet.io/region={name}"
        )

    def edit(self, name: str, changes: Mapping[str, object]) -> None:
        """Change some fields of a TurnRegion's spec and leave the others as they are."""
        self.kubernetes.kubectl.patch("turnregion", name, {"spec": dict(changes)}, namespace=RELAYS)

    def region(self, name: str, *, namespace: str = RELAYS) -> kubectl.Document | None:
        """Return a TurnRegion as it is."""
        return self.kubernetes.kubectl.get("turnregion", name, namespace=namespace)

    def condition(self, name: str, kind: str, *, namespace: str = RELAYS) -> Condition:
        """Return a condition; all of it is empty where there is none."""
        found = self.region(name, namespace=namespace) or {}
        for each in found.get("status", {}).get("conditions", ()):
            if each["type"] == kind:
                return Condition(each["status"], each["reason"], each["message"])
        return Condition("", "", "")

    def await_condition(
        self, name: str, kind: str, reason: str, *, within: float = 30, namespace: str = RELAYS
    ) -> Condition:
        """Return a condition once it has a reason."""
        kubectl.wait_until(
            lambda: self.condition(name, kind, namespace=namespace).reason == reason,
            what=f"{name}'s condition {kind} to say {reason}",
            within=within,
        )
        return self.condition(name, kind, namespace=namespace)

    def relays(self, name: str) -> Sequence[Mapping[str, Any]]:
        """Return what a region's status says of its relays."""
        relays: Sequence[Mapping[str, Any]] = (
            (self.region(name) or {}).get("status", {}).get("relays", ())
        )
        return relays

    def pods(self, name: str) -> Sequence[kubectl.Document]:
        """Return a region's pods."""
        return self.kubernetes.kubectl.items(
            "pods", namespace=RELAYS, selector=f"turnfleet.io/region={name}"
        )

    def instances(self, region: cluster_regions.Region) -> frozenset[tuple[str, int]]:
        """Return which pods a region's relays are, and how often each was started again."""
        return frozenset(
            (
                pod["metadata"]["uid"],
                sum(c["restartCount"] for c in pod["status"]["containerStatuses"]),
            )
            for pod in self.pods(region.name)
            if "containerStatuses" in pod["status"]
        )

    def secret(self, name: str, key: str = "current") -> str:
        """Return an entry of the Secret that a region's relays mount; empty if there is none."""
        found = self.kubernetes.kubectl.get("secret", f"{name}-auth", namespace=RELAYS)
        return base64.b64decode((found or {"data": {}})["data"].get(key, "")).decode()

    def is_settled(self, name: str, *, namespace: str = RELAYS) -> bool:
        """Return whether a region's last edit was taken and nothing remains to be done for it."""
        found = self.region(name, namespace=namespace) or {}
        status = found.get("status", {})
        told = {each["type"]: each for each in status.get("conditions", ())}
        if status.get("observedGeneration", 0) != found.get("metadata", {}).get("generation"):
            return False
        seen = (told["Progressing"]["reason"], told["Ready"]["status"])
        return seen == ("Settled", "True")

    def await_settled(self, name: str, *, within: float = 60, namespace: str = RELAYS) -> float:
        """Return the seconds until a region is settled."""
        return kubectl.wait_until(
            lambda: self.is_settled(name, namespace=namespace),
            what=f"{name} to settle",
            within=within,
        )

    def turnfleet(self, *arguments: str) -> str:
        """Return what one of turnfleet's own verbs printed, run by a person for these regions."""
        where = (f"--kubeconfig={self.kubernetes.kubeconfig}", f"--namespace={RELAYS}")
        return commands.run(sys.executable, "-m", "turnfleet", *arguments, *where)

    # --- the programs ---------------------------------------------------------------------------

    def await_programs(self, *, within: float = 120) -> None:
        """Return once every operator and endpoint of the release is there and ready."""
        for program in ("operator", "api"):
            self.kubernetes.kubectl.run(
                "rollout", "status", f"deployment/{RELEASE}-{program}",
                f"--namespace={NAMESPACE}", f"--timeout={within:g}s", timeout=within + 10,
            )  # fmt: skip

    def lease_holder(self) -> str:
        """Return the identity of the operator that leads; another after each of its starts."""
        found = self.kubernetes.kubectl.get("lease", "turnfleet-operator", namespace=NAMESPACE)
        holder: str = (found or {"spec": {}})["spec"].get("holderIdentity") or ""
        return holder

    def kill_operator(self, identity: str) -> None:
        """End the operator of an identity with kill -9."""
        for pod in self.kubernetes.kubectl.items("pods", namespace=NAMESPACE):
            if pod["metadata"]["name"] in identity:
                self.kubernetes.nodes[pod["spec"]["nodeName"]].kill_process("turnfleet operator")
                return
        raise LookupError(f"no pod is {identity}")

    # --- answers --------------------------------------------------------------------------------

    @property
    def key(self) -> str:
        """Return the API key that the first install made."""
        found = self.kubernetes.kubectl.get(
            "secret", "turnfleet-api-first-key", namespace=NAMESPACE
        )
        if found is None:
            raise LookupError("the chart made no first API key")
        return base64.b64decode(found["data"]["key"]).decode()

    @property
    def address(self) -> str:
        """Return the URL of the endpoint's service."""
        found = self.kubernetes.kubectl.get("service", "turnfleet-api", namespace=NAMESPACE)
        if found is None:
            raise LookupError("the chart made no service")
        return f"http://{found['spec']['clusterIP']}:{found['spec']['ports'][0]['port']}"


def _values(tag: str) -> Mapping[str, object]:
    elsewhere = {"nodeSelector": {"topology.kubernetes.io/region": "us"}}  # tests break eu's nodes
    return {
        "image": {"tag": tag},
        "relays": {"image": {"tag": "e2e"}},
        "relayNamespaces": [{"name": name, "create": True} for name in (RELAYS, OTHERS)],
        "operator": elsewhere,
        "api": {
            **elsewhere,
            "relayCA": {"configMap": _AUTHORITY},
            "defaultPlace": "50.11,8.68",  # the back end has no place of its own
        },
    }


def _object(
    version: str, kind: str, name: str, namespace: str, **content: object
) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **content}
