"""The one place that reads the environment. Flags win over it; nothing else looks at it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the environment says. Every field has the meaning of its variable."""

    no_color: bool = False
    """NO_COLOR (https://no-color.org): set and not empty."""
    kubeconfig: Path | None = None
    """KUBECONFIG, or else ~/.kube/config where there is one: the cluster that kubectl would take.
    For what a person does by hand; programs that go on are told by a flag, or by their pod."""


def read(environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings of an environment."""
    return Settings(no_color=bool(environ.get("NO_COLOR")), kubeconfig=_kubeconfig(environ))


def _kubeconfig(environ: Mapping[str, str]) -> Path | None:
    if named := environ.get("KUBECONFIG"):
        return Path(named)
    usual = Path(environ.get("HOME", "/")) / ".kube" / "config"
    return usual if usual.is_file() else None
