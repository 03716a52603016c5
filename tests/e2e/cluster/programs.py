"""Builds Kubernetes from its Go module, whose hashes the go.sum here holds; and has Helm built.

Slow the first time (about six minutes on two cores), and then in the cache.
"""

import os
import re
from pathlib import Path
from typing import Final

from tests.e2e.cluster import commands, making, places

_KUBERNETES: Final = Path(__file__).parent / "kubernetes"
_PROGRAMS: Final = (
    "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy",
    "kubectl",
)  # fmt: skip
_TIMEOUT: Final = 3600
"""Seconds: two slow cores and a slow network."""


def build(where: places.Places) -> Path:
    """Return the folder of all programs, after building those that are not there."""
    recipe = making.digest(*(_KUBERNETES / name for name in ("go.mod", "go.sum", "tools.go")))
    folder = making.once(where.programs / f"{_version()}-{recipe}", _build)
    # The one that charts are rendered with. A link: another Helm needs no other Kubernetes.
    helm = Path(commands.run(places.CHECKOUT / "scripts" / "helm", timeout=_TIMEOUT).strip())
    link = folder / "helm"
    if not link.is_symlink() or link.readlink() != helm:
        link.unlink(missing_ok=True)
        link.symlink_to(helm)
    return folder


def _build(folder: Path) -> None:
    folder.mkdir()
    commands.run(
        "nice", "-n", "15", "go", "build", "-mod=readonly", "-trimpath",
        f"-ldflags={_stamp(_version())}", f"-o={folder}/",
        *(f"k8s.io/kubernetes/cmd/{program}" for program in _PROGRAMS),
        folder=_KUBERNETES,
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
