"""Where the test bed keeps its things. Reads the environment, which nothing else here does.

Two folders: the cache outlives every run (programs, images: slow to make, keyed by version), the
other holds one cluster and goes with it. There is one cluster to a machine, because its addresses,
its bridge and its network namespaces have fixed names.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CACHE_VARIABLE: Final = "TURNFLEET_E2E_CACHE"
"""Overrides the folder of the user's cache in which programs and images are kept."""
CLUSTER_VARIABLE: Final = "TURNFLEET_E2E_KUBECONFIG"
"""Names the cluster to use instead of booting one. KUBECONFIG is never looked at."""
RUN: Final = Path("/run/turnfleet-e2e")
"""Sockets and process ids: short paths, for a Unix socket's may have 107 bytes."""
CHECKOUT: Final = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The folders, and the cluster that was given explicitly."""

    cache: Path
    run: Path
    given_kubeconfig: Path | None

    @property
    def programs(self) -> Path:
        """Return the folder of the programs built from Go modules."""
        return self.cache / "programs"

    @property
    def images(self) -> Path:
        """Return the folder of archives that nodes load."""
        return self.cache / "images"

    @property
    def state(self) -> Path:
        """Return the folder on disk that one cluster fills: containers, volumes, etcd's data."""
        return self.cache / "state"

    @property
    def logs(self) -> Path:
        """Return the folder of the logs, kept after the end for whoever looks for a cause."""
        return self.cache / "logs"

    @property
    def kubeconfig(self) -> Path:
        """Return the file with which the cluster booted here is reached."""
        return self.run / "kubeconfig"

    @property
    def pids(self) -> Path:
        """Return the folder of the ids of what runs."""
        return self.run / "pids"

    @property
    def lock(self) -> Path:
        """Return the file that whoever boots, uses or ends the cluster holds locked."""
        return self.run.with_name(f"{self.run.name}.lock")

    @property
    def kept(self) -> Path:
        """Return the file whose presence says that somebody keeps the cluster."""
        return self.run / "kept"


def read(environment: Mapping[str, str]) -> Places:
    """Return the places that the environment asks for, or the usual ones."""
    home = Path(environment.get("HOME", "/root"))
    usual = Path(environment.get("XDG_CACHE_HOME") or home / ".cache") / "turnfleet-e2e"
    given = environment.get(CLUSTER_VARIABLE)
    return Places(
        cache=Path(environment.get(CACHE_VARIABLE) or usual).absolute(),
        run=RUN,
        given_kubeconfig=Path(given).absolute() if given else None,
    )
