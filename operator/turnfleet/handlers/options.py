"""What an operator is told at its start, and what it needs of the machine. Values only."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from turnfleet.plan.cluster import observed


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line asks for."""

    namespaces: tuple[str, ...] | None
    """``None``: all of them."""
    signing: tuple[str, str]
    """Namespace and name of a Secret."""
    lease: tuple[str, str]
    """Namespace and name of a Lease."""
    policy: observed.Policy
    most_rolling: int
    regions: Path | None
    """Folder of the manifests of ``values.regions``."""
    listen: tuple[str | None, int]
    """``None``: every address of both families."""
    kubeconfig: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """The machine: clocks, chance, a name."""

    clock: Callable[[], float]
    """Monotonic seconds."""
    wall: Callable[[], float]
    """Unix seconds."""
    entropy: Callable[[int], bytes]
    rng: random.Random
    instance: str
    """Differs between replicas, and between starts of one."""
