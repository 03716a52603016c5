"""What a machine has to have for a cluster, and the one sentence that says what it lacks."""

import os
import re
import shutil
from pathlib import Path
from typing import Final

from tests.e2e.cluster import commands, places

_PROGRAMS: Final = {
    "etcd": "etcd-server",
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "buildah": "buildah",
    "debootstrap": "debootstrap",
    "iptables": "iptables",
    "ip6tables": "iptables",
    "conntrack": "conntrack",
    "ip": "iproute2",
    "nsenter": "util-linux",
}
"""Programs and Debian's packages of them, which `scripts/setup e2e` installs."""
_PLUGINS: Final = Path("/usr/lib/cni/bridge")
_CGROUPS: Final = Path("/sys/fs/cgroup")
_IPV6: Final = Path("/proc/net/if_inet6")
_TEST_LINK: Final = "tf-test"


def lacking() -> str | None:
    """Return a sentence that says what this machine lacks; ``None`` if it can run a cluster."""
    if os.geteuid() != 0:
        return "A cluster needs root, for its network namespaces and containers."
    if shutil.which("go") is None:
        return "A cluster needs Go, which Kubernetes is built with: https://go.dev/doc/install."
    if not _go_fetches_toolchains():
        return "A cluster needs Go 1.21 or newer, which fetches the version that a module asks for."
    packages = {package for program, package in _PROGRAMS.items() if not shutil.which(program)}
    if not _PLUGINS.exists():
        packages.add("containernetworking-plugins")
    if packages:
        return f"A cluster needs these packages of Debian: {', '.join(sorted(packages))}."
    if not any(_CGROUPS.glob("**/cgroup.procs")):
        return f"A cluster needs cgroups, and none are at {_CGROUPS}."
    return _lacking_of_kernel()


def _go_fetches_toolchains() -> bool:
    found = re.search(r"go(\d+)\.(\d+)", commands.run("go", "version"))
    return found is not None and (int(found[1]), int(found[2])) >= (1, 21)


def _lacking_of_kernel() -> str | None:
    add = ("ip", "link", "add", _TEST_LINK, "type")
    for kind in (("bridge",), ("veth", "peer", "name", f"{_TEST_LINK}2")):
        if not commands.attempt(*add, *kind):
            return f"A cluster needs a kernel with {kind[0]} devices, and the right to make them."
        commands.attempt("ip", "link", "del", _TEST_LINK)
    if not commands.attempt("iptables", "-w", "-t", "nat", "-S"):
        return "A cluster needs a kernel with iptables' nat table, for the addresses of services."
    if not _IPV6.exists():
        return "A cluster needs a kernel with IPv6, for the second address of every node."
    return None


def in_the_way(where: places.Places) -> str | None:
    """Return a sentence if a cluster that somebody keeps would have to go first."""
    if not where.kept.exists() or where.given_kubeconfig is not None:
        return None
    return (
        f"The cluster of `make cluster` runs: `make cluster-down` ends it, and "
        f"{places.CLUSTER_VARIABLE}={where.kubeconfig} uses it."
    )
