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
    data_dir: Path = Path("/usr/share/turnfleet")
    """TURNFLEET_DATA: where geo databases are looked for; XDG_DATA_HOME/turnfleet by default."""


def read(environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings of an environment."""
    home = Path(environ.get("HOME") or "/")
    data_home = Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    return Settings(
        no_color=bool(environ.get("NO_COLOR")),
        data_dir=Path(environ.get("TURNFLEET_DATA") or data_home / "turnfleet"),
    )
