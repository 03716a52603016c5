"""The one place that reads the environment. Flags win over it; nothing else looks at it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the environment says. Every field has the meaning of its variable."""

    no_color: bool = False
    """NO_COLOR (https://no-color.org): set and not empty."""


def read(environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings of an environment."""
    return Settings(no_color=bool(environ.get("NO_COLOR")))
