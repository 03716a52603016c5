"""Builds Kubernetes and CoreDNS from their Go modules, whose hashes the go.sum files here hold.

And has Helm built. Slow the first time (about eight minutes on two cores), and then in the cache.
"""

import os
import re
from pathlib import Path
from typing import Final

from tests.e2e.cluster import commands, making, places, resolver

_KUBERNETES: Final = Path(__file__).parent / "kubernetes"
_DNS: Final = Path(__file__).parent / "dns"
_PROGRAMS: Final = (
    "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy",
    "kubectl",
)  # fmt: skip
_TIMEOUT: Final = 3600
"""Seconds: two slow cores and a slow network."""


def build(where: places.Places) -> Path:
    """Return the folder of all programs, after building those that are not there."""
    recipe = making.digest(*(_KUBERNETES / name for name in ("go.mod", "go.sum", "tools.go")))
    folder = making.once(where.programs / f"{_version()}-{recipe}", _build_kubernetes)
    recipe = making.digest(*(_DNS / name for name in ("go.mod", "go.sum", "main.go")))
    dns = making.once(where.programs / f"{resolver.NAME}-{recipe}", _build_dns)
    # The one that charts are rendered with.
    helm = Path(commands.run(places.CHECKOUT / "scripts" / "helm", timeout=_TIMEOUT).strip())
    # Links: another Helm needs no other Kubernetes.
    _link(folder / resolver.NAME, dns / resolver.NAME)
    _link(folder / "helm", helm)
    return folder


def _link(link: Path, program: Path) -> None:
    if not link.is_symlink() or link.readlink() != program:
        link.unlink(missing_ok=True)
        link.symlink_to(program)


def _build_kubernetes(folder: Path) -> None:
    packages = (f"k8s.io/kubernetes/cmd/{program}" for program in _PROGRAMS)
    _build(folder, *packages, module=_KUBERNETES, flags=_stamp(_version()))


def _build_dns(folder: Path) -> None:
    _build(folder, ".", module=_DNS, flags="-s -w")


def _build(folder: Path, *packages: str, module: Path, flags: str) -> None:
    """Put the programs of some packages into a new folder; ``flags`` are the linker's."""
    folder.mkdir()
    commands.run(
        "nice", "-n", "15", "go", "build", "-mod=readonly", "-trimpath",
        f"-ldflags={flags}", f"-o={folder}/", *packages,
        folder=module,
        environment={**os.environ, "CGO_ENABLED": "0"},
        timeout=_TIMEOUT,
    )  # fmt: skip


def _stamp(version: str) -> str:
    """Return linker flags that tell the programs their version, as a release build does."""
    major, minor, _ = version.split(".")
    return " ".join(
        (
            "-s -w",
            f"-X k8s.io/component-base/version.gitVersion=v{version}",
            f"-X k8s.io/component-base/version.gitMajor={major}",
            f"-X k8s.io/component-base/version.gitMinor={minor}",
            f"-X k8s.io/client-go/pkg/version.gitVersion=v{version}",
        )
    )


def _version() -> str:
    """Return the version that go.mod asks for: its first requirement."""
    module = (_KUBERNETES / "go.mod").read_text()
    found = re.search(r"^require \S+ v(\d+\.\d+\.\d+)$", module, re.MULTILINE)
    if found is None:
        raise ValueError(f"{_KUBERNETES}/go.mod does not begin with what is built")
    return found[1]
