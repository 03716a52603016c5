"""What a Secret holds, as the API server gives it. Total, and keeps nothing."""

import base64
import binascii
from dataclasses import dataclass, field
from typing import Final

from turnfleet.kube import fields, holding
from turnfleet.model import signing
from turnfleet.plan.cluster import observed
from turnfleet.plan.cluster.manifests import secret as manifest
from turnrelay import contract

NAMED_KEY: Final = "secret"
"""In a Secret that ``auth.secretName`` names: the one key that is read."""
_LATEST: Final = 253_402_300_799.0
"""Unix seconds of the end of the year 9999."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Borrowed:
    """What there is of a Secret that ``auth.secretName`` names."""

    secret: bytes | None = field(default=None, repr=False)
    problem: str = ""
    """Why it cannot be used, as a sentence."""


def entry(found: fields.Object, key: str) -> bytes | None:
    """Return one entry of a Secret, outer white space left out; ``None`` where it is empty."""
    try:
        value = base64.b64decode(fields.text(found, "data", key), validate=True)
    except (binascii.Error, ValueError):
        return None
    return value.strip() or None


def auth(found: fields.Object) -> observed.AuthSecret | None:
    """Return what a region's own Secret holds; ``None`` where it holds no secret."""
    current = entry(found, contract.AUTH_CURRENT)
    if current is None:
        return None
    generation = _number(found, contract.AUTH_GENERATION)
    return observed.AuthSecret(
        current=current,
        previous=entry(found, contract.AUTH_PREVIOUS),
        generation=int(generation) if generation is not None else 1,
        retire_after=_moment(found, contract.AUTH_RETIRE_AFTER),
        agent_key=_text(found, contract.AGENT_KEY),
        rotated_at=_moment(found, manifest.ROTATED_AT),
        request=_text(found, manifest.REQUEST),
        ttl=int(_number(found, manifest.TTL) or 0),
        expires_by=_moment(found, manifest.EXPIRES_BY),
    )


def named(found: fields.Object) -> bytes | str:
    """Return what a Secret of somebody else has to sign with, or why it cannot be used."""
    value = entry(found, NAMED_KEY)
    if value is None:
        return f"it has no key named {NAMED_KEY}, or an empty one"
    fault = signing.fault(value)
    return value if fault is None else f"its key {NAMED_KEY} {fault}"


def borrowed(key: holding.Key, found: fields.Object | None) -> Borrowed:
    """Return what a named Secret has to sign with; ``found`` ``None``: there is no such Secret."""
    if found is None:
        return Borrowed(problem=f"there is no Secret {key.name} in namespace {key.namespace}")
    value = named(found)
    if isinstance(value, str):
        return Borrowed(problem=f"the Secret {key.name} cannot be used: {value}")
    return Borrowed(secret=value)


def _text(found: fields.Object, key: str) -> str:
    return (entry(found, key) or b"").decode("ascii", "replace")


def _moment(found: fields.Object, key: str) -> float | None:
    """Return a time in Unix seconds; ``None``, too, for one that no status can tell."""
    moment = _number(found, key)
    return moment if moment is not None and moment <= _LATEST else None


def _number(found: fields.Object, key: str) -> float | None:
    try:
        number = float(_text(found, key))
    except ValueError:
        return None
    return number if 0 <= number < float(2**53) else None
