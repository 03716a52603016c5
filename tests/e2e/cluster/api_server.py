"""How etcd and an API server are started and reached: for a cluster, and for one without nodes."""

import json
from pathlib import Path
from typing import Final

from tests.e2e.cluster import pki, shape

ETCD: Final = "etcd"
NAME: Final = "kube-apiserver"


def etcd(data: Path, *, clients: str, peers: str) -> tuple[str, ...]:
    """Return the words that start etcd, for its two URLs."""
    return (
        ETCD,
        f"--data-dir={data}",
        f"--listen-client-urls={clients}",
        f"--advertise-client-urls={clients}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=default={peers}",
        "--unsafe-no-fsync",  # the data lives as long as the test run
    )


def command(
    programs: Path, files: pki.Files, *, clients: str, address: str, port: int
) -> tuple[str, ...]:
    """Return the words that start an API server at an address, on the etcd at ``clients``."""
    return (
        str(programs / NAME),
        f"--etcd-servers={clients}",
        f"--service-cluster-ip-range={shape.SERVICE_NETWORK}",
        f"--tls-cert-file={files.certificate}",
        f"--tls-private-key-file={files.key}",
        f"--client-ca-file={files.authority}",
        f"--token-auth-file={files.tokens}",
        "--authorization-mode=RBAC",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={files.accounts_key}",
        f"--service-account-signing-key-file={files.accounts_key}",
        # One address, so that another cluster of this machine keeps its own.
        f"--bind-address={address}",
        f"--advertise-address={address}",
        f"--secure-port={port}",
    )


def kubeconfig(url: str, files: pki.Files) -> str:
    """Return what an administrator reaches the API server of a URL with."""
    cluster = {"server": url, "certificate-authority": str(files.authority)}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "turnfleet-e2e", "cluster": cluster}],
        "users": [{"name": "admin", "user": {"token": files.token}}],
        "contexts": [
            {"name": "turnfleet-e2e", "context": {"cluster": "turnfleet-e2e", "user": "admin"}}
        ],
        "current-context": "turnfleet-e2e",
    }
    return json.dumps(document, indent=1)
