"""Builds Kubernetes from its Go module, whose hashes the go.sum here holds; and has Helm built.

Slow the first time (about six minutes on two cores), and then in the cache.
"""

import os
import re
import shutil
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
    helm = Path(commands.run(places.CHECKOUT / "scripts" / "helm", timeout=_TIMEOUT).strip())
    name = f"{_version(_KUBERNETES)}-{_digest(_KUBERNETES)}-{helm.name}"
    return making.once(where.programs / name, lambda folder: _build(folder, helm))


def _build(folder: Path, helm: Path) -> None:
    folder.mkdir()
    packages = tuple(f"k8s.io/kubernetes/cmd/{program}" for program in _PROGRAMS)
    _go_build(_KUBERNETES, folder, _stamp(_version(_KUBERNETES)), packages)
    shutil.copy(helm, folder / "helm")


def _go_build(recipe: Path, folder: Path, flags: str, packages: tuple[str, ...]) -> None:
    commands.run(
        "nice", "-n", "15", "go", "build", "-mod=readonly", "-trimpath", f"-ldflags={flags}",
        f"-o={folder}/", *packages,
        folder=recipe,
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


def _version(recipe: Path) -> str:
    """Return the version that a recipe's go.mod asks for: its first requirement."""
    module = (recipe / "go.mod").read_text()
    found = re.search(r"^require \S+ v(\d+\.\d+\.\d+)$", module, re.MULTILINE)
    if found is None:
        raise ValueError(f"{recipe}/go.mod does not begin with what is built")
    return found[1]


def _digest(recipe: Path) -> str:
    return making.digest(*(recipe / name for name in ("go.mod", "go.sum", "tools.go")))
