"""Objects as they may be shown: as YAML, with where a secret comes from in place of the secret."""

from collections.abc import Mapping
from typing import Any, Final

import yaml

from turnfleet.plan.cluster import objects
from turnrelay import contract

_HIDDEN: Final[Mapping[str, str]] = {
    contract.AUTH_CURRENT: "<generated>",
    contract.AUTH_PREVIOUS: "<the one before>",
    contract.AGENT_KEY: "<derived from the fleet's key>",
}


def redacted(
    kind: objects.Kind, body: Mapping[str, Any], *, named: str | None = None
) -> dict[str, Any]:
    """Return an object without secrets; ``named`` is the Secret that the region's is copied from.

    The kind is not taken from the object, since those of a list do not say theirs. Everything of a
    Secret that is not known to be harmless is hidden.
    """
    if kind is not objects.Kind.SECRET:
        return dict(body)
    source = {contract.AUTH_CURRENT: f"<copied from Secret {named}>"} if named else {}
    harmless = (contract.AUTH_GENERATION, contract.AUTH_RETIRE_AFTER)
    data = {
        name: value if name in harmless else {**_HIDDEN, **source}.get(name, "<hidden>")
        for name, value in (body.get("data") or {}).items()
    }
    return {**body, "data": data}


def text(body: Mapping[str, Any]) -> str:
    """Return an object as YAML; text of several lines stays readable."""
    written: str = yaml.dump(dict(body), Dumper=_Dumper, sort_keys=False, width=100)
    return written


class _Dumper(yaml.SafeDumper):
    """Knows no aliases: what is written twice is written twice."""

    def ignore_aliases(self, data: object) -> bool:
        del data
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)
