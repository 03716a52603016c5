"""The auth folder: which secrets are good now, and the key of the agent's own status pages.

Reads a folder that another program swaps. A folder that cannot be read, or holds a secret that is
no secret, gives a sentence and never a partial value, so that a bad write retires nothing.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from turnrelay import contract, mounts

_NUMBER_MAX: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """What the auth folder says. Secrets are never shown: they stay out of the repr."""

    current: str = field(repr=False)
    previous: str | None = field(default=None, repr=False)
    generation: int = 0
    retire_after: float | None = None
    """Unix seconds; ``None``: ``previous`` is good until it is removed."""

    def secrets(self, now: float) -> frozenset[str]:
        """Return the secrets that are good at ``now`` (Unix seconds)."""
        retired = self.retire_after is not None and now >= self.retire_after
        if self.previous is None or retired:
            return frozenset({self.current})
        return frozenset({self.current, self.previous})


def read(folder: Path) -> Auth | str:
    """Return the auth folder's content, or a sentence that says why it cannot be used."""
    version = mounts.snapshot(folder)
    try:
        found = parse(lambda name: mounts.read(version, name))
    except mounts.Unreadable as error:
        found = error.sentence
    # A version that was swapped meanwhile may have lost files: half of it would retire a secret.
    return found if mounts.snapshot(folder) == version else read(folder)


def read_agent_key(folder: Path) -> str | None:
    """Return the key of /status and /metrics; it counts even where the secrets are unusable."""
    try:
        content = mounts.read(mounts.snapshot(folder), contract.AGENT_KEY)
    except mounts.Unreadable:
        return None
    return (content or b"").decode("ascii", "replace").strip() or None


def parse(read: Callable[[str], bytes | None]) -> Auth | str:
    """Return what the files say; ``read`` gives a file's content by name, ``None`` if absent."""
    texts: dict[str, str] = {}
    for name in (
        contract.AUTH_CURRENT,
        contract.AUTH_PREVIOUS,
        contract.AUTH_GENERATION,
        contract.AUTH_RETIRE_AFTER,
    ):
        content = read(name) or b""
        try:
            texts[name] = content.decode().strip()
        except UnicodeDecodeError:
            return f"the auth folder's file {name} is not text in UTF-8"
    return _check(texts)


def _check(texts: dict[str, str]) -> Auth | str:
    current, previous = texts[contract.AUTH_CURRENT], texts[contract.AUTH_PREVIOUS]
    if not current:
        return "the auth folder holds no secret yet"
    for name, secret in ((contract.AUTH_CURRENT, current), (contract.AUTH_PREVIOUS, previous)):
        fault = _fault(secret) if secret else None
        if fault is not None:
            return f"the secret in the auth folder's file {name} {fault}"
    numbers: dict[str, int] = {}
    for name in (contract.AUTH_GENERATION, contract.AUTH_RETIRE_AFTER):
        digits = texts[name].partition(".")[0] or "0"
        if not (digits.isascii() and digits.isdigit() and len(digits) <= _NUMBER_MAX):
            return f"the auth folder's file {name} is not a decimal number"
        numbers[name] = int(digits)
    return Auth(
        current=current,
        previous=previous or None,
        generation=numbers[contract.AUTH_GENERATION],
        retire_after=numbers[contract.AUTH_RETIRE_AFTER] or None,
    )


def _fault(secret: str) -> str | None:
    size = len(secret.encode())
    if size < contract.SECRET_MIN:
        return f"is too short: it has {size} bytes and needs {contract.SECRET_MIN}"
    if size > contract.SECRET_MAX:
        return f"is too long: it has {size} bytes and may have {contract.SECRET_MAX}"
    if not secret.isprintable():
        return "holds control characters"
    return None


def credential(*, secret: str, user: str, expires: int) -> tuple[str, str]:
    """Return user name and password as endpoints mint them (draft-uberti-behave-turn-rest-00)."""
    username = f"{expires}:{user}"
    signature = hmac.digest(secret.encode(), username.encode(), hashlib.sha1)
    return username, base64.b64encode(signature).decode()
