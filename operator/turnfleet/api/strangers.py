"""Names for clients who gave none, and nonces: cheap randomness, drawn in bulk.

A name is 12 characters of base64url: 72 bits, so no two clients ever share a quota.
"""

import base64
from collections.abc import Callable
from typing import Final

from turnfleet.steer import rendezvous

_NAME: Final = 12
"""Characters: 9 bytes."""
_NONCE: Final = 4
_DRAWN: Final = 256


class Strangers:
    """Hands out names and nonces; never the same twice."""

    def __init__(self, entropy: Callable[[int], bytes]) -> None:
        """``entropy`` gives that many random bytes: ``os.urandom``."""
        self._entropy = entropy
        self._drawn: list[tuple[str, int, bytes]] = []

    def draw(self) -> tuple[str, int, bytes]:
        """Return what is random about one answer: a name, its slot, four bytes for the token."""
        if not self._drawn:
            self._drawn = self._draw()
        return self._drawn.pop()

    def _draw(self) -> list[tuple[str, int, bytes]]:
        # One call for many: a system call each would cost more than the rest of an answer.
        text = base64.urlsafe_b64encode(self._entropy(_DRAWN * 9)).decode()
        names = [text[at : at + _NAME] for at in range(0, len(text), _NAME)]
        drawn = self._entropy(_DRAWN * _NONCE)
        nonces = [drawn[at : at + _NONCE] for at in range(0, len(drawn), _NONCE)]
        return list(zip(names, map(rendezvous.slot, names), nonces, strict=True))
