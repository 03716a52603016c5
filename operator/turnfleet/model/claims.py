"""Whose a region's name is: names are unique in a fleet, and manifests of many namespaces meet."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Claim(NamedTuple):
    """A TurnRegion that wants its name. Sorts by who came first."""

    created: float
    """Unix seconds, whole ones: the API server knows no finer."""
    namespace: str
    """Decides between two of the same second, everywhere alike."""
    uid: str
    name: str


def owners(claims: Iterable[Claim]) -> Mapping[str, Claim]:
    """Return, by name, the oldest claim to it."""
    first: dict[str, Claim] = {}
    for claim in sorted(claims):
        first.setdefault(claim.name, claim)
    return first
