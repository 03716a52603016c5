"""Names for clients who gave none, and nonces: cheap randomness, drawn in bulk.

A name is 12 characters of base64url: 72 bits, so no two clients ever share a quota.
"""

import base64
from collections.abc import Callable
from typing import Final

_NAME: Final = 12
"""Characters: 9 bytes."""
_NONCE: Final = 4
_DRAWN: Final = 256


class Strangers:
    """Hands out names and nonces; never the same twice."""

    def __init__(self, entropy: Callable[[int], bytes]) -> None:
        """``entropy`` gives that many random bytes: ``os.urandom``."""
        self._entropy = entropy
        self._names: list[str] = []
        self._nonces: list[bytes] = []

    def name(self) -> str:
        """Return a user name for one answer."""
        if not self._names:
            # One call for many: a system call each would cost more than the rest of an answer.
            drawn = self._entropy(_DRAWN * 9)
            text = base64.urlsafe_b64encode(drawn).decode()
            self._names = [text[at : at + _NAME] for at in range(0, len(text), _NAME)]
        return self._names.pop()

    def nonce(self) -> bytes:
        """Return four bytes for one token."""
        if not self._nonces:
            drawn = self._entropy(_DRAWN * _NONCE)
            self._nonces = [drawn[at : at + _NONCE] for at in range(0, len(drawn), _NONCE)]
        return self._nonces.pop()
