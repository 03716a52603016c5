"""What a fleet signs with: its own key, and one secret for each region. Entries and derived keys.

The Secret ``turnfleet-signing`` and its mounted folder have the same entries.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from turnfleet.model import fleet
from turnrelay import contract

FLEET_KEY: Final = "fleet-key"
"""Entry: hex of 32 random bytes."""
REGION_PREFIX: Final = "region."
"""Before a region's name: the entry of what its credentials are signed with."""
KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """What an endpoint signs with. Its repr is empty of it."""

    fleet_key: bytes = field(repr=False)
    regions: Mapping[str, fleet.Secret] = field(repr=False)
    """By region's name."""


def agent_key(fleet_key: bytes) -> str:
    """Return what relays show their status for (``contract.AGENT_KEY_PURPOSE``)."""
    return hmac.new(fleet_key, contract.AGENT_KEY_PURPOSE.encode(), hashlib.sha256).hexdigest()


def fleet_key(entry: bytes | None) -> bytes | None:
    """Return the fleet's key that an entry holds; ``None`` where it holds none."""
    try:
        key = bytes.fromhex((entry or b"").decode("ascii", "replace"))
    except ValueError:
        return None
    return key if len(key) == KEY_BYTES else None


def read(entries: Mapping[str, bytes]) -> tuple[Keys | None, tuple[str, ...]]:
    """Return what entries hold, and a sentence for each that is unfit; without values, of course.

    No keys at all where the fleet's own is missing: nothing can be answered without it.
    """
    key = fleet_key(entries.get(FLEET_KEY))
    regions: dict[str, fleet.Secret] = {}
    complaints = []
    for name, value in sorted(entries.items()):
        region = name.removeprefix(REGION_PREFIX)
        if region == name:
            continue
        secret = value.strip()
        if found := fault(secret):
            complaints.append(f"What region {region} signs with {found}; it is not offered")
        else:
            regions[region] = fleet.Secret(secret)
    keys = Keys(fleet_key=key, regions=regions) if key is not None else None
    return keys, tuple(complaints)


def fault(secret: bytes) -> str | None:
    """Return why nothing can be signed with a secret, as the end of a sentence."""
    if not contract.SECRET_MIN <= len(secret) <= contract.SECRET_MAX:
        return f"needs {contract.SECRET_MIN} to {contract.SECRET_MAX} bytes"
    try:
        return None if secret.decode().isprintable() else "is not one line of text"
    except UnicodeDecodeError:
        return "is not text"
