"""Reads YAML ten times faster than ``yaml.safe_load`` where libyaml is there: the CRD is long."""

from typing import Any, Final

import yaml

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load(text: str) -> Any:
    """Return the one document of a text."""
    return yaml.load(text, _LOADER)  # noqa: S506 - either is a safe one


def load_all(text: str) -> list[Any]:
    """Return the documents of a text."""
    return list(yaml.load_all(text, _LOADER))
